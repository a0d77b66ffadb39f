/*
 * Encoded words of header text (RFC 2047), read leniently.
 *
 *     =?charset?B?base64 text?=    =?charset?Q?quoted_text?=
 *
 * Neighbouring words of one charset and encoding are joined before they are
 * decoded, because senders split characters over two words.  What is found
 * once is remembered in word_scan, so that the cost stays linear.  Used for
 * subjects, names of people (address_entry.c), file names (param.c) and fields
 * of messages inside.
 */
#include "index/mail/decode/words.h"

#include <string.h>

#include "index/mail/decode/charset.h"
#include "index/mail/decode/transfer.h"

#define CHARSET_MAX 64 /* bytes of a charset name with its language */

struct encoded_word {
	struct sp_view charset;
	char enc; /* 'b' or 'q' */
	struct sp_view text;
	size_t length; /* of all of it */
};

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

static bool
is_hex(char c)
{
	return ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') ||
		(c >= 'a' && c <= 'f'));
}

/* Where things are next, so that no stretch is searched twice. */
struct word_scan {
	struct sp_view v;
	size_t end; /* of "?=" */
	size_t word; /* of " =?" */
};

/* The first ${what} at or after ${from}, or v.n; *memo is the last answer. */
static size_t
find(struct sp_view v, size_t from, const char *what, size_t n, size_t *memo)
{
	const char *p;

	if (*memo < from || *memo == 0) {
		p = memmem(v.p + from, v.n - from, what, n);
		*memo = p == NULL ? v.n : (size_t)(p - v.p);
	}
	return (*memo);
}

/*
 * Where "?=" ends the text that begins at ${from}; v.n if nowhere.  In Q the
 * text itself may hold a raw question mark before "=20": then another "?="
 * comes before the next blank.
 */
static size_t
find_end(struct word_scan *s, size_t from, char enc)
{
	struct sp_view v = s->v;

	for (;;) {
		size_t at = find(v, from, "?=", 2, &s->end), k;

		if (at == v.n)
			return (v.n);
		if (enc != 'q' || v.n - at < 4 || !is_hex(v.p[at + 2]) ||
		    !is_hex(v.p[at + 3]))
			return (at);
		for (k = at + 4; k < v.n && !is_blank(v.p[k]); k++)
			if (v.p[k] == '?' ||
			    (v.p[k] == '=' && v.n - k > 1 && v.p[k + 1] == '?'))
				break;
		if (k + 1 >= v.n || v.p[k] != '?' || v.p[k + 1] != '=')
			return (at);
		from = k;
	}
}

/* The text of a word that is never closed: up to the next blank or word. */
static size_t
open_end(struct sp_view v, size_t i)
{
	while (i < v.n && !is_blank(v.p[i]) &&
	       !(v.p[i] == '=' && v.n - i > 1 && v.p[i + 1] == '?'))
		i++;
	return (i);
}

/*
 * Read the encoded word at ${at}.  One that is never closed ends at the next
 * blank or word, if its charset is known; one that would swallow the start of
 * another ends before it.  False if there is none.
 */
static bool
word_at(struct word_scan *s, size_t at, struct encoded_word *w)
{
	struct sp_view v = s->v;
	size_t i = at + 2, end, next;

	if (v.n - at < 6 || v.p[at] != '=' || v.p[at + 1] != '?')
		return (false);
	while (i < v.n && i - at < CHARSET_MAX && v.p[i] != '?' &&
	       v.p[i] > ' ' && v.p[i] != '=')
		i++;
	if (i + 2 >= v.n || v.p[i] != '?' || v.p[i + 2] != '?' || i == at + 2)
		return (false);
	w->charset = sp_view_mem(v.p + at + 2, i - at - 2);
	w->enc = (char)(v.p[i + 1] | 0x20);
	if (w->enc != 'b' && w->enc != 'q')
		return (false);
	i += 3;
	end = find_end(s, i, w->enc);
	if (end == v.n) {
		end = open_end(v, i);
		w->text = sp_view_mem(v.p + i, end - i);
		w->length = end - at;
		return (w->text.n > 0 && sp_charset_known(w->charset));
	}
	next = find(v, i, " =?", 3, &s->word);
	if (next < end) {
		/* It swallows the start of another: it was not closed. */
		end = next;
		w->length = end - at;
	} else {
		w->length = end + 2 - at;
	}
	w->text = sp_view_mem(v.p + i, end - i);
	return (true);
}

size_t
sp_words_length(struct sp_view in)
{
	struct word_scan s = { .v = in };
	struct encoded_word w;

	return (word_at(&s, 0, &w) ? w.length : 0);
}

/* A sink: append decoded bytes to a buffer. */
static void
put_raw(void *ctx, const char *p, size_t n)
{
	(void)!sp_buf_add(ctx, p, n);
}

/* What a run of words of one charset and encoding has given so far. */
struct word_run {
	struct sp_buf bytes; /* decoded */
	struct sp_buf open; /* base64 whose quantum goes on in the next word */
};

/* Decode the base64 that was collected. */
static void
base64_close(struct word_run *r)
{
	(void)sp_transfer_decode(SP_TRANSFER_BASE64, sp_buf_view(&r->open),
	    &(struct sp_sink){ put_raw, &r->bytes });
	sp_buf_clear(&r->open);
}

/*
 * Add the text of a B word.  It is decoded when its quanta are full or padded;
 * else the next word continues it.
 */
static void
add_base64(struct word_run *r, struct sp_view text)
{
	(void)!sp_buf_addv(&r->open, text);
	if (r->open.n % 4 == 0 || (text.n > 0 && text.p[text.n - 1] == '='))
		base64_close(r);
}

/* Decode the text of a Q word: "=XX" is a byte, '_' a space. */
static void
add_q(struct word_run *r, struct sp_view text)
{
	struct sp_sink s = { put_raw, &r->bytes };

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '=' && text.n - i > 2 && is_hex(text.p[i + 1]) &&
		    is_hex(text.p[i + 2])) {
			(void)sp_transfer_decode(
			    SP_TRANSFER_QP, sp_view_mem(text.p + i, 3), &s);
			i += 2;
		} else {
			(void)!sp_buf_addc(&r->bytes, c == '_' ? ' ' : c);
		}
	}
}

static void
add_word(struct word_run *r, const struct encoded_word *w)
{
	if (w->enc == 'b')
		add_base64(r, w->text);
	else
		add_q(r, w->text);
}

/* Whether two words have one encoding and, in any case, one charset. */
static bool
same(const struct encoded_word *a, const struct encoded_word *b)
{
	if (a->enc != b->enc || a->charset.n != b->charset.n)
		return (false);
	for (size_t i = 0; i < a->charset.n; i++)
		if ((a->charset.p[i] | 0x20) != (b->charset.p[i] | 0x20))
			return (false);
	return (true);
}

/*
 * The words from ${at} on, of one charset and encoding, joined before they
 * are decoded.  Returns where they end.
 */
static size_t
put_run(struct word_scan *s, size_t at, const struct encoded_word *w,
    struct sp_view charset, struct sp_buf *out, unsigned *note)
{
	struct sp_view v = s->v;
	struct word_run r;
	struct encoded_word next;
	size_t end = at + w->length;

	sp_buf_init(&r.bytes, v.n + 4);
	sp_buf_init(&r.open, v.n);
	add_word(&r, w);
	for (;;) {
		size_t i = end;

		while (i < v.n && is_blank(v.p[i]))
			i++;
		if (i >= v.n || v.p[i] != '=' || !word_at(s, i, &next) ||
		    !same(w, &next))
			break;
		add_word(&r, &next);
		end = i + next.length;
	}
	base64_close(&r);
	*note |=
	    sp_charset_decode(sp_buf_view(&r.bytes), w->charset, charset, out);
	sp_buf_done(&r.bytes);
	sp_buf_done(&r.open);
	return (end);
}

/*
 * Turn control characters into spaces: they would reach terminals and lines of
 * text.
 */
static void
clean(struct sp_buf *out, size_t from)
{
	for (size_t i = from; i < out->n; i++)
		if ((unsigned char)out->p[i] < ' ' || out->p[i] == 127)
			out->p[i] = ' ';
}

/*
 * Alternate between plain text and runs of encoded words.  Blanks between two
 * words are not text (RFC 2047 section 6.2).
 */
unsigned
sp_words_decode(struct sp_view v, struct sp_view charset, struct sp_buf *out)
{
	struct encoded_word w;
	size_t i = 0, from = out->n, plain = 0;
	struct word_scan s;
	unsigned note = 0;
	bool was_word = false;

	if (v.n > SP_WORDS_MAX)
		v.n = SP_WORDS_MAX;
	s = (struct word_scan){ .v = v };
	while (i < v.n) {
		const char *p = memmem(v.p + i, v.n - i, "=?", 2);
		size_t at = p == NULL ? v.n : (size_t)(p - v.p);

		if (p != NULL && !word_at(&s, at, &w)) {
			i = at + 2;
			continue;
		}
		/* Blanks between two words are not text. */
		if (!(was_word && p != NULL &&
			sp_view_trim(sp_view_mem(v.p + plain, at - plain)).n ==
			    0))
			note |= sp_charset_decode(
			    sp_view_mem(v.p + plain, at - plain),
			    sp_view_str(NULL), charset, out);
		if (p == NULL) {
			plain = v.n;
			break;
		}
		i = plain = put_run(&s, at, &w, charset, out, &note);
		was_word = true;
	}
	if (plain < v.n)
		note |= sp_charset_decode(sp_view_mem(v.p + plain, v.n - plain),
		    sp_view_str(NULL), charset, out);
	clean(out, from);
	return (note);
}
