/* Arrow rows as PostgreSQL's COPY (FORMAT binary) FROM STDIN reads them: an iterator of pieces of bytes, without header and trailer.
 *
 * Whole numbers go as the next type that PostgreSQL has for all of theirs: int8 as smallint, uint32 as bigint, uint64 as numeric.
 * A long value goes out in pieces from where it lies, so that it is never copied as a whole.
 */
#include "moments.h"
#include "native.h"
#include "numeric.h"

#include <string.h>

#define PIECE_BYTES (128 << 10)
#define SHORT_BYTES (4 + 8 + NUMERIC_BYTES)  /* no value of a fixed form takes more */

typedef struct {
    PyObject_HEAD
    struct batch batch;
    int64_t row, column;
    int64_t sent;  /* bytes of a long value that have gone out; -1 before its length has */
    int busy;
} writer;

static inline uint8_t *put16(uint8_t *to, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(to, &value, 2);
    return to + 2;
}

static inline uint8_t *put32(uint8_t *to, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(to, &value, 4);
    return to + 4;
}

static inline uint8_t *put64(uint8_t *to, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(to, &value, 8);
    return to + 8;
}

static int64_t whole(const struct type *type, const uint8_t *from)
{
    uint64_t value = 0;
    memcpy(&value, from, type->width);
    int unused = 64 - 8 * type->width;
    return type->kind == SIGNED ? (int64_t)(value << unused) >> unused : (int64_t)value;
}

static uint8_t *put_whole(const struct type *type, const uint8_t *from, uint8_t *to)
{
    static const struct type digits = {DECIMAL, 16, 20, 0};
    int64_t value = whole(type, from);
    int width = type->kind == SIGNED ? (type->width == 1 ? 2 : type->width) : 2 * type->width;
    if (width == 2)
        return put16(put32(to, 2), (uint16_t)value);
    if (width == 4)
        return put32(put32(to, 4), (uint32_t)value);
    if (width == 8)
        return put64(put32(to, 8), (uint64_t)value);
    uint64_t halves[2] = {(uint64_t)value, 0};
    int length = numeric_out((const uint8_t *)halves, &digits, to + 4);
    put32(to, (uint32_t)length);
    return to + 4 + length;
}

static uint8_t *put_fixed(const struct column *column, int64_t row, uint8_t *to)
{
    const struct type *type = &column->type;
    int64_t index = column->first + row, value;
    const uint8_t *from = column->values + index * type->width;
    int length;
    switch (type->kind) {
    case BOOLEAN:
        to = put32(to, 1);
        *to = (uint8_t)bit(column->values, index);
        return to + 1;
    case SIGNED:
    case UNSIGNED: return put_whole(type, from, to);
    case DECIMAL:
        length = numeric_out(from, type, to + 4);
        put32(to, (uint32_t)length);
        return to + 4 + length;
    case DATE:
        value = whole(&(struct type){SIGNED, 4, 0, 0}, from);
        return put32(put32(to, 4), (uint32_t)(value - DAYS_TO_2000));
    default:  /* FLOATING, TIME, TIMESTAMP */
        value = whole(&(struct type){SIGNED, type->width, 0, 0}, from);
        if (type->kind == TIMESTAMP)
            value = (int64_t)((uint64_t)value - (uint64_t)(DAYS_TO_2000 * DAY_MICROSECONDS));
        return type->width == 4 ? put32(put32(to, 4), (uint32_t)value) : put64(put32(to, 8), (uint64_t)value);
    }
}

/* As much as there is room for of what is left of a text or binary. Answers where it ends. */
static uint8_t *put_variable(writer *self, const struct column *column, uint8_t *to, const uint8_t *end)
{
    int64_t begin = column->offsets[column->first + self->row], length = column->offsets[column->first + self->row + 1] - begin;
    if (self->sent < 0) {
        to = put32(to, (uint32_t)length);
        self->sent = 0;
    }
    int64_t part = length - self->sent < end - to ? length - self->sent : end - to;
    if (part)
        memcpy(to, column->values + begin + self->sent, part);
    self->sent += part;
    return to + part;
}

/* Fills a piece, and answers how much of it. */
static int64_t fill(writer *self, uint8_t *piece)
{
    uint8_t *to = piece;
    const uint8_t *end = piece + PIECE_BYTES;
    for (; self->row < self->batch.rows; self->row++, self->column = 0) {
        if (!self->column && self->sent < 0) {
            if (end - to < 2 + SHORT_BYTES)  /* its first value has to follow, or its count would be written again */
                return to - piece;
            to = put16(to, (uint16_t)self->batch.count);
        }
        for (; self->column < self->batch.count; self->column++, self->sent = -1) {
            const struct column *column = &self->batch.columns[self->column];
            if (self->sent < 0 && end - to < SHORT_BYTES)
                return to - piece;
            if (column->validity && !bit(column->validity, column->first + self->row))
                to = put32(to, UINT32_MAX);
            else if (!is_variable(&column->type))
                to = put_fixed(column, self->row, to);
            else {
                to = put_variable(self, column, to, end);
                if (self->sent < column->offsets[column->first + self->row + 1] - column->offsets[column->first + self->row])
                    return to - piece;
            }
        }
    }
    return to - piece;
}

static PyObject *writer_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"batch", NULL};
    PyObject *source;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O", names, &source))
        return NULL;
    writer *self = (writer *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->sent = -1;
    if (open_batch(source, &self->batch) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    if (self->batch.count > INT16_MAX) {
        PyErr_SetString(PyExc_ValueError, "a row has more columns than COPY can count");
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void writer_free(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    close_batch(&((writer *)object)->batch);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *writer_next(PyObject *object)
{
    writer *self = (writer *)object;
    if (self->row >= self->batch.rows)
        return NULL;
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread is writing");
        return NULL;
    }
    PyObject *piece = PyBytes_FromStringAndSize(NULL, PIECE_BYTES);
    if (!piece)
        return NULL;
    self->busy = 1;
    int64_t length;
    uint8_t *to = (uint8_t *)PyBytes_AS_STRING(piece);
    Py_BEGIN_ALLOW_THREADS
    length = fill(self, to);
    Py_END_ALLOW_THREADS
    self->busy = 0;
    if (_PyBytes_Resize(&piece, length) < 0)
        return NULL;
    return piece;
}

static PyType_Slot writer_slots[] = {
    {Py_tp_new, writer_new},
    {Py_tp_dealloc, writer_free},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, writer_next},
    {0, NULL},
};

PyType_Spec copy_writer_spec = {"penstock._native.CopyWriter", sizeof(writer), 0, Py_TPFLAGS_DEFAULT, writer_slots};
