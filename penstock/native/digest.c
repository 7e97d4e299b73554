/* The digest of a batch: its rows in canonical form, hashed with XXH3 (128 bits) and added up.
 *
 * Rows are put together in a block that stays in the processor's cache, column by column, and hashed one by one. A row that is
 * longer than the block is hashed in pieces where its values lie. docs/explanation/proof.md defines the canonical form.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "arrow.h"
#include "native.h"

#include <math.h>
#include <string.h>

#define BLOCK_BYTES (128 << 10)
#define BLOCK_ROWS 1024

typedef unsigned __int128 sum_t;

/* Where a column's fields go. */
struct layout {
    int place;  /* of the field, from the row's beginning */
    int width;  /* of the field */
};

struct work {
    const struct batch *batch;
    struct layout *layout;
    int presence;                /* bytes of the bits that say which columns have a value */
    int fixed;                   /* bytes up to the variable part */
    int64_t starts[BLOCK_ROWS];  /* where a row begins in the block */
    int64_t ends[BLOCK_ROWS];    /* how far it is filled */
    uint8_t *block;
};

static int field_width(const struct type *type)
{
    switch (type->kind) {
    case BOOLEAN: return 1;
    case TEXT: case BYTES: return 4;
    case DECIMAL: return type->precision <= 18 ? 8 : type->width;
    default: return type->width;
    }
}

static inline int is_there(const struct column *column, int64_t row)
{
    return !column->validity || bit(column->validity, column->first + row);
}

static inline int64_t length_of(const struct column *column, int64_t row)
{
    return is_there(column, row) ? column->offsets[column->first + row + 1] - column->offsets[column->first + row] : 0;
}

static int64_t row_length(const struct work *work, int64_t row)
{
    int64_t length = work->fixed;
    for (int64_t i = 0; i < work->batch->count; i++)
        if (is_variable(&work->batch->columns[i].type))
            length += length_of(&work->batch->columns[i], row);
    return length;
}

/* -0.0 as 0.0, and one NaN for all. */
static inline void put_float(uint8_t *to, const uint8_t *from)
{
    float value;
    memcpy(&value, from, 4);
    uint32_t nan = 0x7fc00000u;
    value += 0.0f;
    memcpy(to, isnan(value) ? (void *)&nan : (void *)&value, 4);
}

static inline void put_double(uint8_t *to, const uint8_t *from)
{
    double value;
    memcpy(&value, from, 8);
    uint64_t nan = 0x7ff8000000000000u;
    value += 0.0;
    memcpy(to, isnan(value) ? (void *)&nan : (void *)&value, 8);
}

/* A field of every row; `step` is the width in Arrow's buffer. Inlined with constants, so each copy is one instruction or two. */
static inline __attribute__((always_inline)) void copy_fields(
    struct work *work, const struct column *column, int place, int64_t begin, int rows, int step, int width)
{
    const uint8_t *values = column->values + (column->first + begin) * step;
    if (column->validity) {
        for (int i = 0; i < rows; i++)
            if (is_there(column, begin + i))
                memcpy(work->block + work->starts[i] + place, values + (int64_t)i * step, width);
            else
                memset(work->block + work->starts[i] + place, 0, width);
    } else
        for (int i = 0; i < rows; i++)
            memcpy(work->block + work->starts[i] + place, values + (int64_t)i * step, width);
}

static void put_column(struct work *work, const struct column *column, struct layout at, int64_t begin, int rows)
{
    const struct type *type = &column->type;
    if (is_variable(type)) {
        for (int i = 0; i < rows; i++) {
            uint32_t length = (uint32_t)length_of(column, begin + i);
            memcpy(work->block + work->starts[i] + at.place, &length, 4);
            if (length)
                memcpy(work->block + work->ends[i], column->values + column->offsets[column->first + begin + i], length);
            work->ends[i] += length;
        }
    } else if (type->kind == BOOLEAN || type->kind == FLOATING) {
        for (int i = 0; i < rows; i++) {
            uint8_t *to = work->block + work->starts[i] + at.place;
            int64_t from = column->first + begin + i;
            if (!is_there(column, begin + i))
                memset(to, 0, at.width);
            else if (type->kind == BOOLEAN)
                *to = (uint8_t)bit(column->values, from);
            else if (type->width == 4)
                put_float(to, column->values + from * 4);
            else
                put_double(to, column->values + from * 8);
        }
    } else
        switch (type->width) {
        case 1: copy_fields(work, column, at.place, begin, rows, 1, 1); break;
        case 2: copy_fields(work, column, at.place, begin, rows, 2, 2); break;
        case 4: copy_fields(work, column, at.place, begin, rows, 4, 4); break;
        case 8: copy_fields(work, column, at.place, begin, rows, 8, 8); break;
        case 16:
            if (at.width == 8)
                copy_fields(work, column, at.place, begin, rows, 16, 8);
            else
                copy_fields(work, column, at.place, begin, rows, 16, 16);
            break;
        default: copy_fields(work, column, at.place, begin, rows, 32, 32);
        }
}

static void put_presence(struct work *work, int64_t begin, int rows)
{
    for (int i = 0; i < rows; i++)
        memset(work->block + work->starts[i], 0, work->presence);
    for (int64_t c = 0; c < work->batch->count; c++)
        for (int i = 0; i < rows; i++)
            work->block[work->starts[i] + (c >> 3)] |= (uint8_t)(is_there(&work->batch->columns[c], begin + i) << (c & 7));
}

static inline sum_t number(XXH128_hash_t hash) { return (sum_t)hash.high64 << 64 | hash.low64; }

/* A row that has no room in the block: its fixed part is put there, its values are hashed where they lie. 0, or -1 without memory. */
static int add_long(struct work *work, int64_t row, sum_t *sum)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return -1;
    const struct batch *batch = work->batch;
    work->starts[0] = 0;
    put_presence(work, row, 1);
    for (int64_t c = 0; c < batch->count; c++) {
        struct layout at = work->layout[c];
        if (is_variable(&batch->columns[c].type)) {
            uint32_t length = (uint32_t)length_of(&batch->columns[c], row);
            memcpy(work->block + at.place, &length, 4);
        } else
            put_column(work, &batch->columns[c], at, row, 1);
    }
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, work->block, work->fixed);
    for (int64_t c = 0; c < batch->count; c++) {
        const struct column *column = &batch->columns[c];
        int64_t length = is_variable(&column->type) ? length_of(column, row) : 0;
        if (length)
            XXH3_128bits_update(state, column->values + column->offsets[column->first + row], length);
    }
    *sum += number(XXH3_128bits_digest(state));
    XXH3_freeState(state);
    return 0;
}

static int add_all(struct work *work, int64_t room, sum_t *sum)
{
    const struct batch *batch = work->batch;
    for (int64_t begin = 0; begin < batch->rows;) {
        int64_t filled = 0;
        int rows = 0;
        while (rows < BLOCK_ROWS && begin + rows < batch->rows) {
            int64_t length = row_length(work, begin + rows);
            if (filled + length > room)
                break;
            work->starts[rows] = filled;
            work->ends[rows++] = filled + work->fixed;
            filled += length;
        }
        if (!rows) {
            if (add_long(work, begin++, sum) < 0)
                return -1;
            continue;
        }
        put_presence(work, begin, rows);
        for (int64_t c = 0; c < batch->count; c++)
            put_column(work, &batch->columns[c], work->layout[c], begin, rows);
        for (int i = 0; i < rows; i++)
            *sum += number(XXH3_128bits(work->block + work->starts[i], work->ends[i] - work->starts[i]));
        begin += rows;
    }
    return 0;
}

static int lay_out(struct work *work)
{
    const struct batch *batch = work->batch;
    work->layout = PyMem_Calloc(batch->count + 1, sizeof *work->layout);
    if (!work->layout)
        return -1;
    work->presence = (int)((batch->count + 7) / 8);
    work->fixed = work->presence;
    for (int64_t c = 0; c < batch->count; c++) {
        work->layout[c] = (struct layout){work->fixed, field_width(&batch->columns[c].type)};
        work->fixed += work->layout[c].width;
    }
    return 0;
}

PyObject *native_digest(PyObject *self, PyObject *source)
{
    (void)self;
    struct batch batch;
    struct work *work = NULL;
    PyObject *result = NULL;
    sum_t sum = 0;
    int failed = 1;
    if (open_batch(source, &batch) < 0)
        return NULL;
    if ((work = PyMem_Calloc(1, sizeof *work))) {
        work->batch = &batch;
        if (lay_out(work) == 0) {
            int64_t room = work->fixed > BLOCK_BYTES ? work->fixed : BLOCK_BYTES;
            if ((work->block = PyMem_RawMalloc(room))) {
                Py_BEGIN_ALLOW_THREADS
                failed = add_all(work, room, &sum) < 0;
                Py_END_ALLOW_THREADS
            }
        }
    }
    if (failed)
        PyErr_NoMemory();
    else
        result = Py_BuildValue("(LKK)", (long long)batch.rows, (unsigned long long)(sum >> 64), (unsigned long long)sum);
    if (work) {
        PyMem_RawFree(work->block);
        PyMem_Free(work->layout);
        PyMem_Free(work);
    }
    close_batch(&batch);
    return result;
}
