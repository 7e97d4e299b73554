/* See filling.h. */
#include "filling.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROWS 1024

int open_filling(struct filling *batch, PyObject *schema, Py_ssize_t rows, Py_ssize_t bytes)
{
    if (rows < 1 || rows > INT32_MAX / 2 || bytes < 1) {
        PyErr_SetString(PyExc_ValueError, "a batch has at least one row and one byte");
        return -1;
    }
    *batch = (struct filling){.most_rows = rows, .most_bytes = bytes};
    struct type *types = types_of(schema, &batch->count);
    if (!types)
        return -1;
    batch->columns = PyMem_Calloc(batch->count + 1, sizeof *batch->columns);
    for (int64_t i = 0; batch->columns && i < batch->count; i++) {
        batch->columns[i].type = types[i];
        batch->row_bytes += 1 + (is_variable(&types[i]) ? 4 : types[i].width);
    }
    PyMem_Free(types);
    if (!batch->columns)
        PyErr_NoMemory();
    return batch->columns ? 0 : -1;
}

void close_filling(struct filling *batch)
{
    for (int64_t i = 0; batch->columns && i < batch->count; i++) {
        free(batch->columns[i].validity);
        free(batch->columns[i].values);
        free(batch->columns[i].offsets);
    }
    PyMem_Free(batch->columns);
}

void put_null(struct filled *column, int64_t row)
{
    column->validity[row >> 3] &= (uint8_t)~(1 << (row & 7));
    column->nulls++;
    if (is_variable(&column->type))
        column->offsets[row + 1] = (int32_t)column->size;
    else if (column->type.width)
        memset(column->values + row * column->type.width, 0, column->type.width);
}

/* ---- room */

static int grow(void **buffer, int64_t bytes)
{
    void *grown = realloc(*buffer, bytes);
    if (grown)
        *buffer = grown;
    return grown != NULL;
}

int room_for_row(struct filling *batch)
{
    if (batch->rows < batch->row_room)
        return 1;
    int64_t before = batch->row_room, rows = before ? before * 4 : FIRST_ROWS;
    if (rows > batch->most_rows)
        rows = batch->most_rows;
    for (int64_t i = 0; i < batch->count; i++) {
        struct filled *column = &batch->columns[i];
        int64_t bits = (rows + 7) / 8, old_bits = (before + 7) / 8;
        if (!grow((void **)&column->validity, bits))
            return 0;
        memset(column->validity + old_bits, 0xff, bits - old_bits);
        if (column->type.kind == BOOLEAN) {
            if (!grow((void **)&column->values, bits))
                return 0;
            memset(column->values + old_bits, 0, bits - old_bits);
        } else if (is_variable(&column->type)) {
            if (!grow((void **)&column->offsets, (rows + 1) * 4))
                return 0;
            column->offsets[0] = 0;
        } else if (!grow((void **)&column->values, rows * column->type.width))
            return 0;
    }
    batch->row_room = rows;
    return 1;
}

int room_for_value(struct filled *column, int64_t length)
{
    int64_t wanted = column->size + length;
    if (wanted <= column->room && column->values)
        return 1;
    int64_t room = wanted < (16 << 20) ? wanted * 2 + 64 : wanted;  /* a huge value is the last of its batch */
    if (!grow((void **)&column->values, room))
        return 0;
    column->room = room;
    return 1;
}

/* ---- texts */

static int continues(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/* Whether these bytes are UTF-8, as https://www.unicode.org/versions/latest/ (table 3-7) has it. */
static int is_utf8(const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        uint64_t eight;
        while (end - at >= 8 && (memcpy(&eight, at, 8), !(eight & UINT64_C(0x8080808080808080))))
            at += 8;
        if (at == end)
            break;
        int lead = *at++;
        if (lead < 0x80)
            continue;
        int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4 || end - at < more)
            return 0;
        if ((lead == 0xE0 && *at < 0xA0) || (lead == 0xED && *at > 0x9F) || (lead == 0xF0 && *at < 0x90) || (lead == 0xF4 && *at > 0x8F))
            return 0;
        for (; more; more--)
            if (!continues(*at++))
                return 0;
    }
    return 1;
}

/* Each text by itself is UTF-8 when all together are, and none begins in the middle of a character. */
static int is_text(const struct filled *column, int64_t rows)
{
    if (!is_utf8(column->values, column->values + column->size))
        return 0;
    for (int64_t i = 1; i < rows; i++)
        if (column->offsets[i] < column->size && continues(column->values[column->offsets[i]]))
            return 0;
    return 1;
}

int64_t not_text(const struct filling *batch)
{
    for (int64_t i = 0; i < batch->count; i++)
        if (batch->columns[i].type.kind == TEXT && batch->columns[i].size && !is_text(&batch->columns[i], batch->rows))
            return i;
    return -1;
}

/* ---- Arrow's side */

static void release_array(struct ArrowArray *array)
{
    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i]->release)
            array->children[i]->release(array->children[i]);
        free(array->children[i]);
    }
    for (int64_t i = 0; i < array->n_buffers; i++)
        free((void *)array->buffers[i]);
    free(array->buffers);
    free(array->children);
    array->release = NULL;
}

static void free_capsule(PyObject *capsule)
{
    struct ArrowArray *array = PyCapsule_GetPointer(capsule, "arrow_array");
    if (array->release)
        array->release(array);
    free(array);
}

static struct ArrowArray *new_array(int64_t rows, int64_t buffers, int64_t children)
{
    struct ArrowArray *array = calloc(1, sizeof *array);
    if (!array)
        return NULL;
    *array = (struct ArrowArray){.length = rows, .release = release_array};
    array->buffers = calloc(buffers, sizeof *array->buffers);
    array->children = calloc(children + 1, sizeof *array->children);
    if (!array->buffers || !array->children) {
        release_array(array);
        free(array);
        return NULL;
    }
    array->n_buffers = buffers;
    return array;
}

/* The filled columns become an array that owns their buffers. NULL without memory. */
static struct ArrowArray *array_of(struct filling *filling)
{
    struct ArrowArray *batch = new_array(filling->rows, 1, filling->count);
    for (int64_t i = 0; batch && i < filling->count; i++) {
        struct filled *column = &filling->columns[i];
        struct ArrowArray *child = new_array(filling->rows, is_variable(&column->type) ? 3 : 2, 0);
        if (!child || (is_variable(&column->type) && !room_for_value(column, 0))) {
            if (child)
                release_array(child);
            free(child);
            release_array(batch);
            free(batch);
            return NULL;
        }
        child->null_count = column->nulls;
        if (column->nulls)
            child->buffers[0] = column->validity;
        else
            free(column->validity);
        if (is_variable(&column->type))
            child->buffers[1] = column->offsets;
        child->buffers[child->n_buffers - 1] = column->values;
        batch->children[batch->n_children++] = child;
        *column = (struct filled){.type = column->type, .padded = column->padded};
    }
    filling->rows = filling->row_room = filling->bytes = 0;
    return batch;
}

PyObject *hand_over(struct filling *filling)
{
    struct ArrowArray *batch = array_of(filling);
    PyObject *capsule = batch ? PyCapsule_New(batch, "arrow_array", free_capsule) : PyErr_NoMemory();
    if (batch && !capsule) {
        batch->release(batch);
        free(batch);
    }
    return capsule;
}

PyObject *unfit(int64_t column, const char *why)
{
    PyObject *arguments = Py_BuildValue("(Ls)", (long long)column, why);
    if (arguments)
        PyErr_SetObject(PyExc_ValueError, arguments);
    Py_XDECREF(arguments);
    return NULL;
}
