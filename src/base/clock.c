#include "base/clock.h"

#include <time.h>

#include "base/text.h"

#define DAY_S 86400
#define YEAR_0_S (-62167219200)
#define YEAR_9999_S 253402300799

static const char day_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

uint64_t clock_mono_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int64_t clock_wall_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec;
}

/* A date in the proleptic Gregorian calendar; month and day count from 1, weekday from Sunday = 0. */
struct date {
    int year, month, day, hour, minute, second, weekday;
};

/*
 * Years are counted from March, which puts the leap day at the end: the months' lengths then follow (153 m + 2) / 5.
 * 719468 days lie between 0000-03-01 and 1970-01-01.
 */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = year - (month <= 2) + 400; /* a whole cycle more: nothing is negative */
    int64_t m = (month + 9) % 12;

    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468 - 146097;
}

static struct date date_of(int64_t wall_s)
{
    int64_t days, of_day, of_era, y, of_year, m;
    struct date d;

    if (wall_s < YEAR_0_S)
        wall_s = YEAR_0_S;
    if (wall_s > YEAR_9999_S)
        wall_s = YEAR_9999_S;
    days = (wall_s - YEAR_0_S) / DAY_S - 719528 + 719468 + 146097; /* since 0000-03-01, one cycle more */
    of_day = (wall_s - YEAR_0_S) % DAY_S;
    of_era = days % 146097;
    y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    of_year = of_era - (y * 365 + y / 4 - y / 100);
    m = (5 * of_year + 2) / 153;
    d.day = (int)(of_year - (153 * m + 2) / 5 + 1);
    d.month = (int)(m < 10 ? m + 3 : m - 9);
    d.year = (int)(y + days / 146097 * 400 - 400 + (d.month <= 2));
    d.hour = (int)(of_day / 3600);
    d.minute = (int)(of_day / 60 % 60);
    d.second = (int)(of_day % 60);
    d.weekday = (int)((days - 719468 - 146097 + 4 + 700000 * 7) % 7); /* 1970-01-01 was a Thursday */
    return d;
}

/* False when the date does not exist. A leap second is the first of the next minute. */
static bool wall_of(const struct date *d, int64_t *wall_s)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = d->year % 4 == 0 && (d->year % 100 != 0 || d->year % 400 == 0);

    if (d->month < 1 || d->month > 12 || d->day < 1 || d->hour > 23 || d->minute > 59 || d->second > 60)
        return false;
    if (d->day > lengths[d->month - 1] + (d->month == 2 && leap))
        return false;
    *wall_s = days_of(d->year, d->month, d->day) * DAY_S + d->hour * 3600 + d->minute * 60 + d->second;
    return true;
}

/* The takers move past what they took. */
static bool take_char(struct slice *s, char c)
{
    if (s->n == 0 || text_lower(s->p[0]) != text_lower(c))
        return false;
    *s = slice_from(*s, 1);
    return true;
}

static bool take_number(struct slice *s, size_t n, int *out)
{
    uint64_t v;

    if (s->n < n || !slice_u64(slice_first(*s, n), 9999, &v))
        return false;
    *out = (int)v;
    *s = slice_from(*s, n);
    return true;
}

/* One of the three-letter names; its index goes to *out. */
static bool take_name(struct slice *s, const char *names, int *out)
{
    for (int i = 0; names[3 * i]; i++) {
        if (slice_istarts(*s, slice_of(names + 3 * i, 3))) {
            *out = i;
            *s = slice_from(*s, 3);
            return true;
        }
    }
    return false;
}

static bool take_time(struct slice *s, struct date *d)
{
    return take_number(s, 2, &d->hour) && take_char(s, ':') && take_number(s, 2, &d->minute) && take_char(s, ':') &&
           take_number(s, 2, &d->second);
}

static bool take_fraction(struct slice *s)
{
    size_t n = 0;

    if (!take_char(s, '.'))
        return true;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    *s = slice_from(*s, n);
    return n > 0;
}

/* "Z" or "+01:00", as seconds east of Greenwich. */
static bool take_offset(struct slice *s, int *offset_s)
{
    bool west;
    int hour, minute;

    *offset_s = 0;
    if (take_char(s, 'Z'))
        return true;
    west = take_char(s, '-');
    if (!west && !take_char(s, '+'))
        return false;
    if (!take_number(s, 2, &hour) || !take_char(s, ':') || !take_number(s, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *offset_s = (hour * 60 + minute) * (west ? -60 : 60);
    return true;
}

void clock_put_rfc3339(struct buf *b, int64_t wall_s)
{
    struct date d = date_of(wall_s);

    buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02dZ", d.year, d.month, d.day, d.hour, d.minute, d.second);
}

bool clock_parse_rfc3339(struct slice s, int64_t *wall_s)
{
    struct date d = { 0 };
    int64_t local_s;
    int offset_s;

    if (!take_number(&s, 4, &d.year) || !take_char(&s, '-') || !take_number(&s, 2, &d.month) || !take_char(&s, '-') ||
        !take_number(&s, 2, &d.day) || !take_char(&s, 'T') || !take_time(&s, &d) || !take_fraction(&s) ||
        !take_offset(&s, &offset_s) || s.n > 0 || !wall_of(&d, &local_s))
        return false;
    *wall_s = local_s - offset_s;
    return true;
}

void clock_put_sip_date(struct buf *b, int64_t wall_s)
{
    struct date d = date_of(wall_s);

    buf_printf(b, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", day_names + 3 * d.weekday, d.day,
               month_names + 3 * (d.month - 1), d.year, d.hour, d.minute, d.second);
}

/* The weekday must be one, but not the right one: it adds nothing to the date. */
bool clock_parse_sip_date(struct slice s, int64_t *wall_s)
{
    struct date d = { 0 };

    if (!take_name(&s, day_names, &d.weekday) || !take_char(&s, ',') || !take_char(&s, ' ') ||
        !take_number(&s, 2, &d.day) || !take_char(&s, ' ') || !take_name(&s, month_names, &d.month) ||
        !take_char(&s, ' ') || !take_number(&s, 4, &d.year) || !take_char(&s, ' ') || !take_time(&s, &d) ||
        !slice_ieq(s, SLICE(" GMT")))
        return false;
    d.month++;
    return wall_of(&d, wall_s);
}
