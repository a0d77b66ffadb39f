/*
 * Dates of mail to RFC 3339 and an instant.  The value is split into numbers
 * and words (date_token); each token fills what is still missing of
 * date_parts, by its form and by what is known already, so the order of a
 * date's pieces hardly matters.  RFC 5322 section 3.3 and its obsolete zones
 * (section 4.3), asctime, ISO 8601, dates with slashes or dots, and foreign
 * month names are read.  Nothing depends on the locale or on the clock.
 * Called by facts.c.
 */
#include "index/mail/date.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define MAX_TOKENS 32
#define MAX_VALUE  512 /* bytes looked at */

struct date_parts {
	int year, month, day; /* 0: not seen */
	int hour, min, sec; /* hour -1: not seen */
	int offset; /* minutes east */
	bool zone; /* offset is known */
	bool pm, am;
};

struct date_token {
	struct sp_view v;
	char before; /* the character before it, ' ' for blanks */
};

/* English first; then what mail programs of other countries wrote. */
static const struct {
	const char *name;
	int month;
} months[] = {
	{ "jan", 1 },
	{ "feb", 2 },
	{ "mar", 3 },
	{ "apr", 4 },
	{ "may", 5 },
	{ "jun", 6 },
	{ "jul", 7 },
	{ "aug", 8 },
	{ "sep", 9 },
	{ "oct", 10 },
	{ "nov", 11 },
	{ "dec", 12 },
	{ "mai", 5 },
	{ "okt", 10 },
	{ "dez", 12 },
	{ "m\xc3\xa4r", 3 },
	{ "m\xe4r", 3 },
	{ "mrz", 3 },
	{ "maa", 3 },
	{ "mei", 5 },
	{ "f\xc3\xa9v", 2 },
	{ "f\xe9v", 2 },
	{ "fev", 2 },
	{ "avr", 4 },
	{ "juin", 6 },
	{ "juil", 7 },
	{ "ao\xc3\xbb", 8 },
	{ "ao\xfb", 8 },
	{ "aou", 8 },
	{ "d\303\251c", 12 }, /* octal: a hex escape would take the c */
	{ "d\351c", 12 },
	{ "ene", 1 },
	{ "abr", 4 },
	{ "ago", 8 },
	{ "dic", 12 },
	{ "gen", 1 },
	{ "mag", 5 },
	{ "giu", 6 },
	{ "lug", 7 },
	{ "set", 9 },
	{ "ott", 10 },
	{ "out", 10 },
	{ "maj", 5 },
};

/* Minutes east of UTC. */
static const struct {
	const char *name;
	int offset;
} zones[] = {
	{ "ut", 0 },
	{ "utc", 0 },
	{ "gmt", 0 },
	{ "z", 0 },
	{ "wet", 0 },
	{ "west", 60 },
	{ "bst", 60 },
	{ "cet", 60 },
	{ "met", 60 },
	{ "mez", 60 },
	{ "cest", 120 },
	{ "mest", 120 },
	{ "mesz", 120 },
	{ "eet", 120 },
	{ "eest", 180 },
	{ "msk", 180 },
	{ "msd", 240 },
	{ "est", -300 },
	{ "edt", -240 },
	{ "cst", -360 },
	{ "cdt", -300 },
	{ "mst", -420 },
	{ "mdt", -360 },
	{ "pst", -480 },
	{ "pdt", -420 },
	{ "akst", -540 },
	{ "akdt", -480 },
	{ "hst", -600 },
	{ "ast", -240 },
	{ "adt", -180 },
	{ "nst", -210 },
	{ "ndt", -150 },
	{ "jst", 540 },
	{ "kst", 540 },
	{ "hkt", 480 },
	{ "sgt", 480 },
	{ "aest", 600 },
	{ "aedt", 660 },
	{ "nzst", 720 },
	{ "nzdt", 780 },
	{ "sast", 120 },
	{ "brt", -180 },
	{ "brst", -120 },
};

static bool
is_alpha(char c)
{
	return (isalpha((unsigned char)c) || (unsigned char)c >= 0x80);
}

/* The value of a text of digits only, at most nine of them. */
static bool
number(struct sp_view v, int *out)
{
	uint64_t n;

	if (v.n == 0 || v.n > 9 || !sp_view_u64(v, &n))
		return (false);
	*out = (int)n;
	return (true);
}

/*
 * Split into tokens and return how many: numbers with colons or dots in them,
 * words, numbers.  Comments are left out.  A sign stays before its number, in
 * token.before.
 */
static size_t
split(struct sp_view v, struct date_token *t)
{
	size_t i = 0, n = 0;
	unsigned depth = 0;

	while (i < v.n && n < MAX_TOKENS) {
		size_t from = i;
		char c = v.p[i];

		if (c == '(' || c == ')') {
			depth = c == '('    ? depth + 1
				: depth > 0 ? depth - 1
					    : 0;
			i++;
			continue;
		}
		if (depth == 0 && isdigit((unsigned char)c)) {
			while (i < v.n &&
			       (isdigit((unsigned char)v.p[i]) ||
				   ((v.p[i] == ':' || v.p[i] == '.') &&
				       i + 1 < v.n &&
				       isdigit((unsigned char)v.p[i + 1]))))
				i++;
		} else if (depth == 0 && is_alpha(c)) {
			while (i < v.n && is_alpha(v.p[i]))
				i++;
		} else {
			i++;
			continue;
		}
		t[n].v = sp_view_mem(v.p + from, i - from);
		t[n++].before = from == 0 ? ' ' : v.p[from - 1];
	}
	return (n);
}

/*
 * Read hh:mm, hh:mm:ss or hh.mm.ss, fractions ignored.  False if it is none,
 * or if a time was read before.
 */
static bool
read_time(struct sp_view v, struct date_parts *w)
{
	struct sp_view rest = v, a;
	char sep = memchr(v.p, ':', v.n) != NULL ? ':' : '.';
	int f[3] = { 0, 0, 0 };
	size_t n = 0;

	while (n < 3 && rest.n > 0) {
		a = sp_view_cut(&rest, sep);
		if (n == 2 || sep == ':')
			a = sp_view_cut(&a, '.');
		if (a.n > 2 || !number(a, &f[n]))
			return (false);
		n++;
	}
	if (n < 2 || (sep == '.' && n < 3) || w->hour >= 0)
		return (false);
	w->hour = f[0];
	w->min = f[1];
	w->sec = f[2];
	return (true);
}

/* The month, 1 to 12, that a word begins with; 0 if none. */
static int
month_of(struct sp_view v)
{
	for (size_t i = 0; i < sizeof(months) / sizeof(months[0]); i++)
		if (sp_view_istarts(v, months[i].name))
			return (months[i].month);
	return (0);
}

/*
 * Read am or pm, a month or a zone, each if it is still missing.  Other words,
 * such as week days, are passed over.
 */
static void
read_word(struct sp_view v, struct date_parts *w)
{
	if (sp_view_ieq_str(v, "am") || sp_view_ieq_str(v, "pm")) {
		w->am = tolower((unsigned char)v.p[0]) == 'a';
		w->pm = !w->am;
		return;
	}
	if (w->month == 0 && v.n >= 3 && (w->month = month_of(v)) != 0)
		return;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (!w->zone && sp_view_ieq_str(v, zones[i].name)) {
			w->offset = zones[i].offset;
			w->zone = true;
			return;
		}
}

/* Read an offset from UTC such as "+0200", "-08:00" or "+2". */
static bool
read_offset(struct sp_view v, char sign, struct date_parts *w)
{
	int h, m = 0;
	struct sp_view rest = v, a = sp_view_cut(&rest, ':');

	if (rest.n > 0) {
		if (!number(a, &h) || !number(rest, &m))
			return (false);
	} else if (v.n <= 2) {
		if (!number(v, &h))
			return (false);
	} else {
		if (v.n > 4 || !number(v, &h))
			return (false);
		/* "-600" is six hours, "+070" seven. */
		if (v.n == 3 && v.p[0] == '0')
			h *= 10;
		m = h % 100;
		h /= 100;
	}
	if (h > 23 || m > 59)
		return (false);
	w->offset = (h * 60 + m) * (sign == '-' ? -1 : 1);
	/* -0000 says that the zone is not known (RFC 5322 section 3.3). */
	w->zone = sign != '-' || w->offset != 0;
	return (true);
}

/* A year of ${digits} digits in full (RFC 5322 section 4.3). */
static int
full_year(int y, size_t digits)
{
	if (digits >= 4)
		return (y);
	if (digits == 3)
		return (1900 + y);
	return (y < 50 ? 2000 + y : 1900 + y);
}

/*
 * Read a date of three numbers with one separator: 1/5/2026, 2026/01/05,
 * 5.1.2026, 2026-01-05.  Returns how many tokens it took, 0 if there is none.
 */
static size_t
read_numeric_date(const struct date_token *t, size_t n, struct date_parts *w)
{
	int a, b, c;
	char s;

	if (n >= 1 && t[0].v.n >= 8 && memchr(t[0].v.p, '.', t[0].v.n)) {
		struct sp_view r = t[0].v, x = sp_view_cut(&r, '.');
		struct sp_view y = sp_view_cut(&r, '.');

		if (!number(x, &a) || !number(y, &b) || !number(r, &c) ||
		    r.n != 4)
			return (0);
		w->day = a;
		w->month = b;
		w->year = c;
		return (1);
	}
	if (n < 3 || !number(t[0].v, &a) || !number(t[1].v, &b) ||
	    !number(t[2].v, &c))
		return (0);
	s = t[1].before;
	if ((s != '/' && s != '-') || t[2].before != s)
		return (0);
	if (t[0].v.n == 4) {
		w->year = a;
		w->month = b;
		w->day = c;
		return (3);
	}
	w->year = full_year(c, t[2].v.n);
	/* Month first, as in America, unless it can be none. */
	w->month = a > 12 ? b : a;
	w->day = a > 12 ? a : b;
	return (3);
}

/*
 * Take a lone number as the day if that is missing and it can be one, else as
 * the year.
 */
static void
read_number(const struct date_token *t, struct date_parts *w)
{
	int x;

	if (!number(t->v, &x))
		return;
	if (w->day == 0 && x >= 1 && x <= 31 && (t->v.n <= 2 || t->v.n == 3))
		w->day = x;
	else if (w->year == 0)
		w->year = full_year(x, t->v.n);
}

static int
days_in(int year, int month)
{
	static const int n[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return (29);
	return (n[month - 1]);
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static int64_t
day_number(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400, yoe = y % 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return (era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468);
}

/* Apply am, pm and the leap second, and tell whether all of it is a date. */
static bool
complete(struct date_parts *w)
{
	if (w->hour < 0)
		w->hour = w->min = w->sec = 0;
	if (w->pm && w->hour < 12)
		w->hour += 12;
	else if (w->am && w->hour == 12)
		w->hour = 0;
	if (w->sec == 60)
		w->sec = 59;
	return (
	    w->year >= 1 && w->year <= 9999 && w->month >= 1 &&
	    w->month <= 12 && w->day >= 1 &&
	    w->day <= days_in(w->year, w->month) && w->min <= 59 &&
	    w->sec <= 59 &&
	    (w->hour <= 23 || (w->hour == 24 && w->min == 0 && w->sec == 0)));
}

/* Make 24:00 the first instant of the next day. */
static void
next_day(struct date_parts *w)
{
	w->hour = 0;
	if (++w->day <= days_in(w->year, w->month))
		return;
	w->day = 1;
	if (++w->month <= 12)
		return;
	w->month = 1;
	w->year++;
}

/*
 * Give each token to the reader for its form.  A signed number is an offset
 * only behind a time, and a date of three numbers is looked for only while
 * nothing of a date is known.
 */
bool
sp_date_parse(struct sp_view value, char out[SP_DATE_LEN + 1], int64_t *us)
{
	struct date_token t[MAX_TOKENS];
	struct date_parts w = { .hour = -1 };
	size_t n, i, used;
	int o;
	char sign;

	if (value.n > MAX_VALUE)
		value.n = MAX_VALUE;
	n = split(value, t);
	for (i = 0; i < n; i += used) {
		struct sp_view v = t[i].v;
		bool digits = isdigit((unsigned char)v.p[0]) != 0;

		used = 1;
		if (!digits) {
			read_word(v, &w);
			continue;
		}
		if (w.hour >= 0 && !(w.zone && w.offset != 0) &&
		    (t[i].before == '+' ||
			(t[i].before == '-' && v.n >= 3 && w.year != 0)) &&
		    read_offset(v, t[i].before, &w))
			continue;
		if (w.year == 0 && w.month == 0 && w.day == 0) {
			used = read_numeric_date(t + i, n - i, &w);
			if (used > 0)
				continue;
			used = 1;
		}
		if (memchr(v.p, ':', v.n) != NULL || memchr(v.p, '.', v.n)) {
			(void)read_time(v, &w);
			continue;
		}
		read_number(&t[i], &w);
	}
	if (!complete(&w))
		return (false);
	if (w.hour == 24)
		next_day(&w);
	if (w.year > 9999)
		return (false);
	o = w.offset;
	sign = !w.zone || o < 0 ? '-' : '+';
	o = o < 0 ? -o : o;
	(void)snprintf(out, SP_DATE_LEN + 1,
	    "%04u-%02u-%02uT%02u:%02u:%02u%c%02u:%02u",
	    (unsigned)w.year % 10000, (unsigned)w.month % 100,
	    (unsigned)w.day % 100, (unsigned)w.hour % 100,
	    (unsigned)w.min % 100, (unsigned)w.sec % 100, sign,
	    (unsigned)o / 60 % 100, (unsigned)o % 60);
	*us = ((day_number(w.year, w.month, w.day) * 24 + w.hour) * 60 + w.min -
		  w.offset) *
		  60 * SP_SECOND +
	      w.sec * SP_SECOND;
	return (true);
}
