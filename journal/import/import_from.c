/*
 * The line that begins a message in an mbox, and the date in it (RFC 4155, and
 * what programs write besides).  A whole date is the best evidence that such a
 * line is no sentence.  Pure, for mbox_mark.c (where messages begin) and
 * import_mbox.c (their dates).
 *
 *   From SENDER Mon[,] Jan 5 10:00[:00] [ZONE [ZONE]] 2026 [remote from HOST]
 *               day    month, day of it, clock, zone, year: in any order
 *   From SENDER 2026-01-05{T| }10:00:00[.000][ ][ZONE]
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

/* ${w} without the parentheses around it. */
static struct sp_view
bare(struct sp_view w)
{
	if (w.n > 2 && w.p[0] == '(' && w.p[w.n - 1] == ')')
		return (sp_view_mem(w.p + 1, w.n - 2));
	return (w);
}

/* +0100, -0800 */
static bool
is_offset(struct sp_view w)
{
	return (w.n == 5 && (w.p[0] == '+' || w.p[0] == '-') &&
		is_number(sp_view_mem(w.p + 1, 4), 4, 4));
}

/* +0100, (+0100), GMT, MEST, (CET) */
static bool
is_zone(struct sp_view w)
{
	w = bare(w);
	if (is_offset(w))
		return (true);
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

/* ---- 2026-01-05T10:00:00+00:00 ------------------------------------------- */

/* The zone at the end of such a date as RFC 3339 writes it; false for another
 * text.  None, and Z, are UTC. */
static bool
iso_zone(struct sp_view v, char out[8])
{
	v = bare(sp_view_trim(v));
	if (v.n == 0 || sp_view_eq_str(v, "Z") || sp_view_eq_str(v, "UTC") ||
	    sp_view_eq_str(v, "GMT")) {
		(void)snprintf(out, 8, "Z");
		return (true);
	}
	if (is_offset(v)) {
		(void)snprintf(out, 8, "%.3s:%.2s", v.p, v.p + 3);
		return (true);
	}
	if (v.n != 6 || v.p[3] != ':' || (v.p[0] != '+' && v.p[0] != '-') ||
	    !is_number(sp_view_mem(v.p + 1, 2), 2, 2) ||
	    !is_number(sp_view_mem(v.p + 4, 2), 2, 2))
		return (false);
	(void)snprintf(out, 8, "%.6s", v.p);
	return (true);
}

/* Whether ${v} is a date and time of this form, to its end; as RFC 3339 writes
 * it in ${out}. */
static bool
iso_date(struct sp_view v, char out[SP_IMPORT_DATE_MAX])
{
	static const char form[] = "dddd-dd-dd dd:dd:dd";
	size_t n = sizeof(form) - 1;
	struct sp_view rest;
	char zone[8];

	if (v.n < n)
		return (false);
	for (size_t i = 0; i < n; i++) {
		bool digit = v.p[i] >= '0' && v.p[i] <= '9';

		if (form[i] == 'd'
			? !digit
			: v.p[i] != form[i] && !(i == 10 && v.p[i] == 'T'))
			return (false);
	}
	rest = sp_view_mem(v.p + n, v.n - n);
	if (rest.n > 0 && rest.p[0] == '.') {
		do {
			rest.p++;
			rest.n--;
		} while (rest.n > 0 && rest.p[0] >= '0' && rest.p[0] <= '9');
	}
	if (!iso_zone(rest, zone))
		return (false);
	(void)snprintf(
	    out, SP_IMPORT_DATE_MAX, "%.10sT%.8s%s", v.p, v.p + 11, zone);
	return (true);
}

/* The same behind the sender of ${line}. */
static bool
find_iso_date(struct sp_view line, char out[SP_IMPORT_DATE_MAX])
{
	struct sp_view rest = sp_view_trim(line);

	if (!sp_view_starts(rest, "From "))
		return (false);
	(void)sp_view_cut(&rest, ' ');
	while (rest.p != NULL) {
		if (iso_date(sp_view_trim(rest), out))
			return (true);
		(void)sp_view_cut(&rest, ' ');
	}
	return (false);
}

/* ---- any of them --------------------------------------------------------- */

/* Whether ${line} is a From line with a date of words; its parts in ${d}. */
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
sp_import_begins_mbox(struct sp_view first)
{
	struct sp_view v = first;

	if (sp_view_starts(v, SP_IMPORT_BOM)) {
		v.p += strlen(SP_IMPORT_BOM);
		v.n -= strlen(SP_IMPORT_BOM);
	}
	while (v.n > 0 && (v.p[0] == '\n' || v.p[0] == '\r')) {
		v.p++;
		v.n--;
	}
	return (sp_view_starts(v, "From "));
}

bool
sp_import_is_from_line(struct sp_view line)
{
	char iso[SP_IMPORT_DATE_MAX];
	struct date d;

	return (find_date(line, &d) || find_iso_date(line, iso));
}

/* The zone as RFC 3339 writes it.  Without one it is UTC (RFC 4155); false for
 * a named one, which means too many things. */
static bool
zone_text(const struct date *d, char out[8])
{
	struct sp_view zone = bare(d->zone);

	if (d->zones == 0 || sp_view_eq_str(zone, "GMT") ||
	    sp_view_eq_str(zone, "UTC"))
		(void)snprintf(out, 8, "Z");
	else if (d->zones == 1 && is_offset(zone))
		(void)snprintf(out, 8, "%.3s:%.2s", zone.p, zone.p + 3);
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

/* Two digits at ${p}. */
static unsigned
two(const char *p)
{
	return ((unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0'));
}

/* Whether the RFC 3339 time ${t} can be one.  Only the parts are looked at: day
 * 31 passes in every month. */
static bool
is_time(const char *t)
{
	const char *zone = t + 19;

	return (
	    memcmp(t, "0000", 4) != 0 && two(t + 5) >= 1 && two(t + 5) <= 12 &&
	    two(t + 8) >= 1 && two(t + 8) <= 31 && two(t + 11) <= 23 &&
	    two(t + 14) <= 59 && two(t + 17) <= 59 &&
	    (zone[0] == 'Z' || (two(zone + 1) <= 23 && two(zone + 4) <= 59)));
}

/* A date of words first, since it says more surely what its numbers are. */
bool
sp_import_from_date(struct sp_view line, char out[SP_IMPORT_DATE_MAX])
{
	uint64_t day, hour, minute, second = 0, year;
	char text[SP_IMPORT_DATE_MAX], zone[8];
	struct sp_view rest;
	struct date d;

	if (!find_date(line, &d)) {
		if (!find_iso_date(line, text) || !is_time(text))
			return (false);
		memcpy(out, text, SP_IMPORT_DATE_MAX);
		return (true);
	}
	if (!zone_text(&d, zone))
		return (false);
	rest = d.clock;
	if (!sp_view_u64(d.day, &day) || !sp_view_u64(d.year, &year) ||
	    !sp_view_u64(sp_view_cut(&rest, ':'), &hour) ||
	    !sp_view_u64(sp_view_cut(&rest, ':'), &minute) ||
	    (rest.p != NULL && !sp_view_u64(rest, &second)))
		return (false);
	/* Each is a number of at most two digits, the year of four. */
	(void)snprintf(text, sizeof(text), "%04u-%02u-%02uT%02u:%02u:%02u%s",
	    (unsigned)year % 10000, month_of(d.month), (unsigned)day % 100,
	    (unsigned)hour % 100, (unsigned)minute % 100,
	    (unsigned)second % 100, zone);
	if (!is_time(text))
		return (false);
	memcpy(out, text, SP_IMPORT_DATE_MAX);
	return (true);
}
