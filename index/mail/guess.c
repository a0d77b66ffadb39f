/*
 * What raw 8-bit text without a claim looks like.  Western text has single
 * bytes beyond ASCII between letters; East Asian text has pairs, one behind
 * the other, and each set puts what is common in other rows; Cyrillic has
 * whole words of them.
 */
#include "index/mail/charset.h"

#define LOOK ((size_t)4 << 10) /* bytes looked at */

struct count {
	size_t chars; /* of two bytes */
	size_t joined; /* of these, directly behind another */
	size_t kana, hangul, hanzi, big; /* in the rows that are common */
	bool valid;
};

static bool
in(unsigned c, unsigned lo, unsigned hi)
{
	return (c >= lo && c <= hi);
}

/* EUC: both bytes in a1-fe. */
static void
count_euc(const unsigned char *p, size_t n, struct count *c)
{
	size_t last = n;

	*c = (struct count){ .valid = true };
	for (size_t i = 0; i < n && c->valid; i++) {
		if (p[i] < 0x80)
			continue;
		if (i + 1 == n && n == LOOK)
			break;
		c->valid = in(p[i], 0xa1, 0xfe) && i + 1 < n &&
			   in(p[i + 1], 0xa1, 0xfe);
		c->chars++;
		c->joined += last == i;
		c->kana += in(p[i], 0xa4, 0xa5);
		c->hangul += in(p[i], 0xb0, 0xc8) || in(p[i], 0xa1, 0xa3);
		c->hanzi += in(p[i], 0xb0, 0xd7) || in(p[i], 0xa1, 0xa3);
		last = i + 2;
		i++;
	}
}

/* Shift JIS and Big5: the second byte may be ASCII. */
static void
count_low(const unsigned char *p, size_t n, bool sjis, struct count *c)
{
	size_t last = n;

	*c = (struct count){ .valid = true };
	for (size_t i = 0; i < n && c->valid; i++) {
		unsigned a = p[i], b = i + 1 < n ? p[i + 1] : 0;

		if (a < 0x80 || (i + 1 == n && n == LOOK))
			continue;
		if (sjis && in(a, 0xa1, 0xdf))
			continue; /* half-width kana */
		if (sjis)
			c->valid = (in(a, 0x81, 0x9f) || in(a, 0xe0, 0xfc)) &&
				   (in(b, 0x40, 0x7e) || in(b, 0x80, 0xfc));
		else
			c->valid = in(a, 0xa1, 0xf9) &&
				   (in(b, 0x40, 0x7e) || in(b, 0xa1, 0xfe));
		c->chars++;
		c->joined += last == i;
		c->kana += in(a, 0x81, 0x83) || in(a, 0x87, 0x9f);
		c->big += in(a, 0xa1, 0xc6);
		last = i + 2;
		i++;
	}
}

/* Words of letters beyond ASCII. */
static const char *
cyrillic(const unsigned char *p, size_t n)
{
	size_t low = 0, high = 0, words = 0, other = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < 0x80)
			continue;
		if (in(p[i], 0xc0, 0xdf))
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

static bool
most(size_t part, size_t all)
{
	return (part * 10 >= all * 8);
}

static bool
dense(const struct count *c)
{
	return (c->valid && c->chars >= 2 && c->joined * 2 >= c->chars);
}

const char *
sp_charset_guess(struct sp_view v)
{
	const unsigned char *p = (const unsigned char *)v.p;
	size_t n = v.n < LOOK ? v.n : LOOK;
	const char *c = cyrillic(p, n);
	struct count euc, sjis, big5;

	if (c != NULL)
		return (c);
	count_euc(p, n, &euc);
	if (dense(&euc)) {
		if (euc.kana * 4 >= euc.chars)
			return ("EUC-JP-MS");
		if (euc.chars >= 4 && euc.hangul == euc.chars)
			return ("UHC");
		if (most(euc.hanzi, euc.chars))
			return ("GB18030");
	}
	count_low(p, n, true, &sjis);
	if (dense(&sjis) && most(sjis.kana, sjis.chars))
		return ("CP932");
	count_low(p, n, false, &big5);
	if (dense(&big5) && most(big5.big, big5.chars))
		return ("BIG5-HKSCS");
	return (NULL);
}
