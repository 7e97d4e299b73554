/* See numeric.h. Numbers are kept in 64 bits where they fit, else in 32-bit limbs, little end first. */
#include "numeric.h"

#include <string.h>

#define LIMBS 8
#define NEGATIVE 0x4000

static const int POWERS[] = {1, 10, 100, 1000, 10000};

static inline int get16(const uint8_t *wire) { return wire[0] << 8 | wire[1]; }

static inline void put16(uint8_t *wire, int value)
{
    wire[0] = (uint8_t)(value >> 8);
    wire[1] = (uint8_t)value;
}

static void multiply_add(uint32_t *limbs, int count, uint32_t by, uint32_t add)
{
    uint64_t carry = add;
    for (int i = 0; i < count; i++) {
        carry += (uint64_t)limbs[i] * by;
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static uint32_t divide(uint32_t *limbs, int count, uint32_t by)
{
    uint64_t rest = 0;
    for (int i = count - 1; i >= 0; i--) {
        rest = rest << 32 | limbs[i];
        limbs[i] = (uint32_t)(rest / by);
        rest %= by;
    }
    return (uint32_t)rest;
}

static void negate(uint32_t *limbs, int count)
{
    uint64_t carry = 1;
    for (int i = 0; i < count; i++) {
        carry += (uint32_t)~limbs[i];
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static int digits_of(int group) { return group >= 1000 ? 4 : group >= 100 ? 3 : group >= 10 ? 2 : group > 0; }

const char *numeric_in(const uint8_t *wire, int64_t length, const struct type *type, uint8_t *to)
{
    if (length < 8)
        return "its form is not a number's";
    int groups = get16(wire), weight = (int16_t)get16(wire + 2), sign = get16(wire + 4);
    if (sign == 0xC000)
        return "it is NaN";
    if (sign == 0xD000 || sign == 0xF000)
        return sign == 0xD000 ? "it is Infinity" : "it is -Infinity";
    if ((sign && sign != NEGATIVE) || length != 8 + 2 * groups)
        return "its form is not a number's";
    const uint8_t *group = wire + 8;
    while (groups && !get16(group))  /* the server sends no zeros before or behind, but nothing here rests on that */
        group += 2, groups--, weight--;
    /* the last group's unit is 10^power of the type's own unit */
    int power = 4 * (weight - groups + 1) + type->scale;
    while (groups && power <= -4 && !get16(group + 2 * (groups - 1)))
        groups--, power += 4;
    if (groups && (power <= -4 || (power < 0 && get16(group + 2 * (groups - 1)) % POWERS[-power])))
        return "it has more digits behind the point than its column";
    if (groups && digits_of(get16(group)) + 4 * (groups - 1) + power > type->precision)
        return "it has more digits than its column";
    for (int i = 0; i < groups; i++)
        if (get16(group + 2 * i) > 9999)
            return "its form is not a number's";
    uint32_t limbs[LIMBS] = {0};
    int count = type->width / 4;
    if (groups && 4 * groups + (power > 0 ? power : 0) <= 18) {
        uint64_t value = 0;
        for (int i = 0; i < groups; i++)
            value = value * 10000 + get16(group + 2 * i);
        for (; power > 0; power -= power > 4 ? 4 : power)
            value *= POWERS[power > 4 ? 4 : power];
        value /= POWERS[-power];
        memcpy(limbs, &value, sizeof value);
    } else if (groups) {
        for (int i = 0; i < groups - 1; i++)
            multiply_add(limbs, count, 10000, get16(group + 2 * i));
        int last = get16(group + 2 * (groups - 1));
        if (power < 0)
            multiply_add(limbs, count, POWERS[4 + power], last / POWERS[-power]);
        else
            multiply_add(limbs, count, 10000, last);
        for (; power > 0; power -= power > 4 ? 4 : power)
            multiply_add(limbs, count, POWERS[power > 4 ? 4 : power], 0);
    }
    if (sign)
        negate(limbs, count);
    memcpy(to, limbs, type->width);
    return NULL;
}

int numeric_out(const uint8_t *from, const struct type *type, uint8_t *wire)
{
    uint32_t limbs[LIMBS];
    int count = type->width / 4;
    memcpy(limbs, from, type->width);
    int negative = limbs[count - 1] >> 31;
    if (negative)
        negate(limbs, count);
    /* Groups begin at the point: the digits behind it are filled up to a multiple of four. From the last group to the first. */
    int filled = (4 - type->scale % 4) % 4, groups = 0;
    int behind = (type->scale + filled) / 4;
    uint16_t found[24];
    uint64_t small;
    while (count > 2 && !limbs[count - 1])
        count--;
    if (filled) {
        int ten = POWERS[4 - filled];
        found[groups++] = (uint16_t)(divide(limbs, count, ten) * POWERS[filled]);
    }
    for (; count > 2; count -= !limbs[count - 1])
        found[groups++] = (uint16_t)divide(limbs, count, 10000);
    memcpy(&small, limbs, sizeof small);
    for (; small; small /= 10000)
        found[groups++] = (uint16_t)(small % 10000);
    int first = groups, last = 0;
    while (first && !found[first - 1])
        first--;
    while (last < first && !found[last])
        last++;
    put16(wire, first - last);
    put16(wire + 2, first > last ? first - 1 - behind : 0);
    put16(wire + 4, negative && first > last ? NEGATIVE : 0);
    put16(wire + 6, type->scale);
    for (int i = first - 1, at = 8; i >= last; i--, at += 2)
        put16(wire + at, found[i]);
    return 8 + 2 * (first - last);
}

int decimal_in(const char *text, int64_t length, const struct type *type, uint8_t *to)
{
    uint32_t limbs[LIMBS] = {0};
    int negative = length && *text == '-', count = type->width / 4, behind = -1, known = 0;
    const char *at = text + negative, *end = text + length;
    uint64_t small = 0;
    while (at < end - 1 && *at == '0' && at[1] != '.')  /* of zerofill */
        at++;
    if (at == end)
        return 0;
    for (; at < end; at++) {
        if (*at == '.' && behind < 0) {
            behind = 0;
            continue;
        }
        if (*at < '0' || *at > '9')
            return 0;
        if (behind >= type->scale) {
            if (*at != '0')
                return 0;
            continue;
        }
        behind += behind >= 0;
        known += known || *at != '0';
        if (known <= 18)
            small = small * 10 + (unsigned)(*at - '0');
        else {
            if (known == 19)
                memcpy(limbs, &small, sizeof small);
            multiply_add(limbs, count, 10, (uint32_t)(*at - '0'));
        }
    }
    int missing = type->scale - (behind > 0 ? behind : 0);
    if (known && known + missing > type->precision)
        return 0;
    if (known <= 18)
        memcpy(limbs, &small, sizeof small);
    for (; known && missing; missing--)
        multiply_add(limbs, count, 10, 0);
    if (negative)
        negate(limbs, count);
    memcpy(to, limbs, type->width);
    return 1;
}
