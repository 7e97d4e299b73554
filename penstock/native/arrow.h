/* Arrow's C Data Interface, and what Penstock's canonical types look like in it.
 *
 * Source: https://arrow.apache.org/docs/format/CDataInterface.html (the two structures are copied from there, as it asks),
 * https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
 */
#ifndef PENSTOCK_ARROW_H
#define PENSTOCK_ARROW_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Arrow's buffers are read as they lie: this needs a little-endian machine"
#endif

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

/* Whole numbers are told apart by their sign, for what comes from outside must fit. */
enum kind { BOOLEAN, SIGNED, UNSIGNED, FLOATING, DECIMAL, DATE, TIME, TIMESTAMP, TEXT, BYTES };

/* The type of a column. width: the bytes of a value in Arrow's buffer, 0 for BOOLEAN (bits), TEXT and BYTES (offsets). */
struct type {
    enum kind kind;
    int width;
    int precision, scale;
};

static inline int is_variable(const struct type *type) { return type->kind == TEXT || type->kind == BYTES; }

static inline int bit(const uint8_t *bits, int64_t i) { return bits[i >> 3] >> (i & 7) & 1; }

/* A column of a batch that was handed over. `first` is where its rows begin in the buffers; validity is NULL where there are no NULLs. */
struct column {
    struct type type;
    const uint8_t *validity;
    const uint8_t *values;
    const int32_t *offsets;
    int64_t first;
};

/* A batch that was handed over, for as long as `capsules` is held. */
struct batch {
    PyObject *capsules;
    int64_t rows;
    int64_t count;
    struct column *columns;
};

/* The types of a schema's columns, to be given back with PyMem_Free. Sets a Python error and answers NULL for what has no canonical form. */
struct type *types_of(PyObject *schema, int64_t *count);

/* Opens anything with __arrow_c_array__ that is a struct of columns. 0, or -1 with a Python error set. */
int open_batch(PyObject *source, struct batch *batch);
void close_batch(struct batch *batch);

#endif
