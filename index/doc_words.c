/*
 * How many different words one message may bring (doc_fill_priv.h).  SQLite's
 * full text keeps each different word of a row in memory, some 150 bytes of it,
 * until all of the row is there: four megabytes of text without blanks, where
 * every pair of characters is a word of its own, would take hundreds.  So they
 * are counted first, piece by piece, and what lies beyond the limit is left out
 * with the flag "index_cut".  Prose of any length does not come near it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "index/doc_fill_priv.h"
#include "index/schema/token.h"

#define FREE   ((size_t)256 << 10) /* bytes of text that need no counting */
#define PIECE  ((size_t)16 << 10) /* bytes of text between looks at the limit */
#define PEOPLE (SP_DOC_WORDS_MAX / 2) /* words of all columns but the body */
#define SLOTS  (SP_DOC_WORDS_MAX * 4) /* a power of two */

/* Words seen so far, by a hash of 64 bits; 0 is an empty slot. */
struct word_count {
	uint64_t *slot;
	size_t n;
};

/* FNV-1a, then mixed so that its low bits are spread (MurmurHash3). */
static uint64_t
hash_word(const char *p, size_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	return (h == 0 ? 1 : h);
}

/* Sink of sp_token_each(); ends the work where the table would fill up. */
static int
count_word(void *ctx, const char *p, size_t n, bool same)
{
	struct word_count *w = ctx;
	uint64_t h = hash_word(p, n);
	size_t i = (size_t)h & (SLOTS - 1);

	(void)same;
	while (w->slot[i] != 0 && w->slot[i] != h)
		i = (i + 1) & (SLOTS - 1);
	if (w->slot[i] == h)
		return (0);
	w->slot[i] = h;
	w->n++;
	return (w->n >= SLOTS / 2);
}

/*
 * Where a piece that begins at ${from} ends: after PIECE bytes, and then behind
 * the next blank or closing mark of a verbatim token, or before the next
 * character where there is none for long.
 */
static size_t
end_of_piece(struct sp_view v, size_t from)
{
	size_t end = from + PIECE, i;
	bool verbatim = false;

	if (v.n - from <= PIECE)
		return (v.n);
	for (i = from; i < end; i++)
		if (v.p[i] == SP_TOKEN_MARK)
			verbatim = !verbatim;
	if (verbatim) {
		const char *p = memchr(v.p + end, SP_TOKEN_MARK, v.n - end);

		return (p == NULL ? v.n : (size_t)(p - v.p) + 1);
	}
	for (i = end; i < v.n && i < end + 1024; i++)
		if (v.p[i] == ' ' || v.p[i] == '\n' || v.p[i] == SP_TOKEN_MARK)
			return (i);
	while (end < v.n && ((unsigned char)v.p[end] & 0xc0) == 0x80)
		end++;
	return (end);
}

/* Count the words of a text; how much of it may stay, where all may be ${max}
 * words. */
static size_t
count_text(struct word_count *w, struct sp_view v, size_t max)
{
	size_t at = 0;

	while (at < v.n) {
		size_t end = end_of_piece(v, at);

		if (w->n >= max)
			return (at);
		(void)sp_token_each(sp_view_mem(v.p + at, end - at), false,
		    (struct sp_token_sink){ count_word, w });
		at = end;
	}
	return (at);
}

/* Cut the text of a column, wherever it is (see column_text() in put.c). */
static void
bound_column(struct sp_doc *d, struct word_count *w, enum sp_column c)
{
	struct sp_buf *col = &d->col[c];
	bool body = c == SP_COL_BODY && col->n == 0 && d->parsed;
	struct sp_view v = body ? sp_view_mem(d->mail->text, d->mail->text_len)
				: sp_buf_view(col);
	size_t keep;

	if (v.n == 0)
		return;
	keep = count_text(
	    w, v, c == SP_COL_BODY ? SP_DOC_WORDS_MAX : (size_t)PEOPLE);
	if (keep == v.n)
		return;
	d->cut = true;
	if (body)
		d->mail->text_len = keep;
	else
		col->n = keep;
	/* An empty one would be taken from the message again. */
	if (!body && keep == 0 && sp_buf_addc(col, ' ') != SP_OK)
		abort();
}

void
sp_doc_bound_words(struct sp_doc *d)
{
	struct word_count w = { NULL, 0 };
	size_t total = d->parsed ? d->mail->text_len : 0;

	for (int c = 0; c < SP_COL_COUNT; c++)
		total += d->col[c].n;
	if (total <= FREE)
		return;
	w.slot = sp_xcalloc(SLOTS, sizeof(*w.slot));
	for (int c = 0; c < SP_COL_COUNT; c++)
		if (c != SP_COL_BODY)
			bound_column(d, &w, (enum sp_column)c);
	bound_column(d, &w, SP_COL_BODY);
	free(w.slot);
}
