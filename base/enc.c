/*
 * Hex, base64 and integers as bytes.  Reading is strict, so that a digest or a
 * salt has one text only: a line or record that was accepted says the same when
 * it is written again.
 */
#include "base/enc.h"

#include <string.h>

static const char hex[] = "0123456789abcdef";
static const char b64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
sp_hex_encode(const void *p, size_t n, char *out)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex[b[i] >> 4];
		out[2 * i + 1] = hex[b[i] & 15];
	}
	out[2 * n] = '\0';
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

bool
sp_hex_decode(struct sp_view v, uint8_t *out, size_t n)
{
	if (v.n / 2 != n || v.n % 2 != 0)
		return (false);
	for (size_t i = 0; i < n; i++) {
		int hi = hex_value(v.p[2 * i]);
		int lo = hex_value(v.p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return (false);
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return (true);
}

size_t
sp_b64_len(size_t n)
{
	return ((n + 2) / 3 * 4);
}

void
sp_b64_encode(const void *p, size_t n, char *out)
{
	const uint8_t *b = p;

	for (; n >= 3; n -= 3, b += 3) {
		*out++ = b64[b[0] >> 2];
		*out++ = b64[(b[0] & 3) << 4 | b[1] >> 4];
		*out++ = b64[(b[1] & 15) << 2 | b[2] >> 6];
		*out++ = b64[b[2] & 63];
	}
	if (n > 0) {
		*out++ = b64[b[0] >> 2];
		*out++ = b64[(b[0] & 3) << 4 | (n == 2 ? b[1] >> 4 : 0)];
		*out++ = n == 2 ? b64[(b[1] & 15) << 2] : '=';
		*out++ = '=';
	}
	*out = '\0';
}

/* The value of each digit plus one; 0 for what is no digit.  A table, because
 * comparing ranges took a twelfth of the time of verifying an archive: every
 * entry line has two digests in base64. */
/* clang-format off */
static const uint8_t b64_digit[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6,
	['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12,
	['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17,
	['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,
	['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27,
	['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
	['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37,
	['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47,
	['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52,
	['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57,
	['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62,
	['+'] = 63, ['/'] = 64,
};
/* clang-format on */

static int
b64_value(char c)
{
	return (b64_digit[(uint8_t)c] - 1);
}

/* Decode the last group of four digits, which may be padded: 1 to 3 bytes.
 * False unless it is canonical. */
static bool
b64_last(const char *p, uint8_t *out, size_t *n)
{
	int a = b64_value(p[0]), b = b64_value(p[1]);
	int c = p[2] == '=' ? 0 : b64_value(p[2]);
	int d = p[3] == '=' ? 0 : b64_value(p[3]);

	if (a < 0 || b < 0 || c < 0 || d < 0)
		return (false);
	if (p[2] == '=' && (p[3] != '=' || (b & 15) != 0))
		return (false);
	if (p[2] != '=' && p[3] == '=' && (c & 3) != 0)
		return (false);
	out[0] = (uint8_t)(a << 2 | b >> 4);
	*n = 1;
	if (p[2] != '=')
		out[(*n)++] = (uint8_t)((b & 15) << 4 | c >> 2);
	if (p[3] != '=')
		out[(*n)++] = (uint8_t)((c & 3) << 6 | d);
	return (true);
}

/* All groups but the last are four plain digits each. */
bool
sp_b64_decode(struct sp_view v, uint8_t *out, size_t *n)
{
	uint8_t last[3];
	size_t done = 0, tail;

	*n = 0;
	if (v.n % 4 != 0)
		return (false);
	if (v.n == 0)
		return (true);
	for (size_t i = 0; i + 4 < v.n; i += 4) {
		int a = b64_value(v.p[i]), b = b64_value(v.p[i + 1]);
		int c = b64_value(v.p[i + 2]), d = b64_value(v.p[i + 3]);

		if (a < 0 || b < 0 || c < 0 || d < 0)
			return (false);
		out[done++] = (uint8_t)(a << 2 | b >> 4);
		out[done++] = (uint8_t)((b & 15) << 4 | c >> 2);
		out[done++] = (uint8_t)((c & 3) << 6 | d);
	}
	if (!b64_last(v.p + v.n - 4, last, &tail))
		return (false);
	memcpy(out + done, last, tail);
	*n = done + tail;
	return (true);
}

bool
sp_b64_decode_exact(struct sp_view v, uint8_t *out, size_t n)
{
	uint8_t tmp[96];
	size_t got;

	if (v.n != sp_b64_len(n) || n > sizeof(tmp) - 3)
		return (false);
	if (!sp_b64_decode(v, tmp, &got) || got != n)
		return (false);
	memcpy(out, tmp, n);
	return (true);
}

enum sp_code
sp_b64_append(struct sp_buf *b, const void *p, size_t n)
{
	char *at;

	if (n > SIZE_MAX / 2)
		return (SP_ELIMIT);
	at = sp_buf_reserve(b, sp_b64_len(n) + 1);
	if (at == NULL)
		return (SP_ELIMIT);
	sp_b64_encode(p, n, at);
	b->n += sp_b64_len(n);
	return (SP_OK);
}

void
sp_le16_put(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

void
sp_le32_put(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

void
sp_le64_put(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

uint16_t
sp_le16_get(const uint8_t *p)
{
	return ((uint16_t)(p[0] | p[1] << 8));
}

uint32_t
sp_le32_get(const uint8_t *p)
{
	uint32_t v = 0;

	for (unsigned i = 4; i-- > 0;)
		v = v << 8 | p[i];
	return (v);
}

uint64_t
sp_le64_get(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 8; i-- > 0;)
		v = v << 8 | p[i];
	return (v);
}

void
sp_be16_put(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void
sp_be32_put(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

uint16_t
sp_be16_get(const uint8_t *p)
{
	return ((uint16_t)(p[0] << 8 | p[1]));
}

uint32_t
sp_be32_get(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		(uint32_t)p[2] << 8 | p[3]);
}
