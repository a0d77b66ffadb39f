/*
 * The tokenizer (token.h, doc/format-index.md "Tokens").  Text goes through
 * three steps: it is cut into runs of letters, digits, marks and format
 * characters; a run is folded by ICU; what folding gives is cut again into
 * words and pairs.  ASCII takes a short cut without ICU.  No I/O and no state
 * between calls.
 *
 *   text --cut--> run --NFKC_Casefold--> characters --+-> word      (Latin ...)
 *                                                     +-> pairs     (Han ...)
 *        --between two SP_TOKEN_MARK----------------> verbatim token
 */
#include "index/schema/token.h"

#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

/*
 * A run is folded piece by piece, so that a megabyte without a blank costs
 * no memory.  A piece ends before an ideograph once it has SOFT code points,
 * and anywhere at HARD.  One code point folds to 18 at most.
 */
#define SOFT   128
#define HARD   256
#define FOLDED (HARD * 18 + 8)

struct tokenizer {
	struct sp_token_sink sink;
	bool query;
	int rc; /* what the sink answered; not 0 ends the work */
	/* the word being built */
	char word[SP_TOKEN_MAX];
	size_t n;
	bool truncated; /* the rest of the word is not looked at */
	UChar32 base; /* letter that a combining mark would sit on, or 0 */
	/* the pair being built, in a script without blanks */
	UChar32 pair; /* first half of the next pair, or -1 */
	bool pair_emitted; /* a pair that ends with it was emitted */
};

/* A letter or digit of ASCII, folded; 0 for a byte that separates words. */
static char
ascii_word(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return ((char)(c + ('a' - 'A')));
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
		return ((char)c);
	return (0);
}

/* Whether ${c} belongs to a script that is written without blanks. */
static bool
is_dense(UChar32 c)
{
	static const struct {
		UChar32 from, to;
	} ranges[] = {
		{ 0x0e01, 0x0eff }, /* Thai, Lao */
		{ 0x1000, 0x109f }, /* Myanmar */
		{ 0x1100, 0x11ff }, /* Hangul Jamo */
		{ 0x1780, 0x17ff }, /* Khmer */
		{ 0x2e80, 0x2fdf }, /* radicals */
		{ 0x3005, 0x3007 },
		{ 0x3021, 0x3029 },
		{ 0x3031, 0x3035 },
		{ 0x3038, 0x303c },
		{ 0x3041, 0x30fa }, /* Hiragana, Katakana */
		{ 0x30fc, 0x31bf }, /* and Bopomofo */
		{ 0x31f0, 0x31ff },
		{ 0x3400, 0x4dbf }, /* Han */
		{ 0x4e00, 0x9fff },
		{ 0xa960, 0xa97f },
		{ 0xac00, 0xd7ff }, /* Hangul */
		{ 0xf900, 0xfaff },
		{ 0x20000, 0x3ffff },
	};

	if (c < 0x0e01)
		return (false);
	for (size_t i = 0; i < SP_COUNTOF(ranges); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return (true);
	return (false);
}

/* Whether ${c} belongs to a run before folding.  Format characters (soft
 * hyphen, joiners) do too: folding takes them away without a cut. */
static bool
is_wordish(UChar32 c)
{
	return (c >= 0 &&
		(U_GET_GC_MASK(c) & (U_GC_L_MASK | U_GC_N_MASK | U_GC_M_MASK |
					U_GC_CF_MASK | U_GC_CO_MASK)) != 0);
}

/* Whether ${c} belongs to a word or pair after folding. */
static bool
is_word(UChar32 c)
{
	return ((U_GET_GC_MASK(c) & (U_GC_L_MASK | U_GC_N_MASK | U_GC_M_MASK |
					U_GC_CO_MASK)) != 0);
}

/* Whether marks on ${c} are dropped: Latin, Greek and what lies between. */
static bool
takes_diacritics(UChar32 c)
{
	return (c < 0x0400 || (c >= 0x1e00 && c <= 0x1fff));
}

/* The code point at *i, which is moved behind it.  A lone surrogate is given as
 * it is. */
static UChar32
next16(const UChar *p, int32_t *i, int32_t n)
{
	UChar u = p[(*i)++];

	if (U16_IS_LEAD(u) && *i < n && U16_IS_TRAIL(p[*i]))
		return (U16_GET_SUPPLEMENTARY(u, p[(*i)++]));
	return (u);
}

/* The letter without its diacritics: the first character of the canonical
 * decomposition, again and again (U+1EA5 to U+00E2 to "a"). */
static UChar32
base_letter(UChar32 c)
{
	UErrorCode e = U_ZERO_ERROR;
	const UNormalizer2 *nfc;
	UChar d[8];

	if (c < 0xc0 || !takes_diacritics(c))
		return (c);
	nfc = unorm2_getNFCInstance(&e);
	while (U_SUCCESS(e)) {
		int32_t n = unorm2_getRawDecomposition(
		    nfc, c, d, (int32_t)SP_COUNTOF(d), &e);
		int32_t i = 0;

		if (U_FAILURE(e) || n <= 0)
			break;
		c = next16(d, &i, n);
	}
	return (c);
}

/* Hand a token to the sink, unless it ended the work already. */
static void
emit(struct tokenizer *s, const char *p, size_t n, bool same)
{
	if (s->rc == 0 && n > 0)
		s->rc = s->sink.fn(s->sink.ctx, p, n, same);
}

static void
end_word(struct tokenizer *s)
{
	emit(s, s->word, s->n, false);
	s->n = 0;
	s->truncated = false;
	s->base = 0;
}

/* Write ${c} as UTF-8; the number of bytes, at most 4. */
static size_t
utf8_put(char *out, UChar32 c)
{
	uint32_t u = (uint32_t)c;
	size_t n = u < 0x80 ? 1 : u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n - 1; i > 0; i--, u >>= 6)
		out[i] = (char)(0x80 | (u & 0x3f));
	out[0] = (char)(lead[n] | u);
	return (n);
}

/* The end of a run of a script without blanks.  When storing, its last
 * character is emitted too, at the position of the last pair, so that a prefix
 * query finds it; a run of one character is emitted in any case. */
static void
end_pairs(struct tokenizer *s)
{
	char one[4];
	size_t n;

	if (s->pair >= 0 && (!s->pair_emitted || !s->query)) {
		n = utf8_put(one, s->pair);
		emit(s, one, n, s->pair_emitted);
	}
	s->pair = -1;
	s->pair_emitted = false;
}

/* Add a character of a script without blanks: it makes a pair with the one
 * before. */
static void
add_dense(struct tokenizer *s, UChar32 c)
{
	char two[8];
	size_t n;

	end_word(s);
	if (s->pair >= 0) {
		n = utf8_put(two, s->pair);
		n += utf8_put(two + n, c);
		emit(s, two, n, false);
		s->pair_emitted = true;
	}
	s->pair = c;
}

/* Add a character to the word being built, without its diacritics. */
static void
add_letter(struct tokenizer *s, UChar32 c)
{
	char one[4];
	size_t n;

	end_pairs(s);
	if (c >= 0x0300 && c <= 0x036f && s->base != 0 &&
	    takes_diacritics(s->base))
		return;
	c = base_letter(c);
	s->base = c;
	n = utf8_put(one, c);
	if (s->truncated || s->n + n > sizeof(s->word)) {
		s->truncated = true;
		return;
	}
	memcpy(s->word + s->n, one, n);
	s->n += n;
}

static void
end_run(struct tokenizer *s)
{
	end_word(s);
	end_pairs(s);
}

/* Fold one piece of a run and add its characters; what folding made a separator
 * ends word and pairs. */
static void
add_piece(struct tokenizer *s, const UChar *raw, int32_t len)
{
	UErrorCode e = U_ZERO_ERROR;
	const UNormalizer2 *cf = unorm2_getNFKCCasefoldInstance(&e);
	UChar out[FOLDED];
	int32_t n, i = 0;

	if (U_FAILURE(e))
		return;
	n = unorm2_normalize(cf, raw, len, out, FOLDED, &e);
	if (U_FAILURE(e))
		return;
	while (i < n && s->rc == 0) {
		UChar32 c = next16(out, &i, n);

		if (!is_word(c))
			end_run(s);
		else if (is_dense(c))
			add_dense(s, c);
		else
			add_letter(s, c);
	}
}

/* Tokens of a run with characters beyond ASCII, which begins at ${i}; where it
 * ends. */
static size_t
wide_run(struct tokenizer *s, struct sp_view v, size_t i)
{
	UChar raw[HARD * 2];
	int32_t n = 0, count = 0;

	while (i < v.n && s->rc == 0) {
		int32_t at = 0, left = v.n - i > 8 ? 8 : (int32_t)(v.n - i);
		UChar32 c;

		U8_NEXT((const uint8_t *)v.p + i, at, left, c);
		if (!is_wordish(c))
			break;
		if (count == HARD || (count >= SOFT && is_dense(c))) {
			add_piece(s, raw, n);
			n = count = 0;
		}
		U16_APPEND_UNSAFE(raw, n, c);
		count++;
		i += (size_t)at;
	}
	add_piece(s, raw, n);
	end_run(s);
	return (i);
}

/* Emit the verbatim token that begins at ${i}, behind its first mark; the
 * offset behind its closing mark. */
static size_t
verbatim(struct tokenizer *s, struct sp_view v, size_t i)
{
	const char *end = memchr(v.p + i, SP_TOKEN_MARK, v.n - i);
	size_t stop = end == NULL ? v.n : (size_t)(end - v.p);
	size_t n = stop - i;

	emit(s, v.p + i, n > SP_TOKEN_RAW_MAX ? SP_TOKEN_RAW_MAX : n, false);
	return (end == NULL ? v.n : stop + 1);
}

/* A character beyond ASCII at ${i}.  If it belongs to a run, the run is taken
 * anew from ${run}, where its ASCII letters began; otherwise it separates.  The
 * offset to go on from. */
static size_t
wide_at(struct tokenizer *s, struct sp_view v, size_t i, size_t run)
{
	int32_t at = 0, left = v.n - i > 8 ? 8 : (int32_t)(v.n - i);
	UChar32 c;

	U8_NEXT((const uint8_t *)v.p + i, at, left, c);
	if (is_wordish(c)) {
		s->n = 0;
		s->truncated = false;
		return (wide_run(s, v, run));
	}
	end_word(s);
	return (i + (size_t)at);
}

/* Words of ASCII are built here byte by byte; a run with other characters goes
 * through wide_at() as a whole. */
int
sp_token_each(struct sp_view v, bool query, struct sp_token_sink sink)
{
	struct tokenizer s = { .sink = sink, .query = query, .pair = -1 };
	size_t i = 0;

	while (i < v.n && s.rc == 0) {
		size_t run = i;
		char c;

		while (
		    i < v.n && (c = ascii_word((unsigned char)v.p[i])) != 0) {
			if (s.n < sizeof(s.word))
				s.word[s.n++] = c;
			i++;
		}
		if (i < v.n && (unsigned char)v.p[i] >= 0x80) {
			i = wide_at(&s, v, i, run);
			continue;
		}
		end_word(&s);
		if (i < v.n && v.p[i] == SP_TOKEN_MARK)
			i = verbatim(&s, v, i + 1);
		else
			i++;
	}
	return (s.rc);
}

/* Sink of sp_token_info(). */
static int
count_one(void *ctx, const char *p, size_t n, bool same)
{
	struct sp_token_info *info = ctx;
	int32_t i = 0;
	UChar32 c;

	U8_NEXT((const uint8_t *)p, i, (int32_t)n, c);
	info->short_last = (size_t)i == n && c >= 0 && is_dense(c);
	if (!same)
		info->count++;
	return (0);
}

struct sp_token_info
sp_token_info(struct sp_view text)
{
	struct sp_token_info info = { 0 };

	(void)sp_token_each(
	    text, true, (struct sp_token_sink){ count_one, &info });
	return (info);
}

/* Fold text with characters beyond ASCII.  What is not UTF-8 becomes U+FFFD,
 * and only the first HARD UTF-16 units are looked at: no address is that long,
 * and the memory stays on the stack. */
static enum sp_code
fold_wide(struct sp_view v, struct sp_buf *out)
{
	UErrorCode e = U_ZERO_ERROR;
	const UNormalizer2 *cf = unorm2_getNFKCCasefoldInstance(&e);
	UChar raw[HARD * 2], folded[FOLDED];
	int32_t n = 0, m, i = 0;
	size_t at = 0;
	char one[4];
	enum sp_code rc = SP_OK;

	while (at < v.n && n < HARD) {
		int32_t k = 0, left = v.n - at > 8 ? 8 : (int32_t)(v.n - at);
		UChar32 c;

		U8_NEXT((const uint8_t *)v.p + at, k, left, c);
		if (c < 0)
			c = 0xfffd;
		U16_APPEND_UNSAFE(raw, n, c);
		at += (size_t)k;
	}
	m = unorm2_normalize(cf, raw, n, folded, FOLDED, &e);
	if (U_FAILURE(e))
		return (sp_buf_addv(out, v));
	while (i < m && rc == SP_OK) {
		UChar32 c = next16(folded, &i, m);

		rc = sp_buf_add(out, one, utf8_put(one, c));
	}
	return (rc);
}

enum sp_code
sp_token_fold(struct sp_view v, struct sp_buf *out)
{
	char *p;

	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] >= 0x80)
			return (fold_wide(v, out));
	p = sp_buf_reserve(out, v.n);
	if (p == NULL)
		return (SP_ELIMIT);
	for (size_t i = 0; i < v.n; i++)
		p[i] = v.p[i] >= 'A' && v.p[i] <= 'Z'
			   ? (char)(v.p[i] + ('a' - 'A'))
			   : v.p[i];
	out->n += v.n;
	return (SP_OK);
}

bool
sp_token_dirty(struct sp_view v)
{
	return (v.n > 0 && memchr(v.p, SP_TOKEN_MARK, v.n) != NULL);
}

enum sp_code
sp_token_clean(struct sp_view v, struct sp_buf *out)
{
	char *p = sp_buf_reserve(out, v.n);

	if (p == NULL)
		return (SP_ELIMIT);
	for (size_t i = 0; i < v.n; i++)
		p[i] = v.p[i] == SP_TOKEN_MARK || v.p[i] == '\0' ? ' ' : v.p[i];
	out->n += v.n;
	return (SP_OK);
}
