/* Arrow's decimals, which are digits without the point: of a text, and as PostgreSQL's numeric is sent and received.
 *
 * On PostgreSQL's wire: how many groups of four digits, the power of 10,000 of the first, the sign, how many digits are shown behind
 * the point, 16 bits each; then the groups. Source: numeric_send in PostgreSQL's src/backend/utils/adt/numeric.c.
 */
#ifndef PENSTOCK_NUMERIC_H
#define PENSTOCK_NUMERIC_H

#include "arrow.h"

/* The most bytes that numeric_out of 256 bits has: a header and groups for 78 digits, cut anywhere. */
#define NUMERIC_BYTES (8 + 2 * 24)

/* Puts the number into `to`, type->width bytes. NULL, or why it is not of the type. */
const char *numeric_in(const uint8_t *wire, int64_t length, const struct type *type, uint8_t *to);

/* Puts the digits at `from` (type->width bytes) on the wire, and answers how many bytes that took. */
int numeric_out(const uint8_t *from, const struct type *type, uint8_t *wire);

/* Puts the number that is written there, as -12.50, into `to`, type->width bytes. 0 when it is none of the type. */
int decimal_in(const char *text, int64_t length, const struct type *type, uint8_t *to);

#endif
