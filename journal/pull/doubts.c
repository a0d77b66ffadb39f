/*
 * Announced messages that are not captured (doubts.h): an array of entries
 * sorted by key, and the lines of the state file.  pull_deliver.c adds what it
 * judged, pull.c counts the sessions that broke and saves.
 */
#include "journal/pull/doubts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/err.h"

#define SECOND	  ((int64_t)1000000)
#define FIRST_S	  60 /* the first pause; it doubles */
#define LONGEST_S 86400

/* The words of the file, by enum sp_doubt_why. */
static const char *const words[] = { [SP_DOUBT_AGAIN] = "again",
	[SP_DOUBT_SHORT] = "short",
	[SP_DOUBT_EMPTY] = "empty",
	[SP_DOUBT_SUBSTITUTE] = "substitute",
	[SP_DOUBT_INCONSISTENT] = "inconsistent",
	[SP_DOUBT_BROKE] = "broke",
	[SP_DOUBT_MISSING] = "missing",
	[SP_DOUBT_REFUSED] = "refused" };

const char *
sp_doubts_text(enum sp_doubt_why why)
{
	if (why == SP_DOUBT_BROKE)
		return ("the session broke when it was asked for");
	if (why == SP_DOUBT_MISSING)
		return ("the server announces it and does not give it");
	if (why == SP_DOUBT_REFUSED)
		return ("the server refuses to give it");
	if (why == SP_DOUBT_AGAIN)
		return ("what came is not what was announced");
	return (sp_whole_text((enum sp_whole_verdict)why));
}

struct sp_doubts {
	struct sp_doubt **v; /* sorted by key */
	size_t n, cap;
	bool changed;
};

struct sp_doubts *
sp_doubts_new(void)
{
	return (sp_xcalloc(1, sizeof(struct sp_doubts)));
}

void
sp_doubts_clear(struct sp_doubts *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->v[i]);
	d->changed |= d->n > 0;
	d->n = 0;
}

void
sp_doubts_free(struct sp_doubts *d)
{
	if (d == NULL)
		return;
	sp_doubts_clear(d);
	free(d->v);
	free(d);
}

/* The place of ${key}, or where it belongs; ${found} says which. */
static size_t
place_of(const struct sp_doubts *d, const uint8_t *key, bool *found)
{
	size_t low = 0, high = d->n;

	*found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = memcmp(d->v[mid]->key, key, SP_IDS_KEY);

		if (c == 0) {
			*found = true;
			return (mid);
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return (low);
}

struct sp_doubt *
sp_doubts_find(const struct sp_doubts *d, const uint8_t key[SP_IDS_KEY])
{
	bool found;
	size_t i = place_of(d, key, &found);

	return (found ? d->v[i] : NULL);
}

/* A name that is too long is cut between two characters; control bytes become
 * '?'. */
static void
set_name(struct sp_doubt *one, const char *name)
{
	size_t n;

	(void)snprintf(one->name, sizeof(one->name), "%s", name);
	n = strlen(one->name);
	for (int k = 0; k < 3 && n > 0 && strlen(name) > n &&
			!sp_view_is_utf8(sp_view_mem(one->name, n));
	     k++)
		one->name[--n] = '\0';
	sp_err_tame(one->name);
}

/* An entry that the log told of gets its name when it is listed. */
struct sp_doubt *
sp_doubts_add(
    struct sp_doubts *d, const uint8_t key[SP_IDS_KEY], const char *name)
{
	bool found;
	size_t i = place_of(d, key, &found);

	if (found && d->v[i]->name[0] == '\0')
		set_name(d->v[i], name);
	if (found)
		return (d->v[i]);
	if (d->n == SP_DOUBTS_MAX)
		return (NULL);
	if (d->n == d->cap) {
		d->cap = d->cap == 0 ? 16 : d->cap * 2;
		d->v = sp_xrealloc(d->v, d->cap * sizeof(struct sp_doubt *));
	}
	memmove(d->v + i + 1, d->v + i, (d->n - i) * sizeof(struct sp_doubt *));
	d->v[i] = sp_xcalloc(1, sizeof(struct sp_doubt));
	memcpy(d->v[i]->key, key, SP_IDS_KEY);
	set_name(d->v[i], name);
	d->v[i]->why = SP_DOUBT_AGAIN;
	d->v[i]->announced = SP_WHOLE_SIZE_UNKNOWN;
	d->n++;
	d->changed = true;
	return (d->v[i]);
}

void
sp_doubts_drop(struct sp_doubts *d, const uint8_t key[SP_IDS_KEY])
{
	bool found;
	size_t i = place_of(d, key, &found);

	if (!found)
		return;
	free(d->v[i]);
	d->n--;
	memmove(d->v + i, d->v + i + 1, (d->n - i) * sizeof(struct sp_doubt *));
	d->changed = true;
}

size_t
sp_doubts_count(const struct sp_doubts *d)
{
	return (d->n);
}

struct sp_doubt *
sp_doubts_at(const struct sp_doubts *d, size_t i)
{
	return (d->v[i]);
}

void
sp_doubts_add_name(
    const struct sp_doubt *one, char *out, size_t size, bool first)
{
	static const char more[] = ", ...";
	size_t at = first ? 0 : strlen(out);
	int k;

	/* It is full. */
	if (at >= 3 && strcmp(out + at - 3, "...") == 0)
		return;
	k = snprintf(out + at, size - at, "%s%s (%s)", first ? "" : ", ",
	    one->name[0] == '\0' ? "a message of an earlier visit" : one->name,
	    sp_doubts_text(one->why));
	if (k < 0 || (size_t)k + sizeof(more) > size - at)
		(void)snprintf(out + at, size - at, "%s", first ? "..." : more);
}

void
sp_doubts_names(const struct sp_doubts *d, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < d->n; i++)
		sp_doubts_add_name(d->v[i], out, size, i == 0);
}

/* ---- when ---------------------------------------------------------------- */

/* The pause after so many failures, in microseconds: none after the first. */
static int64_t
pause_after(uint32_t failures)
{
	int64_t s = FIRST_S;

	if (failures <= 1)
		return (0);
	for (uint32_t i = 2; i < failures && s < LONGEST_S; i++)
		s *= 2;
	return ((s < LONGEST_S ? s : LONGEST_S) * SECOND);
}

void
sp_doubts_put_off(struct sp_doubt *one, int64_t now)
{
	if (one->tries <= 1 && one->failures < UINT32_MAX)
		one->failures++;
	one->next = now + pause_after(one->failures);
}

bool
sp_doubts_due(const struct sp_doubt *one, int64_t now)
{
	return (
	    now >= one->next || one->next - now > pause_after(one->failures));
}

void
sp_doubts_session(struct sp_doubts *d)
{
	for (size_t i = 0; i < d->n; i++)
		d->v[i]->seen = false;
}

void
sp_doubts_visit(struct sp_doubts *d)
{
	for (size_t i = 0; i < d->n; i++) {
		d->v[i]->told = false;
		d->v[i]->tries = 0;
	}
}

bool
sp_doubts_stored(
    const struct sp_doubts *d, const uint8_t content[SP_DOUBTS_CONTENT])
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i]->stored &&
		    memcmp(d->v[i]->content, content, SP_DOUBTS_CONTENT) == 0)
			return (true);
	}
	return (false);
}

void
sp_doubts_listing_complete(struct sp_doubts *d)
{
	for (size_t i = 0; i < d->n; i++)
		d->v[i]->gone = !d->v[i]->seen;
}

/* Whether the message had no name of its own and was of ${announced} bytes. */
static bool
is_unnamed(const struct sp_doubt *one, uint64_t announced)
{
	return (one->announced == announced &&
		strncmp(one->name, SP_DOUBTS_UNNAMED,
		    sizeof(SP_DOUBTS_UNNAMED) - 1) == 0);
}

void
sp_doubts_settle_unnamed(struct sp_doubts *d, uint64_t announced)
{
	for (size_t i = 0; i < d->n; i++) {
		if (!d->v[i]->gone || !is_unnamed(d->v[i], announced))
			continue;
		sp_doubts_drop(d, d->v[i]->key);
		return;
	}
}

bool
sp_doubts_moved(const struct sp_doubts *d, const struct sp_doubt *one)
{
	if (!is_unnamed(one, one->announced))
		return (false);
	for (size_t i = 0; i < d->n; i++) {
		if (!d->v[i]->gone && is_unnamed(d->v[i], one->announced))
			return (true);
	}
	return (false);
}

void
sp_doubts_drop_gone(struct sp_doubts *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (!d->v[i]->gone)
			d->v[kept++] = d->v[i];
		else
			free(d->v[i]);
	}
	d->changed |= kept != d->n;
	d->n = kept;
}

/* ---- the file ------------------------------------------------------------ */

bool
sp_doubts_changed(const struct sp_doubts *d)
{
	return (d->changed);
}

void
sp_doubts_saved(struct sp_doubts *d)
{
	d->changed = false;
}

void
sp_doubts_touch(struct sp_doubts *d)
{
	d->changed = true;
}

/* KEY WHY FAILURES NEXT ANNOUNCED BYTES SHA256 SINCE SESSION CONTENT NAME:
 * numbers in decimal, "-" for what is not known, the name in base64. */
static enum sp_code
format_one(const struct sp_doubt *one, struct sp_buf *out)
{
	char key[2 * SP_IDS_KEY + 1], sha[2 * SP_SHA256_LEN + 1] = "-";
	char content[2 * SP_DOUBTS_CONTENT + 1] = "-", announced[24] = "-";
	enum sp_code rc;

	sp_hex_encode(one->key, SP_IDS_KEY, key);
	if (one->past.any)
		sp_hex_encode(one->past.sha256, SP_SHA256_LEN, sha);
	if (one->stored)
		sp_hex_encode(one->content, SP_DOUBTS_CONTENT, content);
	if (one->announced != SP_WHOLE_SIZE_UNKNOWN)
		(void)snprintf(
		    announced, sizeof(announced), "%" PRIu64, one->announced);
	rc = sp_buf_addf(out,
	    "doubt %s %s %" PRIu32 " %" PRId64 " %s %" PRIu64 " %s %" PRId64
	    " %" PRId64 " %s ",
	    key, words[one->why], one->failures, one->next, announced,
	    one->past.bytes, sha, one->past.since, one->past.session, content);
	if (rc == SP_OK)
		rc = sp_b64_append(out, one->name, strlen(one->name));
	return (rc == SP_OK ? sp_buf_addc(out, '\n') : rc);
}

enum sp_code
sp_doubts_format(const struct sp_doubts *d, struct sp_buf *out)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < d->n; i++)
		rc = format_one(d->v[i], out);
	return (rc);
}

/* Cut a number of at most ${max} off ${line}. */
static bool
cut_u64(struct sp_view *line, uint64_t max, uint64_t *out)
{
	return (sp_view_u64(sp_view_cut(line, ' '), out) && *out <= max);
}

/* Cut a time off ${line}. */
static bool
cut_time(struct sp_view *line, int64_t *out)
{
	uint64_t n = 0;
	bool ok = cut_u64(line, INT64_MAX, &n);

	*out = (int64_t)n;
	return (ok);
}

/* Cut ${n} bytes in hexadecimal off ${line}, or "-": ${any} is false then. */
static bool
cut_hex(struct sp_view *line, uint8_t *out, size_t n, bool *any)
{
	struct sp_view word = sp_view_cut(line, ' ');

	*any = !sp_view_eq_str(word, "-");
	return (!*any || sp_hex_decode(word, out, n));
}

/* Cut a word off ${line} that says why. */
static bool
cut_why(struct sp_view *line, enum sp_doubt_why *out)
{
	struct sp_view word = sp_view_cut(line, ' ');

	for (size_t i = SP_DOUBT_AGAIN; i < SP_COUNTOF(words); i++) {
		if (sp_view_eq_str(word, words[i])) {
			*out = (enum sp_doubt_why)i;
			return (true);
		}
	}
	return (false);
}

/* Cut the size off ${line}; "-": not known. */
static bool
cut_size(struct sp_view *line, uint64_t *out)
{
	struct sp_view word = sp_view_cut(line, ' ');

	*out = SP_WHOLE_SIZE_UNKNOWN;
	return (sp_view_eq_str(word, "-") || sp_view_u64(word, out));
}

/* The members in the order of format_one(); anything else is no line of it. */
bool
sp_doubts_parse(struct sp_doubts *d, struct sp_view line)
{
	struct sp_doubt one = { .failures = 0 }, *to;
	uint8_t name[SP_DOUBTS_NAME * 2];
	uint64_t failures;
	size_t n = 0;
	bool any;

	if (!cut_hex(&line, one.key, sizeof(one.key), &any) || !any ||
	    !cut_why(&line, &one.why) ||
	    !cut_u64(&line, UINT32_MAX, &failures) ||
	    !cut_time(&line, &one.next) || !cut_size(&line, &one.announced) ||
	    !cut_u64(&line, UINT64_MAX, &one.past.bytes) ||
	    !cut_hex(&line, one.past.sha256, SP_SHA256_LEN, &one.past.any) ||
	    !cut_time(&line, &one.past.since) ||
	    !cut_time(&line, &one.past.session) ||
	    !cut_hex(&line, one.content, sizeof(one.content), &one.stored) ||
	    line.n > SP_DOUBTS_NAME * 4 / 3 || !sp_b64_decode(line, name, &n) ||
	    n >= sizeof(one.name))
		return (false);
	memcpy(one.name, name, n);
	one.failures = (uint32_t)failures;
	to = sp_doubts_add(d, one.key, one.name);
	if (to == NULL)
		return (false);
	*to = one;
	return (true);
}
