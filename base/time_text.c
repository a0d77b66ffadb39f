/*
 * The one form in which records, entry lines and logs write an instant, and the
 * calendar behind it.  Own arithmetic: it does not depend on the zone of the
 * process, needs no lock, and a line must be written in one way only.
 */
#include "base/time_text.h"

#include <string.h>

#include "base/clock.h"

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar.  Years
 * are counted from 1 March, so that leap days come last. */
static int64_t
days_of(int64_t y, int64_t m, int64_t d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return (era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468);
}

/* The date that lies ${days} after 1970-01-01: the inverse of days_of. */
static void
civil_of(int64_t days, int *year, int *month, int *day)
{
	int64_t era, doe, yoe, doy, mp;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

/* Division rounded down, also before 1970. */
static int64_t
floor_div(int64_t a, int64_t b)
{
	return (a / b - (a % b < 0));
}

/* Write the last ${n} decimal digits of ${value}. */
static void
write_digits(char *to, int64_t value, int n)
{
	while (n-- > 0) {
		to[n] = (char)('0' + value % 10);
		value /= 10;
	}
}

void
sp_time_format(int64_t us, char out[SP_TIME_LEN + 1])
{
	int64_t seconds = floor_div(us, SP_SECOND);
	int64_t days = floor_div(seconds, 86400);
	int64_t rest = seconds - days * 86400;
	int y, m, d;

	civil_of(days, &y, &m, &d);
	memcpy(out, "0000-00-00T00:00:00.000000Z", SP_TIME_LEN + 1);
	write_digits(out, y, 4);
	write_digits(out + 5, m, 2);
	write_digits(out + 8, d, 2);
	write_digits(out + 11, rest / 3600, 2);
	write_digits(out + 14, rest / 60 % 60, 2);
	write_digits(out + 17, rest % 60, 2);
	write_digits(out + 20, us - seconds * SP_SECOND, 6);
}

/* Read ${n} decimal digits. */
static bool
read_digits(const char *p, size_t n, int64_t *out)
{
	uint64_t v;

	if (!sp_view_u64(sp_view_mem(p, n), &v))
		return (false);
	*out = (int64_t)v;
	return (true);
}

/* The instant is written again and compared, which refuses dates and times that
 * do not exist (30 February, 24:00). */
bool
sp_time_parse(struct sp_view v, int64_t *us)
{
	int64_t y, mo, d, h, mi, s, f;
	char again[SP_TIME_LEN + 1];

	if (v.n != SP_TIME_LEN || v.p[4] != '-' || v.p[7] != '-' ||
	    v.p[10] != 'T' || v.p[13] != ':' || v.p[16] != ':' ||
	    v.p[19] != '.' || v.p[26] != 'Z')
		return (false);
	if (!read_digits(v.p, 4, &y) || !read_digits(v.p + 5, 2, &mo) ||
	    !read_digits(v.p + 8, 2, &d) || !read_digits(v.p + 11, 2, &h) ||
	    !read_digits(v.p + 14, 2, &mi) || !read_digits(v.p + 17, 2, &s) ||
	    !read_digits(v.p + 20, 6, &f))
		return (false);
	if (mo < 1 || mo > 12 || d < 1 || d > 31)
		return (false);
	*us = (days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + s) * SP_SECOND +
	      f;
	sp_time_format(*us, again);
	return (memcmp(again, v.p, SP_TIME_LEN) == 0);
}

void
sp_time_year_month(int64_t us, int *year, int *month)
{
	int day;

	civil_of(floor_div(us, 86400 * SP_SECOND), year, month, &day);
}
