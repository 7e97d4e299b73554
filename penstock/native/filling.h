/* A batch of Arrow's that is being filled, row by row, by a reader of a database's rows. */
#ifndef PENSTOCK_FILLING_H
#define PENSTOCK_FILLING_H

#include "arrow.h"

/* A column that is being filled. `room` of its values is in bytes, of TEXT and BYTES only; the others have room for the rows. */
struct filled {
    struct type type;
    uint8_t *validity;
    uint8_t *values;
    int32_t *offsets;
    int64_t size, room;
    int64_t nulls;
    int padded;  /* with blanks up to its column's length, which are no part of the value */
};

/* `rows` rows are whole, and take so many `bytes`. */
struct filling {
    int64_t most_rows, most_bytes;
    int64_t count;
    struct filled *columns;
    int64_t rows, row_room, bytes;
    int64_t row_bytes;  /* of a row without its texts and binaries */
};

/* Begins an empty batch of a schema's columns. 0, or -1 with a Python error set. */
int open_filling(struct filling *batch, PyObject *schema, Py_ssize_t rows, Py_ssize_t bytes);
void close_filling(struct filling *batch);

static inline int is_full(const struct filling *batch) { return batch->rows >= batch->most_rows || batch->bytes >= batch->most_bytes; }

/* Room for one row more, or for one value more of a text or binary. 0 when there is no memory. */
int room_for_row(struct filling *batch);
int room_for_value(struct filled *column, int64_t length);

void put_null(struct filled *column, int64_t row);

/* The number of the first column of texts that are not UTF-8, -1 where there is none. */
int64_t not_text(const struct filling *batch);

/* The batch as a capsule called arrow_array, which owns its buffers; another is begun. NULL with a Python error set. */
PyObject *hand_over(struct filling *batch);

/* ValueError(number, why): of a column, -1 for the rows as such. Always NULL. */
PyObject *unfit(int64_t column, const char *why);

#endif
