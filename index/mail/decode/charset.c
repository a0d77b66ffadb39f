/*
 * Bytes of a claimed character set to UTF-8.  The claim is looked up in our own
 * table, which maps each name to the superset that senders really use; UTF-8,
 * ASCII and Windows-1252 are decoded here, all others by iconv.  Where the
 * claim is missing, unknown or wrong, the order is: UTF-8 if it is valid, the
 * fallback of the caller, what the bytes look like (guess.c), Windows-1252.
 * Encoded words (words.c), file names (param.c) and body text (text.c, html.c)
 * end here.
 */
#include "index/mail/decode/charset.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "index/mail/decode/utf8.h"

#define NAME_MAX_LEN 40 /* of a charset name, letters and digits */

/*
 * What a claim means.  Keys are lower case, letters and digits only.  Many
 * senders claim a standard set and use the vendor's superset, so each name
 * maps to the superset.  Not iconv's own list: some of its converters
 * (ISO-2022-CN-EXT) had memory bugs, and no mail needs them.
 */
static const struct {
	const char *key;
	const char *iconv; /* NULL: UTF-8; "": Windows-1252; both are ours */
} names[] = {
	{ "utf8", NULL },
	{ "unicode11utf8", NULL },
	{ "usascii", "" },
	{ "ascii", "" },
	{ "ansix341968", "" },
	{ "iso646us", "" },
	{ "iso88591", "" },
	{ "latin1", "" },
	{ "l1", "" },
	{ "windows1252", "" },
	{ "cp1252", "" },
	{ "win1252", "" },
	{ "ansi", "" },
	{ "iso885915", "ISO-8859-15" },
	{ "latin9", "ISO-8859-15" },
	{ "iso88592", "ISO-8859-2" },
	{ "latin2", "ISO-8859-2" },
	{ "iso88593", "ISO-8859-3" },
	{ "iso88594", "ISO-8859-4" },
	{ "iso88595", "ISO-8859-5" },
	{ "iso88596", "ISO-8859-6" },
	{ "iso88596i", "ISO-8859-6" },
	{ "iso88597", "ISO-8859-7" },
	{ "greek", "ISO-8859-7" },
	{ "iso88598", "CP1255" },
	{ "iso88598i", "CP1255" },
	{ "iso88598e", "CP1255" },
	{ "visual", "CP1255" },
	{ "logical", "CP1255" },
	{ "iso88599", "CP1254" },
	{ "latin5", "CP1254" },
	{ "iso885910", "ISO-8859-10" },
	{ "iso885911", "CP874" },
	{ "tis620", "CP874" },
	{ "cp874", "CP874" },
	{ "windows874", "CP874" },
	{ "iso885913", "ISO-8859-13" },
	{ "iso885914", "ISO-8859-14" },
	{ "iso885916", "ISO-8859-16" },
	{ "windows1250", "CP1250" },
	{ "cp1250", "CP1250" },
	{ "windows1251", "CP1251" },
	{ "cp1251", "CP1251" },
	{ "win1251", "CP1251" },
	{ "windows1253", "CP1253" },
	{ "cp1253", "CP1253" },
	{ "windows1254", "CP1254" },
	{ "cp1254", "CP1254" },
	{ "windows1255", "CP1255" },
	{ "cp1255", "CP1255" },
	{ "windows1256", "CP1256" },
	{ "cp1256", "CP1256" },
	{ "windows1257", "CP1257" },
	{ "cp1257", "CP1257" },
	{ "windows1258", "CP1258" },
	{ "cp1258", "CP1258" },
	{ "koi8r", "KOI8-R" },
	{ "koi8", "KOI8-R" },
	{ "cskoi8r", "KOI8-R" },
	{ "koi8u", "KOI8-U" },
	{ "koi8ru", "KOI8-U" },
	{ "shiftjis", "CP932" },
	{ "sjis", "CP932" },
	{ "xsjis", "CP932" },
	{ "mskanji", "CP932" },
	{ "cp932", "CP932" },
	{ "ms932", "CP932" },
	{ "windows31j", "CP932" },
	{ "eucjp", "EUC-JP-MS" },
	{ "xeucjp", "EUC-JP-MS" },
	{ "cseucpkdfmtjapanese", "EUC-JP-MS" },
	{ "iso2022jp", "ISO-2022-JP-3" },
	{ "csiso2022jp", "ISO-2022-JP-3" },
	{ "iso2022jp1", "ISO-2022-JP-3" },
	{ "iso2022jp2", "ISO-2022-JP-2" },
	{ "iso2022jp3", "ISO-2022-JP-3" },
	{ "cp50220", "ISO-2022-JP-3" },
	{ "cp50221", "ISO-2022-JP-3" },
	{ "gb2312", "GB18030" },
	{ "csgb2312", "GB18030" },
	{ "euccn", "GB18030" },
	{ "xeuccn", "GB18030" },
	{ "gbk", "GB18030" },
	{ "xgbk", "GB18030" },
	{ "cp936", "GB18030" },
	{ "ms936", "GB18030" },
	{ "windows936", "GB18030" },
	{ "gb18030", "GB18030" },
	{ "gb231280", "GB18030" },
	{ "chinese", "GB18030" },
	{ "big5", "BIG5-HKSCS" },
	{ "cnbig5", "BIG5-HKSCS" },
	{ "xxbig5", "BIG5-HKSCS" },
	{ "big5hkscs", "BIG5-HKSCS" },
	{ "cp950", "BIG5-HKSCS" },
	{ "windows950", "BIG5-HKSCS" },
	{ "euctw", "EUC-TW" },
	{ "euckr", "UHC" },
	{ "ksc56011987", "UHC" },
	{ "ksc5601", "UHC" },
	{ "ksc56011989", "UHC" },
	{ "isoir149", "UHC" },
	{ "korean", "UHC" },
	{ "cp949", "UHC" },
	{ "ms949", "UHC" },
	{ "uhc", "UHC" },
	{ "windows949", "UHC" },
	{ "iso2022kr", "ISO-2022-KR" },
	{ "johab", "JOHAB" },
	{ "utf7", "UTF-7" },
	{ "unicode11utf7", "UTF-7" },
	{ "xunicode20utf7", "UTF-7" },
	{ "utf16", "UTF-16" },
	{ "utf16le", "UTF-16LE" },
	{ "utf16be", "UTF-16BE" },
	{ "unicode", "UTF-16" },
	{ "utf32", "UTF-32" },
	{ "utf32le", "UTF-32LE" },
	{ "utf32be", "UTF-32BE" },
	{ "macintosh", "MACINTOSH" },
	{ "macroman", "MACINTOSH" },
	{ "xmacroman", "MACINTOSH" },
	{ "mac", "MACINTOSH" },
	{ "xmaccyrillic", "MAC-CYRILLIC" },
	{ "maccyrillic", "MAC-CYRILLIC" },
	{ "xmacce", "MAC-CENTRALEUROPE" },
	{ "cp437", "IBM437" },
	{ "ibm437", "IBM437" },
	{ "cp850", "IBM850" },
	{ "ibm850", "IBM850" },
	{ "cp852", "IBM852" },
	{ "ibm852", "IBM852" },
	{ "cp855", "IBM855" },
	{ "ibm855", "IBM855" },
	{ "cp857", "IBM857" },
	{ "cp858", "IBM858" },
	{ "cp860", "IBM860" },
	{ "cp861", "IBM861" },
	{ "cp862", "IBM862" },
	{ "ibm862", "IBM862" },
	{ "cp863", "IBM863" },
	{ "cp865", "IBM865" },
	{ "cp866", "IBM866" },
	{ "ibm866", "IBM866" },
	{ "cp869", "IBM869" },
	{ "viscii", "VISCII" },
	{ "tcvn", "TCVN" },
	{ "armscii8", "ARMSCII-8" },
	{ "georgianps", "GEORGIAN-PS" },
};

/* Windows-1252, 0x80 to 0x9f; the five holes are the C1 controls they are in
 * ISO 8859-1. */
static const uint16_t cp1252[32] = { 0x20ac, 0x81, 0x201a, 0x0192, 0x201e,
	0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,
	0x017d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013,
	0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178 };

bool
sp_charset_is_ascii(struct sp_view v)
{
	unsigned char any = 0;

	if (v.n > 0 && memchr(v.p, '\0', v.n) != NULL)
		return (false);
	for (size_t i = 0; i < v.n; i++)
		any |= (unsigned char)v.p[i];
	return (any < 0x80);
}

/*
 * The index in names[] of a claimed name, or -1.  Only letters and digits
 * count, and what follows a star (the language of RFC 2231) is left out.
 */
static int
lookup(struct sp_view charset)
{
	char key[NAME_MAX_LEN + 1];
	size_t n = 0;

	for (size_t i = 0; i < charset.n && charset.p[i] != '*'; i++) {
		unsigned char c = (unsigned char)charset.p[i];

		if (c >= 0x80 || !isalnum(c))
			continue;
		if (n == NAME_MAX_LEN)
			return (-1);
		key[n++] = (char)tolower(c);
	}
	key[n] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].key, key) == 0)
			return ((int)i);
	return (-1);
}

bool
sp_charset_known(struct sp_view charset)
{
	return (lookup(charset) >= 0);
}

/*
 * Append Windows-1252, in which every byte is a character; NULs are left out.
 */
static void
put_cp1252(struct sp_view in, struct sp_buf *out)
{
	for (size_t i = 0, j; i < in.n; i = j) {
		unsigned char c;

		for (j = i; j < in.n; j++) {
			c = (unsigned char)in.p[j];
			if (c >= 0x80 || c == 0)
				break;
		}
		if (!sp_utf8_put(out, in.p + i, j - i))
			return;
		if (j == in.n)
			return;
		c = (unsigned char)in.p[j++];
		if (c != 0 &&
		    !sp_utf8_put_char(out, c < 0xa0 ? cp1252[c - 0x80] : c))
			return;
	}
}

/* The length of the valid UTF-8 character at ${p}, or 0. */
static size_t
utf8_char(const unsigned char *p, size_t n)
{
	size_t len;
	unsigned char lo = 0x80, hi = 0xbf;

	if (p[0] < 0x80)
		return (1);
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return (0);
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return (0);
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return (0);
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return (0);
	return (len);
}

/* Characters beyond ASCII in ${in}: valid and not. */
static void
utf8_count(struct sp_view in, size_t *good, size_t *bad)
{
	const unsigned char *p = (const unsigned char *)in.p;

	*good = *bad = 0;
	for (size_t i = 0; i < in.n;) {
		size_t n;

		if (p[i] < 0x80) {
			i++;
			continue;
		}
		n = utf8_char(p + i, in.n - i);
		if (n == 0)
			(*bad)++;
		else
			(*good)++;
		i += n == 0 ? 1 : n;
	}
}

/*
 * Append what claims to be UTF-8: NULs are left out, and each byte that
 * belongs to no character becomes U+FFFD.
 */
static void
put_utf8(struct sp_view in, struct sp_buf *out)
{
	const unsigned char *p = (const unsigned char *)in.p;

	for (size_t i = 0, j; i < in.n; i = j) {
		size_t n = 1;

		for (j = i; j < in.n && p[j] != 0; j += n)
			if ((n = utf8_char(p + j, in.n - j)) == 0)
				break;
		if (!sp_utf8_put(out, in.p + i, j - i) || j >= in.n)
			return;
		if (p[j++] != 0 && !sp_utf8_put_char(out, 0xfffd))
			return;
	}
}

/* Append text that iconv gave, without U+0000.  False if it was cut. */
static bool
put_clean(struct sp_buf *out, const char *p, size_t n)
{
	while (n > 0) {
		const char *z = memchr(p, '\0', n);
		size_t k = z == NULL ? n : (size_t)(z - p);

		if (!sp_utf8_put(out, p, k))
			return (false);
		if (z == NULL)
			break;
		p += k + 1;
		n -= k + 1;
	}
	return (true);
}

/*
 * Decode by iconv from the set ${from}; each byte that does not fit becomes
 * U+FFFD.  Returns how many did not, or SIZE_MAX if iconv has no such
 * converter.
 */
static size_t
put_iconv(struct sp_view in, const char *from, struct sp_buf *out)
{
	iconv_t cd = iconv_open("UTF-8", from);
	char tmp[4096], *src, *dst;
	size_t left = in.n, room, bad = 0;
	bool flush = false;

	if ((intptr_t)cd == -1)
		return (SIZE_MAX);
	/* iconv's prototype lacks const; it does not write there. */
	memcpy(&src, &in.p, sizeof(src));
	for (;;) {
		size_t rc;
		int e;

		dst = tmp;
		room = sizeof(tmp);
		rc = iconv(
		    cd, flush ? NULL : &src, flush ? NULL : &left, &dst, &room);
		e = rc == (size_t)-1 ? errno : 0;
		if (!put_clean(out, tmp, sizeof(tmp) - room) || flush)
			break;
		if (e == E2BIG)
			continue;
		if (e == 0) {
			flush = true;
			continue;
		}
		bad++;
		if (!sp_utf8_put_char(out, 0xfffd))
			break;
		if (e == EINVAL || left <= 1) {
			flush = true;
			continue;
		}
		src++;
		left--;
	}
	(void)iconv_close(cd);
	return (bad);
}

/*
 * The set whose ISO 2022 escape sequences stand in ${in} (Japanese or Korean
 * in seven bits), or NULL.
 */
static const char *
guess_7bit(struct sp_view in)
{
	const char *p = in.p, *end = in.p + in.n;

	while (p < end && (p = memchr(p, 0x1b, (size_t)(end - p))) != NULL) {
		p++;
		if (end - p >= 2 && p[0] == '$' && (p[1] == 'B' || p[1] == '@'))
			return ("ISO-2022-JP-3");
		if (end - p >= 3 && memcmp(p, "$)C", 3) == 0)
			return ("ISO-2022-KR");
	}
	return (NULL);
}

/*
 * Decode from ${set}.  False, and nothing appended, if more than one byte in
 * fifty does not fit.
 */
static bool
try_iconv(struct sp_view in, const char *set, struct sp_buf *out)
{
	size_t before = out->n, n = put_iconv(in, set, out);

	if (n != SIZE_MAX && n <= in.n / 50)
		return (true);
	out->n = before;
	return (false);
}

/*
 * Decode where no usable set is claimed, in the order that the head of this
 * file gives.  Returns sp_charset_note bits.
 */
static unsigned
put_guess(struct sp_view in, struct sp_view fallback, struct sp_buf *out)
{
	const char *set;
	size_t good, bad;
	int f;

	if (sp_charset_is_ascii(in)) {
		set = guess_7bit(in);
		if (set == NULL || !try_iconv(in, set, out))
			(void)sp_utf8_put(out, in.p, in.n);
		return (0);
	}
	utf8_count(in, &good, &bad);
	if (bad == 0 || good > 4 * bad) {
		put_utf8(in, out);
		return (bad > 0 ? SP_CHARSET_DAMAGED : 0);
	}
	f = fallback.n > 0 ? lookup(fallback) : -1;
	if (f >= 0 && names[f].iconv != NULL && names[f].iconv[0] != '\0' &&
	    try_iconv(in, names[f].iconv, out))
		return (SP_CHARSET_FALLBACK);
	set = sp_charset_guess(in);
	if (set == NULL || !try_iconv(in, set, out))
		put_cp1252(in, out);
	return (SP_CHARSET_FALLBACK);
}

/* Decode HZ (RFC 1843): GB 2312 in seven bits between ~{ and ~}. */
static void
put_hz(struct sp_view in, struct sp_buf *out)
{
	struct sp_buf gb;
	bool high = false;

	sp_buf_init(&gb, in.n);
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		char next = i + 1 < in.n ? in.p[i + 1] : '\0';

		if (c == '~' && (next == '{' || next == '}')) {
			high = next == '{';
			i++;
		} else if (c == '~' && !high && (next == '~' || next == '\n')) {
			i++;
			if (next == '~')
				(void)!sp_buf_addc(&gb, '~');
		} else {
			(void)!sp_buf_addc(
			    &gb, high && c > ' ' ? (char)(c | 0x80) : c);
		}
	}
	(void)put_iconv(sp_buf_view(&gb), "GB18030", out);
	sp_buf_done(&gb);
}

static bool
is_hz(struct sp_view charset)
{
	return (sp_view_ieq_str(charset, "hz-gb-2312") ||
		sp_view_ieq_str(charset, "hz"));
}

/*
 * Try the claim first, then guess.  A set is believed if at most one byte in
 * fifty does not fit it.
 */
unsigned
sp_charset_decode(struct sp_view in, struct sp_view charset,
    struct sp_view fallback, struct sp_buf *out)
{
	size_t before = out->n, bad;
	unsigned note;
	int i;

	if (in.n == 0)
		return (0);
	if (charset.n == 0)
		return (put_guess(in, fallback, out));
	i = lookup(charset);
	if (i < 0 && is_hz(charset)) {
		put_hz(in, out);
		return (0);
	}
	if (i < 0)
		return (put_guess(in, fallback, out) | SP_CHARSET_UNKNOWN);
	if (names[i].iconv == NULL)
		return (put_guess(in, fallback, out));
	if (names[i].iconv[0] == '\0') {
		/* ASCII is claimed where nothing was chosen. */
		if (tolower((unsigned char)charset.p[0]) == 'u' ||
		    sp_charset_is_ascii(in))
			return (put_guess(in, fallback, out));
		put_cp1252(in, out);
		return (0);
	}
	bad = put_iconv(in, names[i].iconv, out);
	if (bad == 0)
		return (0);
	if (bad != SIZE_MAX && bad <= in.n / 50)
		return (SP_CHARSET_DAMAGED);
	/* More than one byte in fifty does not fit. */
	out->n = before;
	note = put_guess(in, fallback, out);
	return (note | SP_CHARSET_FALLBACK);
}
