/*
 * The line that begins a message in an mbox, and the date in it (RFC 4155, and
 * what programs write besides).  It must hold a whole date: a sentence that
 * begins with "From " would otherwise cut a message in two.  Pure, for
 * mbox_span.c (where messages end) and import_mbox.c (their dates).
 *
 *   From SENDER Mon[,] Jan 5 10:00[:00] [ZONE [ZONE]] 2026 [remote from HOST]
 *               day    month, day of it, clock, zone, year: in any order
 */
#include <stdio.h>
#include <string.h>

#include "journal/import/import_priv.h"

/* Whether ${w} is one of ${names}, three letters each: "MonTue...". */
static bool
is_one_of(struct sp_view w, const char *names)
{
	for (; w.n == 3 && *names != '\0'; names += 3) {
		if (memcmp(w.p, names, 3) == 0)
			return (true);
	}
	return (false);
}

static bool
is_number(struct sp_view w, size_t min, size_t max)
{
	if (w.n < min || w.n > max)
		return (false);
	for (size_t i = 0; i < w.n; i++) {
		if (w.p[i] < '0' || w.p[i] > '9')
			return (false);
	}
	return (true);
}

/* 10:00, 10:00:00, 9:05; whether such a time exists is not looked at. */
static bool
is_clock(struct sp_view w)
{
	struct sp_view rest = w;
	struct sp_view hour = sp_view_cut(&rest, ':');
	struct sp_view minute = sp_view_cut(&rest, ':');

	return (is_number(hour, 1, 2) && is_number(minute, 2, 2) &&
		(rest.p == NULL || is_number(rest, 2, 2)));
}

/* +0100, -0800, GMT, MEST, (CET) */
static bool
is_zone(struct sp_view w)
{
	if (w.n == 5 && (w.p[0] == '+' || w.p[0] == '-'))
		return (is_number(sp_view_mem(w.p + 1, 4), 4, 4));
	if (w.n > 2 && w.p[0] == '(' && w.p[w.n - 1] == ')')
		w = sp_view_mem(w.p + 1, w.n - 2);
	for (size_t i = 0; i < w.n; i++) {
		if (w.p[i] < 'A' || w.p[i] > 'Z')
			return (false);
	}
	return (w.n >= 1 && w.n <= 5);
}

/* The next word of ${rest}, cut at blanks; empty at the end. */
static struct sp_view
next_word(struct sp_view *rest)
{
	struct sp_view w = { NULL, 0 };

	while (w.n == 0 && rest->p != NULL)
		w = sp_view_trim(sp_view_cut(rest, ' '));
	return (w);
}

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* The words of a date, and how often each kind came. */
struct date {
	struct sp_view month, day, clock, year, zone;
	unsigned months, days, clocks, years, zones;
};

/* Whether ${rest}, which stands behind the name of the day, is a date and
 * nothing else: its words in any order, each kind once, up to two zones. */
static bool
is_date(struct sp_view rest, struct date *d)
{
	struct sp_view w;

	*d = (struct date){ .months = 0 };
	while ((w = next_word(&rest)).n > 0) {
		if (is_one_of(w, months)) {
			d->months++;
			d->month = w;
		} else if (is_number(w, 1, 2)) {
			d->days++;
			d->day = w;
		} else if (is_number(w, 4, 4)) {
			d->years++;
			d->year = w;
		} else if (is_clock(w)) {
			d->clocks++;
			d->clock = w;
		} else if (d->years == 1 && sp_view_eq_str(w, "remote")) {
			break; /* UUCP: "remote from HOST" */
		} else if (is_zone(w)) {
			d->zones++;
			d->zone = w;
		} else {
			return (false);
		}
	}
	return (d->months == 1 && d->days == 1 && d->clocks == 1 &&
		d->years == 1 && d->zones <= 2);
}

/* Whether ${line} is a From line; its date in ${d}. */
static bool
find_date(struct sp_view line, struct date *d)
{
	struct sp_view rest = line, w;

	if (!sp_view_starts(line, "From "))
		return (false);
	(void)sp_view_cut(&rest, ' ');
	/* The sender may have blanks in it: the date begins with its day. */
	while ((w = next_word(&rest)).n > 0) {
		if (w.p[w.n - 1] == ',')
			w.n--;
		if (is_one_of(w, "MonTueWedThuFriSatSun") && is_date(rest, d))
			return (true);
	}
	return (false);
}

bool
sp_import_is_from_line(struct sp_view line)
{
	struct date d;

	return (find_date(line, &d));
}

/* The zone as RFC 3339 writes it.  Without one it is UTC (RFC 4155); false for
 * a named one, which means too many things. */
static bool
zone_text(const struct date *d, char out[8])
{
	if (d->zones == 0 || sp_view_eq_str(d->zone, "GMT") ||
	    sp_view_eq_str(d->zone, "UTC"))
		(void)snprintf(out, 8, "Z");
	else if (d->zones == 1 && d->zone.n == 5 &&
		 is_number(sp_view_mem(d->zone.p + 1, 4), 4, 4))
		(void)snprintf(out, 8, "%.3s:%.2s", d->zone.p, d->zone.p + 3);
	else
		return (false);
	return (true);
}

/* 1 to 12 of a month's name; 0 for none. */
static unsigned
month_of(struct sp_view w)
{
	for (unsigned m = 0; m < 12; m++) {
		if (memcmp(months + 3 * (size_t)m, w.p, 3) == 0)
			return (m + 1);
	}
	return (0);
}

/* Only the parts are looked at: day 31 passes in every month. */
bool
sp_import_from_date(struct sp_view line, char out[SP_IMPORT_DATE_MAX])
{
	uint64_t day, hour, minute, second = 0, year;
	struct sp_view rest;
	struct date d;
	char zone[8];

	if (!find_date(line, &d) || !zone_text(&d, zone))
		return (false);
	rest = d.clock;
	if (!sp_view_u64(d.day, &day) || !sp_view_u64(d.year, &year) ||
	    !sp_view_u64(sp_view_cut(&rest, ':'), &hour) ||
	    !sp_view_u64(sp_view_cut(&rest, ':'), &minute) ||
	    (rest.p != NULL && !sp_view_u64(rest, &second)))
		return (false);
	if (day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 ||
	    year < 1)
		return (false);
	(void)snprintf(out, SP_IMPORT_DATE_MAX,
	    "%04u-%02u-%02uT%02u:%02u:%02u%s", (unsigned)year,
	    month_of(d.month), (unsigned)day, (unsigned)hour, (unsigned)minute,
	    (unsigned)second, zone);
	return (true);
}
