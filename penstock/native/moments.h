/* Days and microseconds: PostgreSQL counts them from 2000-01-01, Arrow from 1970-01-01. */
#ifndef PENSTOCK_MOMENTS_H
#define PENSTOCK_MOMENTS_H

#include <stdint.h>
#include <stdio.h>

#define DAYS_TO_2000 10957
#define DAY_MICROSECONDS INT64_C(86400000000)
/* What has a year of one to four digits, AD: every database and every text form has those, in days since 1970. */
#define FIRST_DAY (-719162)
#define LAST_DAY 2932896

/* Writes a day as PostgreSQL would, `0044-03-15`, and answers whether it is one before Christ.
 * Source: https://howardhinnant.github.io/date_algorithms.html#civil_from_days */
static inline int print_day(int64_t days, char *to, size_t room)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100), month = (5 * of_year + 2) / 153;
    int64_t day = of_year - (153 * month + 2) / 5 + 1, year = year_of_era + era * 400 + (month >= 10);
    month += month < 10 ? 3 : -9;
    snprintf(to, room, "%04lld-%02lld-%02lld", (long long)(year > 0 ? year : 1 - year), (long long)month, (long long)day);
    return year <= 0;
}

/* Source: https://howardhinnant.github.io/date_algorithms.html#days_from_civil, for years from 0 on. */
static inline int64_t count_days(int year, int month, int day)
{
    year -= month <= 2;
    int era = (year >= 0 ? year : year - 399) / 400, year_of_era = year - era * 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * INT64_C(146097) + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719468;
}

static inline int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 || year % 400 == 0));
}

#endif
