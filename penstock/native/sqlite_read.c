/* Rows of SQLite as columns, each value as what it is: SQLite keeps any value in any column.
 *
 * A column whose values in a batch are all of one storage class comes as the buffers of an Arrow array, another one as Python's
 * values. What is right for the column's declared type is decided in sqlite.py.
 * The connection is Python's own, since its transaction holds the snapshot. SQLite hands its handle to an extension when a connection
 * is opened, by https://www.sqlite.org/c3ref/auto_extension.html; none comes where Python has an SQLite of its own inside.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <sqlite3.h>
#include <stdint.h>
#include <string.h>

#define EXACT (INT64_C(1) << 53) /* whole numbers up to here are doubles as well */
#define HAS(column, class) ((column)->seen >> (class) & 1)

static PyObject *operational_error;
static _Thread_local sqlite3 *opened;

static int remember(sqlite3 *db, char **error, const void *routines)
{
    (void)error, (void)routines;
    opened = db;
    return SQLITE_OK;
}

/* A column that is being filled: of each row its class, and 8 bytes that are the number, or the length of the text or blob in `data`. */
struct column {
    uint8_t *classes;
    int64_t *slots;
    char *data;
    int64_t size, room;
    int merged; /* whole numbers beside others may come as doubles */
    unsigned seen;
    int large; /* a whole number that no double holds */
};

typedef struct {
    PyObject_HEAD
    PyObject *owner;
    sqlite3 *db;
    sqlite3_stmt *statement;
    struct column *columns;
    int count;
    int64_t rows, most_rows, most_bytes;
    int ended, busy;
} reader;

static int put(struct column *column, const void *bytes, int64_t length)
{
    if (column->size + length > column->room) {
        int64_t room = 2 * (column->size + length) + 1024;
        char *data = realloc(column->data, room);
        if (!data)
            return -1;
        column->data = data;
        column->room = room;
    }
    if (length)
        memcpy(column->data + column->size, bytes, length);
    column->size += length;
    return 0;
}

/* SQLITE_ROW for a full batch, SQLITE_DONE after the last row, or what went wrong. */
static int fill(reader *self)
{
    int64_t bytes = 0;
    self->rows = 0;
    for (int i = 0; i < self->count; i++) {
        struct column *column = &self->columns[i];
        column->size = column->large = 0;
        column->seen = 0;
    }
    while (self->rows < self->most_rows && bytes < self->most_bytes) {
        int result = sqlite3_step(self->statement);
        if (result != SQLITE_ROW)
            return result;
        int64_t row = self->rows++;
        bytes += 9 * self->count;
        for (int i = 0; i < self->count; i++) {
            struct column *column = &self->columns[i];
            int class = sqlite3_column_type(self->statement, i);
            int64_t slot = 0;
            if (class == SQLITE_INTEGER) {
                slot = sqlite3_column_int64(self->statement, i);
                column->large |= slot > EXACT || slot < -EXACT;
            } else if (class == SQLITE_FLOAT) {
                double number = sqlite3_column_double(self->statement, i);
                memcpy(&slot, &number, 8);
            } else if (class != SQLITE_NULL) {
                const void *value = class == SQLITE_TEXT ? (const void *)sqlite3_column_text(self->statement, i)
                                                         : sqlite3_column_blob(self->statement, i);
                slot = sqlite3_column_bytes(self->statement, i);
                if ((!value && slot) || (!value && class == SQLITE_TEXT) || put(column, value, slot) < 0)
                    return SQLITE_NOMEM;
                bytes += slot;
            }
            column->classes[row] = class;
            column->slots[row] = slot;
            column->seen |= 1u << class;
        }
    }
    return SQLITE_ROW;
}

/* Python's values, as its own module would have made them, but for texts that are not UTF-8: those raise here. */
static PyObject *values_of(const struct column *column, int64_t rows)
{
    PyObject *values = PyTuple_New(rows);
    const char *data = column->data;
    for (int64_t row = 0; values && row < rows; row++) {
        int64_t slot = column->slots[row];
        double number;
        PyObject *value = NULL;
        switch (column->classes[row]) {
        case SQLITE_INTEGER:
            value = PyLong_FromLongLong(slot);
            break;
        case SQLITE_FLOAT:
            memcpy(&number, &slot, 8);
            value = PyFloat_FromDouble(number);
            break;
        case SQLITE_TEXT:
            value = PyUnicode_DecodeUTF8(data, slot, NULL);
            data += slot;
            break;
        case SQLITE_BLOB:
            value = PyBytes_FromStringAndSize(data, slot);
            data += slot;
            break;
        default:
            value = Py_NewRef(Py_None);
        }
        if (value)
            PyTuple_SET_ITEM(values, row, value);
        else
            Py_CLEAR(values);
    }
    return values;
}

static PyObject *validity_of(const struct column *column, int64_t rows)
{
    PyObject *bits = PyBytes_FromStringAndSize(NULL, (rows + 7) / 8);
    if (bits) {
        uint8_t *at = (uint8_t *)PyBytes_AS_STRING(bits);
        memset(at, 0, (rows + 7) / 8);
        for (int64_t row = 0; row < rows; row++)
            at[row >> 3] |= (column->classes[row] != SQLITE_NULL) << (row & 7);
    }
    return bits;
}

static PyObject *offsets_of(const struct column *column, int64_t rows)
{
    PyObject *offsets = PyBytes_FromStringAndSize(NULL, 4 * (rows + 1));
    if (offsets) {
        int32_t *at = (int32_t *)PyBytes_AS_STRING(offsets), end = 0;
        for (int64_t row = 0; row < rows; row++) {
            at[row] = end;
            end += (int32_t)column->slots[row];
        }
        at[rows] = end;
    }
    return offsets;
}

static void double_whole_numbers(struct column *column, int64_t rows)
{
    for (int64_t row = 0; row < rows; row++)
        if (column->classes[row] == SQLITE_INTEGER) {
            double number = (double)column->slots[row];
            memcpy(&column->slots[row], &number, 8);
        }
}

/* (class, validity or None, values, offsets or None), or a tuple of `rows` values in a list of one. */
static PyObject *column_of(struct column *column, int64_t rows)
{
    unsigned seen = column->seen & ~(1u << SQLITE_NULL);
    if (seen == (1u << SQLITE_INTEGER | 1u << SQLITE_FLOAT) && column->merged && !column->large) {
        double_whole_numbers(column, rows);
        seen = 1u << SQLITE_FLOAT;
    }
    if ((seen & (seen - 1)) || column->size > INT32_MAX)
        return Py_BuildValue("[N]", values_of(column, rows));
    PyObject *validity = HAS(column, SQLITE_NULL) ? validity_of(column, rows) : Py_NewRef(Py_None);
    if (seen == 1u << SQLITE_TEXT || seen == 1u << SQLITE_BLOB) {
        PyObject *data = PyBytes_FromStringAndSize(column->data, column->size);
        return Py_BuildValue("CNNN", seen == 1u << SQLITE_TEXT ? 't' : 'b', validity, data, offsets_of(column, rows));
    }
    char class = !seen ? '0' : seen == 1u << SQLITE_FLOAT ? 'f' : 'i';
    return Py_BuildValue("CNNO", class, validity, PyBytes_FromStringAndSize((char *)column->slots, 8 * rows), Py_None);
}

/* What it has of huge values, before the next column is made of them a second time. */
static void forget_huge(struct column *column, int64_t most)
{
    if (column->room <= 2 * most)
        return;
    free(column->data);
    column->data = NULL;
    column->room = 0;
}

static PyObject *reader_read(reader *self, PyObject *nothing)
{
    (void)nothing;
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread reads from it");
        return NULL;
    }
    if (self->ended)
        Py_RETURN_NONE;
    int result;
    self->busy = 1;
    Py_BEGIN_ALLOW_THREADS
    result = fill(self);
    Py_END_ALLOW_THREADS
    self->busy = 0;
    if (result == SQLITE_NOMEM)
        return PyErr_NoMemory();
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        PyErr_SetString(operational_error, sqlite3_errmsg(self->db));
        return NULL;
    }
    self->ended = result == SQLITE_DONE;
    if (!self->rows)
        Py_RETURN_NONE;
    PyObject *columns = PyList_New(self->count);
    for (int i = 0; columns && i < self->count; i++) {
        PyObject *column = column_of(&self->columns[i], self->rows);
        forget_huge(&self->columns[i], self->most_bytes);
        if (column)
            PyList_SET_ITEM(columns, i, column);
        else
            Py_CLEAR(columns);
    }
    return columns ? Py_BuildValue("LN", (long long)self->rows, columns) : NULL;
}

static void reader_dealloc(reader *self)
{
    sqlite3_finalize(self->statement);
    for (int i = 0; self->columns && i < self->count; i++) {
        free(self->columns[i].classes);
        free(self->columns[i].slots);
        free(self->columns[i].data);
    }
    free(self->columns);
    Py_XDECREF(self->owner);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *reader_new(PyTypeObject *type, PyObject *arguments, PyObject *names)
{
    PyObject *owner;
    const char *sql, *merged;
    unsigned long long handle;
    Py_ssize_t length, count;
    long long rows, bytes;
    (void)names;
    if (!PyArg_ParseTuple(arguments, "OKs#y#LL", &owner, &handle, &sql, &length, &merged, &count, &rows, &bytes))
        return NULL;
    reader *self = (reader *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->owner = Py_NewRef(owner);
    self->db = (sqlite3 *)(uintptr_t)handle;
    self->most_rows = rows;
    self->most_bytes = bytes;
    self->columns = calloc(count + 1, sizeof *self->columns);
    for (self->count = 0; self->columns && self->count < count; self->count++) {
        struct column *column = &self->columns[self->count];
        column->merged = merged[self->count];
        column->classes = malloc(rows);
        column->slots = malloc(8 * rows);
        if (!column->classes || !column->slots) {
            self->count++;
            Py_DECREF(self);
            return PyErr_NoMemory();
        }
    }
    if (!self->columns) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    int result;
    Py_BEGIN_ALLOW_THREADS
    result = sqlite3_prepare_v2(self->db, sql, (int)length, &self->statement, NULL);
    Py_END_ALLOW_THREADS
    if (result != SQLITE_OK || sqlite3_column_count(self->statement) != count) {
        PyErr_SetString(operational_error, result != SQLITE_OK ? sqlite3_errmsg(self->db) : "another number of columns");
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static PyObject *take_opened(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    sqlite3 *db = opened;
    opened = NULL;
    return PyLong_FromUnsignedLongLong((unsigned long long)(uintptr_t)db);
}

static PyObject *may_write(PyObject *module, PyObject *argument)
{
    (void)module;
    sqlite3 *db = PyLong_AsVoidPtr(argument);
    if (!db)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_False);
    return PyBool_FromLong(sqlite3_db_readonly(db, "main") == 0);
}

static PyMethodDef reader_methods[] = {
    {"read", (PyCFunction)reader_read, METH_NOARGS, "The next batch: its rows and columns; None where none is left."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject reader_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "penstock._sqlite.Reader",
    .tp_basicsize = sizeof(reader),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "The rows of a select, in batches.",
    .tp_new = reader_new,
    .tp_dealloc = (destructor)reader_dealloc,
    .tp_methods = reader_methods,
};

static PyMethodDef functions[] = {
    {"opened", take_opened, METH_NOARGS, "The handle of the connection that this thread has opened last, 0 when it was asked for already."},
    {"may_write", may_write, METH_O, "Whether the database of that handle was opened to be written, too."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "penstock._sqlite", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__sqlite(void)
{
    PyObject *sqlite = PyImport_ImportModule("sqlite3");
    operational_error = sqlite ? PyObject_GetAttrString(sqlite, "OperationalError") : NULL;
    Py_XDECREF(sqlite);
    if (!operational_error || PyType_Ready(&reader_type) < 0)
        return NULL;
    if (sqlite3_auto_extension((void (*)(void))remember) != SQLITE_OK)
        return PyErr_NoMemory();
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddObjectRef(module, "Reader", (PyObject *)&reader_type) < 0)
        Py_CLEAR(module);
    return module;
}
