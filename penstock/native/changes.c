/* The row changes of PostgreSQL's pgoutput, as rows of COPY (FORMAT binary), which copy_read.c decodes.
 *
 * A message is a letter (I, U, D), the relation's number (32 bits), and up to two rows, each behind a letter: K (the old key), O (the old
 * row), N (the new row). A row is a count of its columns (16 bits), then of each a letter: n (NULL), u (a value out of line, which has
 * not changed and is not sent), or t and b with a length (32 bits) and the value.
 * Source: https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 * Every row of a message becomes one row here: the number of its message (32 bits), the two letters, a byte for each column that says
 * whether its value was left out (NULL where none was), and the columns.
 */
#include "native.h"

#include <stdlib.h>
#include <string.h>

#define HEADER "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
#define HEADER_BYTES 19
#define FIELDS 3  /* before the columns */
#define MOST_COLUMNS 1600

struct block {
    uint8_t *bytes;
    size_t size, room;
};

static int room_for(struct block *block, size_t more)
{
    if (block->size + more <= block->room)
        return 1;
    size_t room = block->room ? block->room : 4096;
    while (room < block->size + more)
        room *= 2;
    uint8_t *bytes = realloc(block->bytes, room);
    if (!bytes)
        return 0;
    block->bytes = bytes;
    block->room = room;
    return 1;
}

static void put16(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(to, &value, 4);
}

static uint32_t get32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, 4);
    return __builtin_bswap32(value);
}

/* One row of a message at *at, appended to the block. NULL when all is well, else what is wrong; "" is no memory. */
static const char *add_row(struct block *block, uint32_t number, uint8_t operation, int columns, const uint8_t **at, const uint8_t *end)
{
    const uint8_t *from = *at;
    uint8_t left_out[MOST_COLUMNS];
    int some = 0;
    if (end - from < 3)
        return "a row is cut short";
    uint8_t image = *from;
    if ((from[1] << 8 | from[2]) != columns)
        return "a row has another number of columns than its table";
    from += 3;
    /* what is appended is at most as long as the message: lengths take 4 bytes more than the letters of NULLs */
    if (!room_for(block, (size_t)(end - from) + 4 * (size_t)columns + 32 + columns))
        return "";
    uint8_t *row = block->bytes + block->size, *to = row;
    put16(to, FIELDS + columns);
    put32(to + 2, 4);
    put32(to + 6, number);
    put32(to + 10, 2);
    to[14] = operation;
    to[15] = image;
    to += 16;
    uint8_t *values = to + 4 + columns;  /* room for what says which are left out */
    uint8_t *into = values;
    for (int i = 0; i < columns; i++) {
        if (from >= end)
            return "a row is cut short";
        uint8_t kind = *from++;
        left_out[i] = kind == 'u';
        if (kind == 'n' || kind == 'u') {
            some |= kind == 'u';
            put32(into, UINT32_MAX);
            into += 4;
        } else if (kind == 't' || kind == 'b') {
            if (end - from < 4)
                return "a value is cut short";
            uint32_t length = get32(from);
            if (length > INT32_MAX || (size_t)(end - from - 4) < length)
                return "a value is cut short";
            memcpy(into, from, 4 + (size_t)length);
            into += 4 + (size_t)length;
            from += 4 + (size_t)length;
        } else
            return "a value is of an unknown kind";
    }
    if (some) {
        put32(to, columns);
        memcpy(to + 4, left_out, columns);
        to = into;
    } else {
        put32(to, UINT32_MAX);
        memmove(to + 4, values, into - values);
        to += 4 + (into - values);
    }
    block->size += to - row;
    *at = from;
    return NULL;
}

/* The rows of one message. */
static const char *add_message(struct block *block, uint32_t number, int columns, const uint8_t *at, size_t size)
{
    const uint8_t *end = at + size;
    if (size < 6 || (*at != 'I' && *at != 'U' && *at != 'D'))
        return "it is no change of a row";
    uint8_t operation = *at;
    at += 5;
    while (at < end) {
        const char *why = add_row(block, number, operation, columns, &at, end);
        if (why)
            return why;
    }
    return NULL;
}

PyObject *native_change_rows(PyObject *self, PyObject *arguments)
{
    (void)self;
    PyObject *messages, *made = NULL;
    int columns;
    if (!PyArg_ParseTuple(arguments, "O!i", &PyList_Type, &messages, &columns))
        return NULL;
    if (columns < 0 || columns > MOST_COLUMNS) {
        PyErr_SetString(PyExc_ValueError, "no table has so many columns");
        return NULL;
    }
    struct block block = {NULL, 0, 0};
    const char *why = NULL;
    if (!room_for(&block, HEADER_BYTES))
        return PyErr_NoMemory();
    memcpy(block.bytes, HEADER, HEADER_BYTES);
    block.size = HEADER_BYTES;
    for (Py_ssize_t i = 0; !why && i < PyList_GET_SIZE(messages); i++) {
        PyObject *message = PyList_GET_ITEM(messages, i);
        if (!PyBytes_Check(message)) {
            PyErr_SetString(PyExc_TypeError, "a message is bytes");
            goto out;
        }
        why = add_message(&block, (uint32_t)i, columns, (const uint8_t *)PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message));
    }
    if (!why && !room_for(&block, 2))
        why = "";
    if (why) {
        if (*why)
            PyErr_SetString(PyExc_ValueError, why);
        else
            PyErr_NoMemory();
        goto out;
    }
    put16(block.bytes + block.size, 0xffff);
    made = PyBytes_FromStringAndSize((const char *)block.bytes, (Py_ssize_t)block.size + 2);
out:
    free(block.bytes);
    return made;
}
