/* PostgreSQL's COPY (FORMAT binary) TO STDOUT, straight into Arrow's buffers.
 *
 * A row is a count of its columns (16 bits), then of each its length (32 bits, -1 for NULL) and its value as the type's send
 * function writes it, all big end first. Source: https://www.postgresql.org/docs/current/sql-copy.html ("Binary Format").
 * It is decoded as a stream: a value of any length is copied as it comes, so that it is in memory once here and once in libpq.
 */
#include "filling.h"
#include "moments.h"
#include "native.h"
#include "numeric.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>

#define WINDOW_BYTES (256 << 10)  /* at least one whole value of a fixed form, and the longest number */
#define HEADER_BYTES 19

static const uint8_t SIGNATURE[11] = "PGCOPY\n\377\r\n";

typedef struct {
    PyObject_HEAD
    PGconn *connection;
    struct filling batch;
    int64_t field;             /* which field of the row is next; -1 before the row's count of columns */
    int64_t missing;           /* bytes of a long value that are still to come */
    int begun;                 /* the header was read */
    int done;                  /* the trailer was read */
    int busy;
    char over;                 /* libpq has left the COPY: its result is next */
    char ended;                /* nothing follows the rows that were handed over */
    int64_t start, end;        /* what of the window is not decoded yet */
    uint8_t *window;
    int64_t bad_column;        /* -1: the stream itself */
    char why[160];
} reader;

enum step { MORE, ROW, END, BAD, NO_MEMORY };

static inline uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

static inline uint32_t get32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, 4);
    return __builtin_bswap32(value);
}

static inline uint64_t get64(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, 8);
    return __builtin_bswap64(value);
}

static enum step bad(reader *self, int64_t column, const char *why)
{
    self->bad_column = column;
    if (why != self->why)
        snprintf(self->why, sizeof self->why, "%s", why);
    return BAD;
}

static enum step bad_day(reader *self, int64_t column, int64_t days, int64_t time)
{
    char day[40];
    int before = print_day(days, day, sizeof day);
    int64_t seconds = time / 1000000;
    int length = snprintf(self->why, sizeof self->why, "it is %s", day);
    if (time >= 0)
        length += snprintf(self->why + length, sizeof self->why - length, " %02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60),
                           (int)(seconds % 60));
    if (before)
        snprintf(self->why + length, sizeof self->why - length, " BC");
    return bad(self, column, self->why);
}

/* ---- values */

static enum step put_whole(reader *self, int64_t number, const uint8_t *wire, int64_t length)
{
    struct filled *column = &self->batch.columns[number];
    const struct type *type = &column->type;
    uint8_t *to = column->values + self->batch.rows * type->width;
    int64_t value;
    if (type->kind == UNSIGNED && type->width == 8) {  /* no integer of PostgreSQL holds them all: they come as numbers */
        static const struct type digits = {DECIMAL, 16, 20, 0};
        uint64_t halves[2];
        const char *why = numeric_in(wire, length, &digits, (uint8_t *)halves);
        if (!why && halves[1])
            why = "it is beyond its column's type";
        memcpy(to, halves, 8);
        return why ? bad(self, number, why) : MORE;
    }
    switch (length) {
    case 2: value = (int16_t)get16(wire); break;
    case 4: value = (int32_t)get32(wire); break;
    case 8: value = (int64_t)get64(wire); break;
    default: return bad(self, number, "its form is not a whole number's");
    }
    int bits = 8 * type->width;
    if (bits < 64 && (type->kind == SIGNED ? value < -(INT64_C(1) << (bits - 1)) || value >= INT64_C(1) << (bits - 1)
                                           : value < 0 || value >= INT64_C(1) << bits)) {
        snprintf(self->why, sizeof self->why, "it is %lld", (long long)value);
        return bad(self, number, self->why);
    }
    memcpy(to, &value, type->width);
    return MORE;
}

static enum step put_moment(reader *self, int64_t number, const uint8_t *wire, int64_t length)
{
    struct filled *column = &self->batch.columns[number];
    uint8_t *to = column->values + self->batch.rows * column->type.width;
    if (length != column->type.width)
        return bad(self, number, "its form is not a date's or a time's");
    if (column->type.kind == DATE) {
        int32_t days = (int32_t)get32(wire);
        if (days == INT32_MAX || days == INT32_MIN)
            return bad(self, number, days < 0 ? "it is -infinity" : "it is infinity");
        if (days < FIRST_DAY - DAYS_TO_2000 || days > LAST_DAY - DAYS_TO_2000)
            return bad_day(self, number, (int64_t)days + DAYS_TO_2000, -1);
        days += DAYS_TO_2000;
        memcpy(to, &days, 4);
        return MORE;
    }
    int64_t value = (int64_t)get64(wire);
    if (column->type.kind == TIME) {
        if (value < 0 || value >= DAY_MICROSECONDS)
            return bad(self, number, value == DAY_MICROSECONDS ? "it is 24:00:00" : "it is beyond a day");
    } else {
        if (value == INT64_MAX || value == INT64_MIN)
            return bad(self, number, value < 0 ? "it is -infinity" : "it is infinity");
        int64_t day = value / DAY_MICROSECONDS - (value % DAY_MICROSECONDS < 0);
        if (day < FIRST_DAY - DAYS_TO_2000 || day > LAST_DAY - DAYS_TO_2000)
            return bad_day(self, number, day + DAYS_TO_2000, value - day * DAY_MICROSECONDS);
        value += DAYS_TO_2000 * DAY_MICROSECONDS;
    }
    memcpy(to, &value, 8);
    return MORE;
}

static enum step put_fixed(reader *self, int64_t number, const uint8_t *wire, int64_t length)
{
    struct filled *column = &self->batch.columns[number];
    const struct type *type = &column->type;
    uint8_t *to = column->values + self->batch.rows * type->width;
    const char *why;
    switch (type->kind) {
    case SIGNED:
    case UNSIGNED: return put_whole(self, number, wire, length);
    case DATE:
    case TIME:
    case TIMESTAMP: return put_moment(self, number, wire, length);
    case DECIMAL: return (why = numeric_in(wire, length, type, to)) ? bad(self, number, why) : MORE;
    case FLOATING:
        if (length != type->width)
            return bad(self, number, "its form is not a floating number's");
        if (length == 4) {
            uint32_t raw = get32(wire);
            memcpy(to, &raw, 4);
        } else {
            uint64_t raw = get64(wire);
            memcpy(to, &raw, 8);
        }
        return MORE;
    default:  /* BOOLEAN */
        if (length != 1 || *wire > 1)
            return bad(self, number, "its form is not a boolean's");
        column->values[self->batch.rows >> 3] |= (uint8_t)(*wire << (self->batch.rows & 7));
        return MORE;
    }
}

/* ---- rows */

/* The next row, or as much of it as is in the window. MORE: the window has too little. */
static enum step decode_row(reader *self)
{
    const uint8_t *at = self->window + self->start, *end = self->window + self->end;
    enum step step = MORE;
    if (self->field < 0) {
        if (end - at < 2)
            return MORE;
        int columns = (int16_t)get16(at);
        if (columns == -1) {
            self->start += 2;
            return END;
        }
        if (columns != self->batch.count)
            return bad(self, -1, "a row has another number of columns than were asked for");
        if (!room_for_row(&self->batch))
            return NO_MEMORY;
        at += 2;
        self->field = 0;
    }
    for (; self->field < self->batch.count; self->field++) {
        struct filled *column = &self->batch.columns[self->field];
        if (!self->missing) {
            if (end - at < 4)
                goto out;
            int64_t length = (int32_t)get32(at);
            if (length == -1) {
                put_null(column, self->batch.rows);
                at += 4;
                continue;
            }
            if (length < 0) {
                step = bad(self, self->field, "its length is negative");
                goto out;
            }
            if (!is_variable(&column->type)) {
                if (length > WINDOW_BYTES - 8) {
                    step = bad(self, self->field, "it is longer than any value of its type");
                    goto out;
                }
                if (end - at < 4 + length)
                    goto out;
                if ((step = put_fixed(self, self->field, at + 4, length)) != MORE)
                    goto out;
                at += 4 + length;
                continue;
            }
            if (column->size + length > INT32_MAX) {
                step = bad(self, self->field, "it is longer than 2 GB");
                goto out;
            }
            if (!room_for_value(column, length))
                return NO_MEMORY;
            at += 4;
            self->missing = length;
        }
        int64_t here = end - at < self->missing ? end - at : self->missing;
        memcpy(column->values + column->size, at, here);
        at += here;
        column->size += here;
        self->batch.bytes += here;
        self->missing -= here;
        if (self->missing)
            goto out;
        if (column->padded)
            while (column->size > column->offsets[self->batch.rows] && column->values[column->size - 1] == ' ')
                column->size--;
        column->offsets[self->batch.rows + 1] = (int32_t)column->size;
    }
    self->field = -1;
    self->batch.rows++;
    self->batch.bytes += self->batch.row_bytes;
    step = ROW;
out:
    self->start = at - self->window;
    return step;
}

static enum step decode_header(reader *self)
{
    const uint8_t *at = self->window + self->start;
    if (self->end - self->start < HEADER_BYTES)
        return MORE;
    if (memcmp(at, SIGNATURE, sizeof SIGNATURE) || get32(at + 11) || get32(at + 15))
        return bad(self, -1, "it does not begin as COPY's binary format does");
    self->start += HEADER_BYTES;
    self->begun = 1;
    return ROW;
}

/* Rows of the window, until a batch is full (ROW) or the window has no whole one (MORE). */
static enum step decode(reader *self)
{
    enum step step = self->begun ? ROW : decode_header(self);
    /* a row that is begun belongs to the batch that has its beginning, however long it is */
    while (step == ROW && (self->field >= 0 || !self->batch.rows || !is_full(&self->batch)))
        step = decode_row(self);
    return step;
}

/* Fills the window with what libpq has received, and waits when that is nothing. END: no more comes. MORE: a signal came.
 *
 * PQgetlineAsync is the one way to get at a row without a copy of it of its own, and at a part of a long one.
 */
static enum step receive(reader *self)
{
    memmove(self->window, self->window + self->start, self->end - self->start);
    self->end -= self->start;
    self->start = 0;
    int64_t before = self->end;
    while (!self->over) {
        while (self->end < WINDOW_BYTES) {
            int got = PQgetlineAsync(self->connection, (char *)self->window + self->end, (int)(WINDOW_BYTES - self->end));
            self->over = got < 0;
            if (got <= 0)
                break;
            self->end += got;
        }
        if (self->end > before)
            return ROW;
        if (self->over)
            break;
        struct pollfd arrivals = {PQsocket(self->connection), POLLIN, 0};
        if (poll(&arrivals, 1, -1) < 0)
            return MORE;
        self->over = !PQconsumeInput(self->connection);
    }
    return END;
}

/* Until a batch is full, all rows have come (END), or a signal (MORE). */
static enum step fill(reader *self)
{
    for (;;) {
        enum step step = self->done ? END : decode(self);
        if (step == BAD || step == NO_MEMORY || step == ROW)
            return step;
        self->done = step == END;
        step = receive(self);
        if (step == MORE)
            return MORE;
        if (self->done && step == ROW)
            return bad(self, -1, "there is something behind its end");
        if (step == END)
            return self->done ? END : bad(self, -1, "they end without their trailer");
    }
}

static enum step check_texts(reader *self)
{
    int64_t column = not_text(&self->batch);
    return column < 0 ? ROW : bad(self, column, "its bytes are not UTF-8");
}

/* ---- Python's side */

static PyObject *reader_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"schema", "rows", "bytes", "padded", NULL};
    PyObject *schema, *padded = NULL;
    Py_ssize_t rows, bytes;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "Onn|O!", names, &schema, &rows, &bytes, &PyList_Type, &padded))
        return NULL;
    reader *self = (reader *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->field = -1;
    if (open_filling(&self->batch, schema, rows, bytes) < 0)
        goto failed;
    self->window = PyMem_Malloc(WINDOW_BYTES);
    if (!self->window) {
        PyErr_NoMemory();
        goto failed;
    }
    for (Py_ssize_t i = 0; padded && i < PyList_GET_SIZE(padded); i++) {
        Py_ssize_t number = PyNumber_AsSsize_t(PyList_GET_ITEM(padded, i), PyExc_IndexError);
        if (number < 0 || number >= self->batch.count || self->batch.columns[number].type.kind != TEXT) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_IndexError, "only texts are padded");
            goto failed;
        }
        self->batch.columns[number].padded = 1;
    }
    return (PyObject *)self;
failed:
    Py_DECREF(self);
    return NULL;
}

static void reader_free(PyObject *object)
{
    reader *self = (reader *)object;
    PyTypeObject *type = Py_TYPE(object);
    close_filling(&self->batch);
    PyMem_Free(self->window);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *told(reader *self, enum step step)
{
    if (step == NO_MEMORY)
        return PyErr_NoMemory();
    if (step == BAD)
        return unfit(self->bad_column, self->why);
    self->ended = step == END;
    if (!self->batch.rows)
        Py_RETURN_NONE;
    return hand_over(&self->batch);
}

static PyObject *reader_read(PyObject *object, PyObject *argument)
{
    reader *self = (reader *)object;
    self->connection = PyLong_AsVoidPtr(argument);
    if (!self->connection) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "there is no connection");
        return NULL;
    }
    if (self->ended)
        Py_RETURN_NONE;
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread is reading");
        return NULL;
    }
    self->busy = 1;
    enum step step;
    do {
        Py_BEGIN_ALLOW_THREADS
        step = fill(self);
        if (step == ROW || step == END) {
            enum step checked = check_texts(self);
            step = checked == BAD ? BAD : step;
        }
        Py_END_ALLOW_THREADS
    } while (step == MORE && PyErr_CheckSignals() == 0);
    self->busy = 0;
    return step == MORE ? NULL : told(self, step);
}

static PyObject *reader_decode(PyObject *object, PyObject *argument)
{
    reader *self = (reader *)object;
    Py_buffer block;
    if (PyObject_GetBuffer(argument, &block, PyBUF_SIMPLE) < 0)
        return NULL;
    enum step step = MORE;
    for (const uint8_t *at = block.buf, *end = at + block.len; step == MORE;) {
        step = decode(self);
        if (step != MORE)
            break;
        memmove(self->window, self->window + self->start, self->end - self->start);
        self->end -= self->start;
        self->start = 0;
        int64_t taken = end - at < WINDOW_BYTES - self->end ? end - at : WINDOW_BYTES - self->end;
        if (!taken) {
            step = bad(self, -1, "it ends within a row");
            break;
        }
        memcpy(self->window + self->end, at, taken);
        self->end += taken;
        at += taken;
    }
    PyBuffer_Release(&block);
    if (step == ROW)
        step = bad(self, -1, "it has more rows than a batch");
    if (step == END && check_texts(self) == BAD)
        step = BAD;
    return told(self, step);
}

static PyMethodDef reader_methods[] = {
    {"read", reader_read, METH_O, NULL},
    {"decode", reader_decode, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef reader_members[] = {
    {"over", T_BOOL, offsetof(reader, over), READONLY, NULL},
    {"ended", T_BOOL, offsetof(reader, ended), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_new, reader_new},
    {Py_tp_dealloc, reader_free},
    {Py_tp_methods, reader_methods},
    {Py_tp_members, reader_members},
    {0, NULL},
};

PyType_Spec copy_reader_spec = {"penstock._native.CopyReader", sizeof(reader), 0, Py_TPFLAGS_DEFAULT, reader_slots};
