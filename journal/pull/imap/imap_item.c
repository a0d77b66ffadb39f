/*
 * An IMAP session: one message of the list.  imap_list.c makes the list,
 * imap_fetch.c, imap_body.c and imap_remove.c look their messages up on it and
 * describe them to the engine.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/pull/imap/imap_priv.h"

/* Read two digits, or a blank and one, of at most ${max}. */
static bool
two_digits(const char *p, unsigned max, unsigned *out)
{
	char tens = p[0] == ' ' ? '0' : p[0];

	if (tens < '0' || tens > '9' || p[1] < '0' || p[1] > '9')
		return (false);
	*out = (unsigned)(tens - '0') * 10 + (unsigned)(p[1] - '0');
	return (*out <= max);
}

/* The day may have a blank instead of its first digit, a leap second is
 * allowed, the year 0000 is not. */
bool
sp_imap_date(struct sp_view v, char out[SP_IMAP_DATE_LEN + 1])
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	unsigned day, century, year, hour, min, sec, zh, zm, mon = 0;

	/* " 7-Jul-1996 02:44:25 -0700": fixed places, 26 bytes */
	if (v.n != 26 || v.p[2] != '-' || v.p[6] != '-' || v.p[11] != ' ' ||
	    v.p[14] != ':' || v.p[17] != ':' || v.p[20] != ' ' ||
	    (v.p[21] != '+' && v.p[21] != '-'))
		return (false);
	while (mon < 12 && !sp_view_ieq_str(sp_view_mem(months + 3 * mon, 3),
			       (char[]){ v.p[3], v.p[4], v.p[5], '\0' }))
		mon++;
	if (mon == 12 || !two_digits(v.p, 31, &day) || day == 0 ||
	    !two_digits(v.p + 7, 99, &century) || v.p[7] == ' ' ||
	    !two_digits(v.p + 9, 99, &year) ||
	    !two_digits(v.p + 12, 23, &hour) ||
	    !two_digits(v.p + 15, 59, &min) ||
	    !two_digits(v.p + 18, 60, &sec) || !two_digits(v.p + 22, 23, &zh) ||
	    !two_digits(v.p + 24, 59, &zm) || century + year == 0)
		return (false);
	(void)snprintf(out, SP_IMAP_DATE_LEN + 1,
	    "%02u%02u-%02u-%02uT%02u:%02u:%02u%c%02u:%02u", century % 100,
	    year % 100, mon + 1, day % 100, hour % 100, min % 100, sec % 100,
	    v.p[21], zh % 100, zm % 100);
	return (true);
}

void
sp_imap_meta(const struct sp_imap *m, const struct sp_imap_item *it,
    struct sp_imap_meta *out)
{
	(void)snprintf(out->uid, sizeof(out->uid), "%" PRIu32, it->uid);
	out->meta = (struct sp_pull_meta){
		.id = { .mailbox = sp_view_str(m->box.name->utf8),
		    .uidvalidity = m->box.uidvalidity,
		    .uid = sp_view_str(out->uid) },
		.size = it->size,
		.origin_date = sp_view_str(it->date),
		.tag = it->uid,
		.verify = it->verify,
		.by_content = m->box.by_content,
	};
}

static int
by_uid(const void *a, const void *b)
{
	const struct sp_imap_item *x = a, *y = b;

	return ((x->uid > y->uid) - (x->uid < y->uid));
}

struct sp_imap_item *
sp_imap_item(struct sp_imap *m, uint32_t uid)
{
	const struct sp_imap_item key = { .uid = uid };

	return (bsearch(&key, m->listing.items, m->listing.n,
	    sizeof(*m->listing.items), by_uid));
}

struct sp_imap_item *
sp_imap_item_by_number(struct sp_imap *m, uint64_t msn)
{
	struct sp_imap_item *found = NULL;

	for (size_t i = 0; m->listing.numbered && i < m->listing.n; i++) {
		if (m->listing.items[i].msn != msn)
			continue;
		if (found != NULL)
			return (NULL);
		found = &m->listing.items[i];
	}
	return (found);
}

/* Of two answers for one message: what the first lacks the second may have. */
static void
merge(struct sp_imap_item *into, const struct sp_imap_item *from)
{
	if (into->size == SP_PULL_SIZE_UNKNOWN)
		into->size = from->size;
	if (into->date[0] == '\0')
		memcpy(into->date, from->date, sizeof(into->date));
	into->deleted |= from->deleted;
}

void
sp_imap_sort_items(struct sp_imap *m)
{
	struct sp_imap_item *v = m->listing.items;
	size_t n = 0;

	qsort(v, m->listing.n, sizeof(*v), by_uid);
	for (size_t i = 0; i < m->listing.n; i++) {
		if (n > 0 && v[n - 1].uid == v[i].uid)
			merge(&v[n - 1], &v[i]);
		else
			v[n++] = v[i];
	}
	m->listing.n = n;
}
