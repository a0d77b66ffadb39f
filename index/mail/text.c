/*
 * The searchable text of a body part: HTML through the tokenizer
 * (decode/html.c), everything else through its character set.  Which types
 * hold text at all is decided here too.  Called by mail.c for each leaf, and
 * for text outside the parts.
 */
#include "index/mail/text.h"

#include <string.h>

#include "index/mail/decode/charset.h"
#include "index/mail/decode/utf8.h"
#include "index/mail/decode/html.h"
#include "index/mail/limits.h"

#define LOOK	 ((size_t)8 << 10) /* bytes that tell text from binary */
#define FEW_NULS 8 /* that many may stray into any text */

bool
sp_text_is(const char *type)
{
	static const char *const more[] = { "message/delivery-status",
		"message/disposition-notification", "message/feedback-report",
		"message/global-delivery-status", "message/global-headers",
		"message/partial", "message/external-body",
		"application/xhtml+xml", "application/ics",
		/* Not walked: too deep, or without a header. */
		"message/rfc822", "message/global", "message/news" };

	if (strncmp(type, "text/", 5) == 0)
		return (strcmp(type, "text/rtf") != 0);
	if (strncmp(type, "multipart", 9) == 0)
		return (true);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (strcmp(type, more[i]) == 0)
			return (true);
	return (false);
}

static bool
is_html(const char *type)
{
	return (strcmp(type, "text/html") == 0 ||
		strcmp(type, "text/x-amp-html") == 0 ||
		strcmp(type, "text/enriched") == 0 ||
		strcmp(type, "text/richtext") == 0 ||
		strcmp(type, "application/xhtml+xml") == 0);
}

/*
 * Whether ${v} has more NULs than stray into text; in UTF-16 and UTF-32 they
 * are part of characters.
 */
static bool
is_binary(struct sp_view v, struct sp_view charset)
{
	size_t nul = 0;

	if (sp_view_istarts(charset, "utf-16") ||
	    sp_view_istarts(charset, "utf-32"))
		return (false);
	if (v.n > LOOK)
		v.n = LOOK;
	for (const char *p = v.p;
	     v.n > 0 && (p = memchr(p, '\0', (size_t)(v.p + v.n - p))) != NULL;
	     p++)
		nul++;
	return (nul > FEW_NULS + v.n / 50);
}

/*
 * Append the text of HTML.  ASCII goes to the tokenizer as it is; other source
 * is decoded first, up to SP_MAIL_MAX_HTML.  The charset is the part's, else
 * the one that a <meta> names.
 */
static unsigned
html(struct sp_view bytes, struct sp_view charset, struct sp_buf *out)
{
	struct sp_buf u;
	struct sp_view none = { NULL, 0 };
	unsigned note = 0;

	if (charset.n == 0)
		charset = sp_html_charset(bytes);
	if (sp_charset_is_ascii(bytes) &&
	    memchr(bytes.p, 0x1b, bytes.n) == NULL &&
	    !sp_view_istarts(charset, "utf-7")) {
		if (!sp_html_text(bytes, out))
			note |= SP_TEXT_CUT;
		return (note);
	}
	/* Markup may be many times its text. */
	sp_buf_init(&u, SP_MAIL_MAX_HTML);
	note = sp_charset_decode(bytes, charset, none, &u);
	if (u.n == u.max || !sp_html_text(sp_buf_view(&u), out))
		note |= SP_TEXT_CUT;
	sp_buf_done(&u);
	return (note);
}

/* A byte order mark of UTF-8 says more than the header does. */
unsigned
sp_text_part(struct sp_view bytes, const char *type, struct sp_view charset,
    struct sp_buf *out)
{
	struct sp_view none = { NULL, 0 };
	unsigned note = 0;

	if (bytes.n == 0)
		return (0);
	if (is_binary(bytes, charset))
		return (SP_TEXT_BINARY);
	if (sp_view_starts(bytes, "\xef\xbb\xbf")) {
		bytes.p += 3;
		bytes.n -= 3;
		charset = SP_VIEW_LIT("utf-8");
	}
	if (is_html(type))
		note = html(bytes, charset, out);
	else
		note = sp_charset_decode(bytes, charset, none, out);
	if (memmem(bytes.p, bytes.n, "-----BEGIN PGP MESSAGE-----", 27) != NULL)
		note |= SP_TEXT_PGP;
	if (out->n > 0 && out->p[out->n - 1] != '\n' &&
	    !sp_utf8_put(out, "\n", 1))
		note |= SP_TEXT_CUT;
	/* A character more would not have found room. */
	if (out->max - out->n < 4)
		note |= SP_TEXT_CUT;
	return (note);
}
