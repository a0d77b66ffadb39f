/*
 * Base64 as mail has it (RFC 2045 section 6.8): junk between the digits,
 * several padded pieces one after the other, a last quantum without padding,
 * the footer of a mailing list behind it.  Bytes that can be decoded are never
 * lost; whatever did not follow the encoding makes the result false.  Called
 * by transfer.c for a whole body.
 */
#include "index/mail/decode/transfer.h"
#include "index/mail/decode/transfer_priv.h"

#include <string.h>

#define LOOK ((size_t)4 << 10) /* bytes that tell base64 from text */

/* 0-63 the digits of base64, and three classes more. */
enum { B_JUNK = 64, B_BLANK = 65, B_PAD = 66 };

/* clang-format off */
static const uint8_t b64[256] = {
	64, 64, 64, 64, 64, 64, 64, 64, 64, 65, 65, 64, 64, 65, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	65, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 64, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 66, 64, 64,
	64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64,
	64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
};
/* clang-format on */

struct b64 {
	struct sp_transfer_out *o;
	uint32_t acc;
	unsigned q; /* digits in acc, 0-3 */
	unsigned breaks; /* line ends since the last digit */
	size_t checked; /* where the line ends that was found to be base64 */
	bool any; /* a digit was seen */
	bool padded; /* padding was the last thing seen */
	bool strict; /* something was complete: look at lines first */
	bool ok;
};

/* End a quantum that is padded or cut: emit the bytes that it holds in full. */
static void
b64_finish(struct b64 *b)
{
	if (b->q == 2) {
		sp_transfer_out_put(b->o, (char)(b->acc >> 4));
	} else if (b->q == 3) {
		sp_transfer_out_put(b->o, (char)(b->acc >> 10));
		sp_transfer_out_put(b->o, (char)(b->acc >> 2));
	} else if (b->q == 1) {
		b->ok = false;
	}
	b->q = 0;
	b->acc = 0;
}

/* Add one digit of value ${d}; emit three bytes when four are there. */
static void
b64_digit(struct b64 *b, uint8_t d)
{
	b->acc = b->acc << 6 | d;
	if (++b->q < 4)
		return;
	sp_transfer_out_put(b->o, (char)(b->acc >> 16));
	sp_transfer_out_put(b->o, (char)(b->acc >> 8));
	sp_transfer_out_put(b->o, (char)b->acc);
	b->q = 0;
	b->acc = 0;
}

/*
 * After padding or an empty line there may be a further piece of base64, or
 * the footer of a mailing list.  Whether the line at ${p} is the former;
 * ${whole} asks that it also has full quanta only.
 */
static bool
b64_line(const char *p, size_t n, bool whole)
{
	struct sp_view v = sp_view_trim(sp_view_mem(p, n));

	for (size_t i = 0; i < v.n; i++)
		if (b64[(uint8_t)v.p[i]] == B_JUNK ||
		    b64[(uint8_t)v.p[i]] == B_BLANK)
			return (false);
	return (!whole || v.n % 4 == 0);
}

/*
 * Decode full quanta that stand without anything between them; returns how
 * many bytes of ${p} they were.  This is where nearly all base64 is decoded.
 */
static size_t
b64_fast(struct b64 *b, const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (n - i >= 4) {
		uint32_t a = b64[p[i]], c = b64[p[i + 1]];
		uint32_t d = b64[p[i + 2]], e = b64[p[i + 3]];
		uint32_t x = a << 18 | c << 12 | d << 6 | e;
		char t[3];

		if ((a | c | d | e) >= 64)
			break;
		t[0] = (char)(x >> 16);
		t[1] = (char)(x >> 8);
		t[2] = (char)x;
		sp_transfer_out_add(b->o, t, 3);
		i += 4;
	}
	return (i);
}

/*
 * Pass over the line at *i if it is no base64 and stands where a footer may
 * stand.  False, and *i unchanged, if the line is to be decoded.
 */
static bool
b64_skip(struct b64 *b, struct sp_view in, size_t *i)
{
	const char *lf;
	size_t n;

	if (!b->strict || *i < b->checked || (b->breaks == 0 && !b->padded))
		return (false);
	lf = memchr(in.p + *i, '\n', in.n - *i);
	n = lf == NULL ? in.n - *i : (size_t)(lf - in.p) - *i;
	if (b64_line(in.p + *i, n, b->padded && b->q == 0)) {
		b->checked = *i + n;
		return (false);
	}
	b->ok = false;
	*i += n;
	return (true);
}

/* Read the padding at ${i}; returns where it ends. */
static size_t
b64_pad(struct b64 *b, struct sp_view in, size_t i)
{
	b->ok &= b->q >= 2 || b->padded;
	b64_finish(b);
	b->padded = b->strict = true;
	b->breaks = 0;
	while (i < in.n && in.p[i] == '=')
		i++;
	return (i);
}

/* Read digits, or one byte of junk, at ${i}; returns where to go on. */
static size_t
b64_digits(struct b64 *b, struct sp_view in, size_t i)
{
	uint8_t c = b64[(uint8_t)in.p[i]];
	size_t n = 0;

	b->any = true;
	b->padded = false;
	b->breaks = 0;
	if (c == B_JUNK) {
		b->ok = false;
		return (i + 1);
	}
	if (b->q == 0)
		n = b64_fast(b, (const uint8_t *)in.p + i, in.n - i);
	if (n == 0) {
		b64_digit(b, c);
		n = 1;
	}
	return (i + n);
}

bool
sp_transfer_base64(struct sp_view in, struct sp_transfer_out *o)
{
	struct b64 b = { .o = o, .ok = true };
	size_t i = 0;

	while (i < in.n) {
		uint8_t c = b64[(uint8_t)in.p[i]];

		if (c == B_BLANK) {
			if (in.p[i++] == '\n' && ++b.breaks >= 2 && b.any)
				b.strict = true;
		} else if (!b64_skip(&b, in, &i)) {
			i = c == B_PAD ? b64_pad(&b, in, i)
				       : b64_digits(&b, in, i);
		}
	}
	b.ok &= b.q == 0;
	b64_finish(&b);
	return (b.ok);
}

bool
sp_transfer_is_plain(struct sp_view in)
{
	struct sp_view v = sp_view_trim(in);
	size_t odd = 0;

	if (v.n > LOOK)
		v.n = LOOK;
	for (size_t i = 0; i < v.n; i++)
		odd += b64[(uint8_t)v.p[i]] == B_JUNK || v.p[i] == ' ';
	return (odd > v.n / 20);
}
