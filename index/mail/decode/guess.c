/*
 * Guessing the character set of raw 8-bit text that claims none and is not
 * UTF-8.  Western text has single bytes beyond ASCII between letters; East
 * Asian text has pairs, one behind the other, and each set puts its common
 * characters in other rows; Cyrillic has whole words of bytes beyond ASCII.
 * Only the first 4 KiB are looked at.  Called by charset.c before it falls
 * back to Windows-1252.
 */
#include "index/mail/decode/charset.h"

#define LOOK ((size_t)4 << 10) /* bytes looked at */

struct pair_count {
	size_t chars; /* of two bytes */
	size_t joined; /* of these, directly behind another */
	size_t kana, hangul, hanzi, big; /* in the rows that are common */
	bool valid;
};

static bool
in_range(unsigned c, unsigned lo, unsigned hi)
{
	return (c >= lo && c <= hi);
}

/* Count pairs as the EUC sets have them, both bytes in a1-fe. */
static void
count_euc(const unsigned char *p, size_t n, struct pair_count *c)
{
	size_t last = n;

	*c = (struct pair_count){ .valid = true };
	for (size_t i = 0; i < n && c->valid; i++) {
		if (p[i] < 0x80)
			continue;
		if (i + 1 == n && n == LOOK)
			break;
		c->valid = in_range(p[i], 0xa1, 0xfe) && i + 1 < n &&
			   in_range(p[i + 1], 0xa1, 0xfe);
		c->chars++;
		c->joined += last == i;
		c->kana += in_range(p[i], 0xa4, 0xa5);
		c->hangul +=
		    in_range(p[i], 0xb0, 0xc8) || in_range(p[i], 0xa1, 0xa3);
		c->hanzi +=
		    in_range(p[i], 0xb0, 0xd7) || in_range(p[i], 0xa1, 0xa3);
		last = i + 2;
		i++;
	}
}

/*
 * Count pairs of Shift JIS (${sjis}) or Big5, whose second byte may be ASCII.
 */
static void
count_low(const unsigned char *p, size_t n, bool sjis, struct pair_count *c)
{
	size_t last = n;

	*c = (struct pair_count){ .valid = true };
	for (size_t i = 0; i < n && c->valid; i++) {
		unsigned a = p[i], b = i + 1 < n ? p[i + 1] : 0;

		if (a < 0x80 || (i + 1 == n && n == LOOK))
			continue;
		if (sjis && in_range(a, 0xa1, 0xdf))
			continue; /* half-width kana */
		if (sjis)
			c->valid = (in_range(a, 0x81, 0x9f) ||
				       in_range(a, 0xe0, 0xfc)) &&
				   (in_range(b, 0x40, 0x7e) ||
				       in_range(b, 0x80, 0xfc));
		else
			c->valid = in_range(a, 0xa1, 0xf9) &&
				   (in_range(b, 0x40, 0x7e) ||
				       in_range(b, 0xa1, 0xfe));
		c->chars++;
		c->joined += last == i;
		c->kana += in_range(a, 0x81, 0x83) || in_range(a, 0x87, 0x9f);
		c->big += in_range(a, 0xa1, 0xc6);
		last = i + 2;
		i++;
	}
}

/*
 * The Cyrillic set of text whose bytes beyond ASCII form whole words, or NULL.
 * KOI8-R has its small letters at c0-df, Windows-1251 at e0-ff.
 */
static const char *
cyrillic(const unsigned char *p, size_t n)
{
	size_t low = 0, high = 0, words = 0, other = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < 0x80)
			continue;
		if (in_range(p[i], 0xc0, 0xdf))
			low++;
		else if (p[i] >= 0xe0)
			high++;
		else
			other++;
		words += i == 0 || p[i - 1] < 0x80;
	}
	if (other * 10 > low + high || low + high < 3 * words)
		return (NULL);
	return (low > high ? "KOI8-R" : "CP1251");
}

/* At least eight in ten. */
static bool
is_most(size_t part, size_t all)
{
	return (part * 10 >= all * 8);
}

/* Whether the pairs are valid and mostly stand one behind the other. */
static bool
is_dense(const struct pair_count *c)
{
	return (c->valid && c->chars >= 2 && c->joined * 2 >= c->chars);
}

/*
 * Cyrillic is tested first, then the EUC sets from the one with the clearest
 * mark (kana), then the sets whose second byte may be ASCII.
 */
const char *
sp_charset_guess(struct sp_view v)
{
	const unsigned char *p = (const unsigned char *)v.p;
	size_t n = v.n < LOOK ? v.n : LOOK;
	const char *c = cyrillic(p, n);
	struct pair_count euc, sjis, big5;

	if (c != NULL)
		return (c);
	count_euc(p, n, &euc);
	if (is_dense(&euc)) {
		if (euc.kana * 4 >= euc.chars)
			return ("EUC-JP-MS");
		if (euc.chars >= 4 && euc.hangul == euc.chars)
			return ("UHC");
		if (is_most(euc.hanzi, euc.chars))
			return ("GB18030");
	}
	count_low(p, n, true, &sjis);
	if (is_dense(&sjis) && is_most(sjis.kana, sjis.chars))
		return ("CP932");
	count_low(p, n, false, &big5);
	if (is_dense(&big5) && is_most(big5.big, big5.chars))
		return ("BIG5-HKSCS");
	return (NULL);
}
