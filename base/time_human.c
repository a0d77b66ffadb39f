/*
 * Dates as people write them on the command line and in queries, in a zone of
 * the tz database, and instants in such a zone.  The C library knows zones only
 * through the environment of the whole process, hence the lock around each use.
 */
#include <ctype.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/time_text.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The instants [from, end) that a text means. */
struct time_range {
	int64_t from, end;
};

/* Whether the tz database has a zone of that name. */
static bool
zone_known(const char *tz)
{
	char path[256];

	if (strcmp(tz, "UTC") == 0)
		return (true);
	if (tz[0] == '\0' || tz[0] == '/' || strstr(tz, "..") != NULL)
		return (false);
	if (snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", tz) >=
	    (int)sizeof(path))
		return (false);
	return (access(path, R_OK) == 0);
}

/* Switch the process to the zone ${tz} and lock out others until zone_leave(),
 * which is given what is returned here: the zone before. */
static char *
zone_enter(const char *tz)
{
	const char *old;
	char *before;

	(void)pthread_mutex_lock(&lock);
	old = getenv("TZ");
	before = old == NULL ? NULL : sp_xstrdup(old);
	(void)setenv("TZ", tz == NULL ? "UTC" : tz, 1);
	tzset();
	return (before);
}

static void
zone_leave(char *before)
{
	if (before == NULL)
		(void)unsetenv("TZ");
	else
		(void)setenv("TZ", before, 1);
	tzset();
	free(before);
	(void)pthread_mutex_unlock(&lock);
}

/* The instant when a local day begins; days beyond the month, and months beyond
 * the year, roll over. */
static int64_t
local_day(const char *tz, int year, int month, int day)
{
	struct tm tm = { .tm_year = year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_isdst = -1 };
	char *before = zone_enter(tz);
	time_t t = mktime(&tm);

	zone_leave(before);
	return ((int64_t)t * SP_SECOND);
}

/* The local date and time at ${now}. */
static void
local_now(const char *tz, int64_t now, struct tm *tm)
{
	time_t t = (time_t)(now / SP_SECOND);
	char *before = zone_enter(tz);

	(void)localtime_r(&t, tm);
	zone_leave(before);
}

/* Read ${n} decimal digits at *p, which moves past them. */
static bool
digits(const char **p, size_t n, int *out)
{
	int v = 0;

	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)(*p)[i]))
			return (false);
		v = v * 10 + ((*p)[i] - '0');
	}
	*p += n;
	*out = v;
	return (true);
}

static int
month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return (month == 2 && leap ? 29 : days[month - 1]);
}

/* Read YYYY, YYYY-MM or YYYY-MM-DD: the whole year, month or day. */
static bool
parse_plain(const char *text, const char *tz, struct time_range *out)
{
	const char *p = text;
	int y, m, d;

	if (!digits(&p, 4, &y) || y < 1)
		return (false);
	if (*p == '\0') {
		out->from = local_day(tz, y, 1, 1);
		out->end = local_day(tz, y + 1, 1, 1);
		return (true);
	}
	if (*p++ != '-' || !digits(&p, 2, &m) || m < 1 || m > 12)
		return (false);
	if (*p == '\0') {
		out->from = local_day(tz, y, m, 1);
		out->end = local_day(tz, y, m + 1, 1);
		return (true);
	}
	if (*p++ != '-' || !digits(&p, 2, &d) || *p != '\0' || d < 1 ||
	    d > month_days(y, m))
		return (false);
	out->from = local_day(tz, y, m, d);
	out->end = local_day(tz, y, m, d + 1);
	return (true);
}

/* Read the offset at the end of an RFC 3339 time, Z or +hh:mm, into seconds
 * east of UTC. */
static bool
parse_offset(const char *p, int64_t *out)
{
	int sign, h, m;

	if ((*p == 'Z' || *p == 'z') && p[1] == '\0') {
		*out = 0;
		return (true);
	}
	if (*p != '+' && *p != '-')
		return (false);
	sign = *p++ == '-' ? -1 : 1;
	if (!digits(&p, 2, &h) || *p++ != ':' || !digits(&p, 2, &m) ||
	    *p != '\0' || h > 23 || m > 59)
		return (false);
	*out = sign * (h * 3600 + m * 60);
	return (true);
}

/* Read an RFC 3339 time; seconds, fraction and offset may be left out.  Without
 * an offset it is local. */
static bool
parse_instant(const char *text, const char *tz, struct time_range *out)
{
	const char *p = text;
	int y, mo, d, h, mi, s = 0;
	int64_t us = 0, scale = SP_SECOND / 10, offset;
	struct tm tm;

	if (!digits(&p, 4, &y) || *p++ != '-' || !digits(&p, 2, &mo) ||
	    *p++ != '-' || !digits(&p, 2, &d) ||
	    (*p != 'T' && *p != 't' && *p != ' '))
		return (false);
	p++;
	if (!digits(&p, 2, &h) || *p++ != ':' || !digits(&p, 2, &mi))
		return (false);
	if (*p == ':') {
		p++;
		if (!digits(&p, 2, &s))
			return (false);
	}
	if (*p == '.') {
		for (p++; isdigit((unsigned char)*p); p++, scale /= 10)
			us += (*p - '0') * scale;
	}
	if (mo < 1 || mo > 12 || d < 1 || d > month_days(y, mo) || h > 23 ||
	    mi > 59 || s > 60)
		return (false);
	tm = (struct tm){ .tm_year = y - 1900,
		.tm_mon = mo - 1,
		.tm_mday = d,
		.tm_hour = h,
		.tm_min = mi,
		.tm_sec = s,
		.tm_isdst = -1 };
	if (*p == '\0') {
		char *before = zone_enter(tz);

		out->from = (int64_t)mktime(&tm) * SP_SECOND + us;
		zone_leave(before);
	} else if (parse_offset(p, &offset)) {
		out->from = ((int64_t)timegm(&tm) - offset) * SP_SECOND + us;
	} else {
		return (false);
	}
	out->end = out->from;
	return (true);
}

/* Read an age such as "30d": the instant that long before now.  Days and longer
 * units count from midnight. */
static bool
parse_ago(const char *text, const char *tz, int64_t now, struct time_range *out)
{
	size_t n = strspn(text, "0123456789");
	struct tm tm;
	uint64_t v;
	int y, m, d, by;

	if (n == 0 || n > 6 || text[n] == '\0' || text[n + 1] != '\0' ||
	    !sp_view_u64(sp_view_mem(text, n), &v))
		return (false);
	by = (int)v;
	local_now(tz, now, &tm);
	y = tm.tm_year + 1900;
	m = tm.tm_mon + 1;
	d = tm.tm_mday;
	switch (text[n]) {
	case 'h':
		out->from = now - by * 3600 * SP_SECOND;
		break;
	case 'd':
		out->from = local_day(tz, y, m, d - by);
		break;
	case 'w':
		out->from = local_day(tz, y, m, d - 7 * by);
		break;
	case 'm':
		out->from = local_day(tz, y, m - by, d);
		break;
	case 'y':
		out->from = local_day(tz, y - by, m, d);
		break;
	default:
		return (false);
	}
	out->end = out->from;
	return (true);
}

/* Read "now", "today" or "yesterday". */
static bool
parse_word(
    const char *text, const char *tz, int64_t now, struct time_range *out)
{
	struct tm tm;
	int back;

	if (strcmp(text, "now") == 0) {
		out->from = out->end = now;
		return (true);
	}
	if (strcmp(text, "today") == 0)
		back = 0;
	else if (strcmp(text, "yesterday") == 0)
		back = 1;
	else
		return (false);
	local_now(tz, now, &tm);
	out->from =
	    local_day(tz, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday - back);
	out->end = local_day(
	    tz, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday - back + 1);
	return (true);
}

enum sp_code
sp_time_parse_human(const char *text, const char *tz, int64_t now,
    int64_t *from, int64_t *end, struct sp_err *err)
{
	struct time_range r;

	if (tz != NULL && !zone_known(tz))
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "no time zone \"%s\" in /usr/share/zoneinfo; write one like Europe/Berlin or UTC",
		    tz));
	if (!parse_plain(text, tz, &r) && !parse_instant(text, tz, &r) &&
	    !parse_word(text, tz, now, &r) && !parse_ago(text, tz, now, &r))
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "\"%s\" is not a date; write YYYY, YYYY-MM, YYYY-MM-DD, YYYY-MM-DDTHH:MM:SSZ, today, yesterday or 30d",
		    text));
	*from = r.from;
	*end = r.end;
	return (SP_OK);
}

void
sp_time_local(int64_t us, const char *tz, char out[32])
{
	struct tm tm;

	local_now(tz, us, &tm);
	if (strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		out[0] = '\0';
}
