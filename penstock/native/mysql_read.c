/* Rows of MySQL and MariaDB, straight from the client library's buffer into Arrow's.
 *
 * A row comes as texts, each with its length, NULL as none: https://mariadb.com/kb/en/mysql_fetch_row/.
 * The connection is Python's driver's own, since its transaction holds the snapshot. Its object begins with the client library's MYSQL,
 * as mysqlclient has had it since its first version; what that rests on is checked before anything is read through it (`reads`).
 */
#include "filling.h"
#include "moments.h"
#include "numeric.h"

#include <locale.h>
#include <mysql.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>

#define SHOWN 60      /* characters of a value that is not of its type */
#define BEHIND 64     /* the driver's object has no more than a few fields behind MYSQL */

typedef struct {
    PyObject_HEAD
    PyObject *owner;
    MYSQL *connection;
    MYSQL_RES *result;
    struct filling batch;
    int busy;
    char ended;           /* nothing follows the rows that were handed over */
    int64_t bad_column;
    char why[SHOWN + 16];
} reader;

enum step { ROW, END, BAD, LOST, NO_MEMORY };

static PyObject *driver_type; /* the driver's connection, NULL where it is of another client library */
static locale_t c_locale;

/* ---- values */

/* `count` digits as a number, -1 when they are not. */
static int digits(const char *at, int count)
{
    int value = 0;
    for (; count; count--, at++) {
        if (*at < '0' || *at > '9')
            return -1;
        value = value * 10 + (*at - '0');
    }
    return value;
}

static int whole(const char *text, unsigned long length, const struct type *type, uint8_t *to)
{
    int negative = length && *text == '-', bits = 8 * type->width;
    uint64_t value = 0, most = type->kind == UNSIGNED ? UINT64_MAX >> (64 - bits) : (UINT64_MAX >> (65 - bits)) + negative;
    const char *at = text + negative, *end = text + length;
    if (at == end || (negative && type->kind == UNSIGNED))
        return 0;
    for (; at < end; at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (digit > 9 || value > (most - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    if (negative)
        value = -value;
    memcpy(to, &value, type->width);
    return 1;
}

/* 2026-11-26: days since 1970, or INT32_MIN for a day that is none. */
static int32_t day(const char *text)
{
    int year = digits(text, 4), month = digits(text + 5, 2), of_month = digits(text + 8, 2);
    if (text[4] != '-' || text[7] != '-' || year < 0 || month < 1 || month > 12 || of_month < 1 || of_month > days_of_month(year, month))
        return INT32_MIN;
    return (int32_t)count_days(year, month, of_month);
}

/* 23:59:59.999999, with no or up to six digits behind the point: microseconds, or -1 for a time that no day has. */
static int64_t time_of_day(const char *text, unsigned long length)
{
    if (length < 8 || text[2] != ':' || text[5] != ':' || length == 9 || length > 15)
        return -1;
    int hours = digits(text, 2), minutes = digits(text + 3, 2), seconds = digits(text + 6, 2), part = 0;
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59)
        return -1;
    if (length > 9) {
        int behind = (int)length - 9;
        part = text[8] == '.' ? digits(text + 9, behind) : -1;
        for (; part > 0 && behind < 6; behind++)
            part *= 10;
    }
    return part < 0 ? -1 : ((hours * 60 + minutes) * 60 + seconds) * INT64_C(1000000) + part;
}

static int moment(const char *text, unsigned long length, const struct type *type, uint8_t *to)
{
    int64_t days = 0, time = 0;
    if (type->kind != TIME) {
        if (length < 10 || (days = day(text)) == INT32_MIN)
            return 0;
        if (type->kind == DATE) {
            int32_t value = (int32_t)days;
            memcpy(to, &value, 4);
            return length == 10;
        }
        if (length == 10 || text[10] != ' ')
            return 0;
        text += 11;
        length -= 11;
    }
    if ((time = time_of_day(text, length)) < 0)
        return 0;
    time += days * DAY_MICROSECONDS;
    memcpy(to, &time, 8);
    return 1;
}

static int floating(const char *text, unsigned long length, const struct type *type, uint8_t *to)
{
    char *end;
    double value = strtod_l(text, &end, c_locale); /* the client library ends each value with a zero byte */
    float single = (float)value;
    memcpy(to, type->width == 4 ? (void *)&single : (void *)&value, type->width);
    return length && end == text + length;
}

static int fixed(const char *text, unsigned long length, struct filled *column, int64_t row)
{
    const struct type *type = &column->type;
    uint8_t *to = column->values + row * type->width;
    switch (type->kind) {
    case SIGNED:
    case UNSIGNED: return whole(text, length, type, to);
    case DECIMAL: return decimal_in(text, (int64_t)length, type, to);
    case FLOATING: return floating(text, length, type, to);
    case DATE:
    case TIME:
    case TIMESTAMP: return moment(text, length, type, to);
    default: /* BOOLEAN */
        column->values[row >> 3] |= (uint8_t)((*text == '1') << (row & 7));
        return length == 1 && (*text == '0' || *text == '1');
    }
}

/* ---- rows */

static enum step bad(reader *self, int64_t column, const char *text, unsigned long length)
{
    self->bad_column = column;
    snprintf(self->why, sizeof self->why, "it is '%.*s'", (int)(length < SHOWN ? length : SHOWN), text);
    return BAD;
}

static enum step put(reader *self, int64_t number, const char *text, unsigned long length)
{
    struct filled *column = &self->batch.columns[number];
    if (!is_variable(&column->type))
        return fixed(text, length, column, self->batch.rows) ? ROW : bad(self, number, text, length);
    if (column->size + (int64_t)length > INT32_MAX)
        return bad(self, number, "longer than 2 GB", 16);
    if (!room_for_value(column, (int64_t)length))
        return NO_MEMORY;
    memcpy(column->values + column->size, text, length);
    column->size += length;
    column->offsets[self->batch.rows + 1] = (int32_t)column->size;
    self->batch.bytes += length;
    return ROW;
}

static enum step take_row(reader *self, MYSQL_ROW row, const unsigned long *lengths)
{
    if (!room_for_row(&self->batch))
        return NO_MEMORY;
    for (int64_t i = 0; i < self->batch.count; i++) {
        if (!row[i]) {
            put_null(&self->batch.columns[i], self->batch.rows);
            continue;
        }
        enum step step = put(self, i, row[i], lengths[i]);
        if (step != ROW)
            return step;
    }
    self->batch.rows++;
    self->batch.bytes += self->batch.row_bytes;
    return ROW;
}

/* Until a batch is full, or all rows have come (END). */
static enum step fill(reader *self)
{
    enum step step = ROW;
    while (step == ROW && !is_full(&self->batch)) {
        MYSQL_ROW row = mysql_fetch_row(self->result);
        if (!row)
            step = mysql_errno(self->connection) ? LOST : END;
        else
            step = take_row(self, row, mysql_fetch_lengths(self->result));
    }
    if (step != ROW && step != END)
        return step;
    int64_t column = not_text(&self->batch);
    if (column < 0)
        return step;
    self->bad_column = column;
    snprintf(self->why, sizeof self->why, "its bytes are not UTF-8");
    return BAD;
}

/* ---- Python's side */

/* The client library's part of the driver's connection. NULL where it is none that can be read through. */
static MYSQL *client_of(PyObject *connection)
{
    if (!driver_type || PyObject_IsInstance(connection, driver_type) != 1)
        return NULL;
    MYSQL *client = (MYSQL *)((char *)connection + sizeof(PyObject));
    PyObject *told = PyObject_CallMethod(connection, "thread_id", NULL); /* of a closed one it raises */
    unsigned long id = told ? PyLong_AsUnsignedLong(told) : 0;
    Py_XDECREF(told);
    int same = told && !PyErr_Occurred() && id == mysql_thread_id(client);
    PyErr_Clear();
    return same ? client : NULL;
}

static PyObject *reads(PyObject *module, PyObject *connection)
{
    (void)module;
    return PyBool_FromLong(client_of(connection) != NULL);
}

static void give_back(reader *self)
{
    MYSQL_RES *result = self->result;
    self->result = NULL;
    if (result) {
        Py_BEGIN_ALLOW_THREADS
        mysql_free_result(result); /* takes what is still to come off the wire */
        Py_END_ALLOW_THREADS
    }
}

static PyObject *reader_new(PyTypeObject *type, PyObject *arguments, PyObject *names)
{
    PyObject *owner, *schema;
    Py_ssize_t rows, bytes;
    (void)names;
    if (!PyArg_ParseTuple(arguments, "OOnn", &owner, &schema, &rows, &bytes))
        return NULL;
    reader *self = (reader *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->owner = Py_NewRef(owner);
    self->connection = client_of(owner);
    if (!self->connection)
        PyErr_SetString(PyExc_TypeError, "no connection that can be read through");
    else if (open_filling(&self->batch, schema, rows, bytes) == 0) {
        self->result = mysql_use_result(self->connection);
        if (!self->result)
            PyErr_SetString(PyExc_RuntimeError, mysql_errno(self->connection) ? mysql_error(self->connection) : "it has no rows");
        else if (mysql_num_fields(self->result) != self->batch.count)
            PyErr_SetString(PyExc_RuntimeError, "another number of columns");
    }
    if (PyErr_Occurred())
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void reader_free(PyObject *object)
{
    reader *self = (reader *)object;
    PyTypeObject *type = Py_TYPE(object);
    give_back(self);
    close_filling(&self->batch);
    Py_XDECREF(self->owner);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *reader_read(PyObject *object, PyObject *nothing)
{
    reader *self = (reader *)object;
    (void)nothing;
    if (self->busy || (!self->result && !self->ended)) {
        PyErr_SetString(PyExc_RuntimeError, self->busy ? "another thread is reading" : "it is closed");
        return NULL;
    }
    if (self->ended)
        Py_RETURN_NONE;
    enum step step;
    self->busy = 1;
    Py_BEGIN_ALLOW_THREADS
    step = fill(self);
    Py_END_ALLOW_THREADS
    self->busy = 0;
    if (step == NO_MEMORY)
        return PyErr_NoMemory();
    if (step == BAD)
        return unfit(self->bad_column, self->why);
    if (step == LOST) {
        PyErr_SetString(PyExc_RuntimeError, mysql_error(self->connection));
        return NULL;
    }
    self->ended = step == END;
    if (!self->batch.rows)
        Py_RETURN_NONE;
    return hand_over(&self->batch);
}

static PyObject *reader_close(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    give_back((reader *)object);
    Py_RETURN_NONE;
}

static PyMethodDef reader_methods[] = {
    {"read", reader_read, METH_NOARGS, NULL},
    {"close", reader_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef reader_members[] = {
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

static PyType_Spec reader_spec = {"penstock._mysql.Reader", sizeof(reader), 0, Py_TPFLAGS_DEFAULT, reader_slots};

static PyMethodDef functions[] = {
    {"reads", reads, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "penstock._mysql", NULL, -1, functions, NULL, NULL, NULL, NULL};

/* The type of the driver's connections, when their objects are of this very client library and as large as they should be. */
static PyObject *find_driver(void)
{
    PyObject *driver = PyImport_ImportModule("MySQLdb._mysql");
    PyObject *type = driver ? PyObject_GetAttrString(driver, "connection") : NULL;
    PyObject *told = driver ? PyObject_CallMethod(driver, "get_client_info", NULL) : NULL;
    const char *version = told ? PyUnicode_AsUTF8(told) : NULL;
    size_t least = sizeof(PyObject) + sizeof(MYSQL);
    if (version && (strcmp(version, mysql_get_client_info()) || !PyType_Check(type) || (size_t)((PyTypeObject *)type)->tp_basicsize < least ||
                    (size_t)((PyTypeObject *)type)->tp_basicsize > least + BEHIND))
        Py_CLEAR(type);
    Py_XDECREF(told);
    Py_XDECREF(driver);
    return type;
}

PyMODINIT_FUNC PyInit__mysql(void)
{
    driver_type = find_driver();
    if (PyErr_Occurred())
        return NULL;
    c_locale = newlocale(LC_ALL_MASK, "C", NULL);
    PyObject *module = PyModule_Create(&definition), *type = PyType_FromSpec(&reader_spec);
    if (!c_locale || !module || !type || PyModule_AddType(module, (PyTypeObject *)type) < 0)
        Py_CLEAR(module);
    Py_XDECREF(type);
    return module;
}
