/* Batches of Arrow rows as others hand them over: checked once, so that the loops over them need not. */
#include "arrow.h"

#include <stdio.h>
#include <string.h>

static int refuse(const struct ArrowSchema *field)
{
    PyErr_Format(PyExc_TypeError, "column %s: Arrow's type %s has no canonical form", field->name ? field->name : "", field->format);
    return -1;
}

/* d:19,4 or d:60,20,256 */
static int parse_decimal(const struct ArrowSchema *field, struct type *type)
{
    int bits = 128, end = 0;
    if (sscanf(field->format, "d:%d,%d%n", &type->precision, &type->scale, &end) != 2)
        return refuse(field);
    if (field->format[end] && (sscanf(field->format + end, ",%d", &bits) != 1 || (bits != 128 && bits != 256)))
        return refuse(field);
    type->kind = DECIMAL;
    type->width = bits / 8;
    if (type->precision < 1 || type->precision > (bits == 128 ? 38 : 76) || type->scale < 0 || type->scale > type->precision)
        return refuse(field);
    return 0;
}

static int parse_type(const struct ArrowSchema *field, struct type *type)
{
    static const struct { const char *format; struct type type; } plain[] = {
        {"b", {BOOLEAN, 0, 0, 0}},  {"c", {SIGNED, 1, 0, 0}},   {"s", {SIGNED, 2, 0, 0}},   {"i", {SIGNED, 4, 0, 0}},
        {"l", {SIGNED, 8, 0, 0}},   {"C", {UNSIGNED, 1, 0, 0}}, {"S", {UNSIGNED, 2, 0, 0}}, {"I", {UNSIGNED, 4, 0, 0}},
        {"L", {UNSIGNED, 8, 0, 0}}, {"f", {FLOATING, 4, 0, 0}}, {"g", {FLOATING, 8, 0, 0}}, {"tdD", {DATE, 4, 0, 0}},
        {"ttu", {TIME, 8, 0, 0}},   {"u", {TEXT, 0, 0, 0}},     {"z", {BYTES, 0, 0, 0}},
    };
    if (field->dictionary)
        return refuse(field);
    if (!strncmp(field->format, "d:", 2))
        return parse_decimal(field, type);
    if (!strncmp(field->format, "tsu:", 4)) {
        *type = (struct type){TIMESTAMP, 8, 0, 0};
        return 0;
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcmp(field->format, plain[i].format)) {
            *type = plain[i].type;
            return 0;
        }
    return refuse(field);
}

static struct type *parse_types(const struct ArrowSchema *schema)
{
    if (strcmp(schema->format, "+s")) {
        PyErr_SetString(PyExc_TypeError, "rows of columns are wanted, not one column");
        return NULL;
    }
    struct type *types = PyMem_Calloc(schema->n_children + 1, sizeof *types);
    if (!types)
        return (struct type *)PyErr_NoMemory();
    for (int64_t i = 0; i < schema->n_children; i++)
        if (parse_type(schema->children[i], &types[i]) < 0) {
            PyMem_Free(types);
            return NULL;
        }
    return types;
}

struct type *types_of(PyObject *source, int64_t *count)
{
    struct type *types = NULL;
    PyObject *capsule = PyObject_CallMethod(source, "__arrow_c_schema__", NULL);
    const struct ArrowSchema *schema = capsule ? PyCapsule_GetPointer(capsule, "arrow_schema") : NULL;
    if (schema) {
        types = parse_types(schema);
        *count = schema->n_children;
    }
    Py_XDECREF(capsule);
    return types;
}

static int misshapen(const char *what)
{
    PyErr_Format(PyExc_ValueError, "a batch has %s", what);
    return -1;
}

/* Values lie one behind the other: an offset that goes back, or below the first byte, would read what is not theirs. */
static int check_offsets(const struct column *column, int64_t rows)
{
    if (rows && !column->offsets)
        return misshapen("no offsets");
    for (int64_t i = 0; i < rows; i++)
        if (column->offsets[column->first + i] < 0 || column->offsets[column->first + i + 1] < column->offsets[column->first + i])
            return misshapen("offsets that go back");
    if (rows && !column->values && column->offsets[column->first + rows] > column->offsets[column->first])
        return misshapen("no values");
    return 0;
}

static int open_column(const struct ArrowArray *array, int64_t begin, int64_t rows, struct column *column)
{
    int variable = is_variable(&column->type);
    if (array->n_buffers != (variable ? 3 : 2) || array->offset < 0 || array->length < begin + rows)
        return misshapen("a column of another form");
    column->first = array->offset + begin;
    column->validity = array->null_count ? array->buffers[0] : NULL;
    column->values = array->buffers[variable ? 2 : 1];
    column->offsets = variable ? array->buffers[1] : NULL;
    if (variable)
        return check_offsets(column, rows);
    return rows && !column->values ? misshapen("no values") : 0;
}

int open_batch(PyObject *source, struct batch *batch)
{
    *batch = (struct batch){0};
    batch->capsules = PyObject_CallMethod(source, "__arrow_c_array__", NULL);
    if (!batch->capsules)
        return -1;
    PyObject *one, *other;
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    struct type *types = NULL;
    if (!PyArg_ParseTuple(batch->capsules, "OO", &one, &other) || !(schema = PyCapsule_GetPointer(one, "arrow_schema")) ||
        !(array = PyCapsule_GetPointer(other, "arrow_array")) || !(types = parse_types(schema)))
        goto failed;
    if (array->n_children != schema->n_children || array->offset < 0 || array->length < 0 || (array->n_buffers && array->buffers[0])) {
        misshapen("another form than its schema");
        goto failed;
    }
    batch->rows = array->length;
    batch->count = array->n_children;
    batch->columns = PyMem_Calloc(batch->count + 1, sizeof *batch->columns);
    if (!batch->columns) {
        PyErr_NoMemory();
        goto failed;
    }
    for (int64_t i = 0; i < batch->count; i++) {
        batch->columns[i].type = types[i];
        if (open_column(array->children[i], array->offset, batch->rows, &batch->columns[i]) < 0)
            goto failed;
    }
    PyMem_Free(types);
    return 0;
failed:
    PyMem_Free(types);
    close_batch(batch);
    return -1;
}

void close_batch(struct batch *batch)
{
    PyMem_Free(batch->columns);
    Py_CLEAR(batch->capsules);
    batch->columns = NULL;
}
