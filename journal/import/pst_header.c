/*
 * The header of a message that is rebuilt from an Outlook item: the transport
 * headers as far as there are any, and for each field that they lack the
 * property that has it (doc/import.md, "Outlook").  Pure; pst_mail.c calls it
 * and writes the body behind.
 */
#include "journal/import/pst_header.h"

#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/time_text.h"

#define WORD_BYTES 42 /* of text in an encoded word: 68 bytes of 75 */
#define PHRASE_MAX 4096 /* bytes of a text that is encoded */

/* ---- text in a header ---------------------------------------------------- */

bool
sp_pst_header_is_plain(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			return (false);
	}
	return (true);
}

/* ${s} as encoded words (RFC 2047 section 2: at most 75 bytes each) of UTF-8
 * that end between characters; what is beyond PHRASE_MAX is left out. */
static enum sp_code
add_encoded(struct sp_buf *out, const char *s)
{
	size_t n = strlen(s);
	enum sp_code rc = SP_OK;

	if (n > PHRASE_MAX)
		n = PHRASE_MAX;
	for (size_t at = 0; rc == SP_OK && at < n;) {
		size_t word = n - at < WORD_BYTES ? n - at : WORD_BYTES;

		while (word > 1 && at + word < n &&
		       ((unsigned char)s[at + word] & 0xc0) == 0x80)
			word--;
		rc = sp_buf_adds(
		    out, at == 0 ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
		if (rc == SP_OK)
			rc = sp_b64_append(out, s + at, word);
		if (rc == SP_OK)
			rc = sp_buf_adds(out, "?=");
		at += word;
	}
	return (rc);
}

/* Unstructured text (RFC 5322 section 3.2.5), folded at blanks, or encoded
 * where it is not plain. */
static enum sp_code
add_text(struct sp_buf *out, const char *s)
{
	size_t column = 10;
	enum sp_code rc = SP_OK;

	if (!sp_pst_header_is_plain(s) || strstr(s, "=?") != NULL ||
	    strlen(s) > 900)
		return (add_encoded(out, s));
	for (; rc == SP_OK && *s != '\0'; s++) {
		bool fold =
		    *s == ' ' && column > 70 && s[1] != ' ' && s[1] != '\0';

		rc = fold ? sp_buf_adds(out, "\r\n ") : sp_buf_addc(out, *s);
		column = fold ? 1 : column + 1;
	}
	return (rc);
}

/* A display name, as a quoted string (RFC 5322 section 3.2.4) or encoded. */
static enum sp_code
add_phrase(struct sp_buf *out, const char *s)
{
	enum sp_code rc;

	if (!sp_pst_header_is_plain(s) || strstr(s, "=?") != NULL ||
	    strlen(s) > 200)
		return (add_encoded(out, s));
	rc = sp_buf_addc(out, '"');
	for (; rc == SP_OK && *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			rc = sp_buf_addc(out, '\\');
		if (rc == SP_OK)
			rc = sp_buf_addc(out, *s);
	}
	return (rc == SP_OK ? sp_buf_addc(out, '"') : rc);
}

/* Whether ${s} may stand between < and > as it is. */
static bool
is_address(const char *s)
{
	const char *at = s == NULL ? NULL : strchr(s, '@');

	return (at != NULL && at != s && at[1] != '\0' && strlen(s) < 320 &&
		sp_pst_header_is_plain(s) &&
		strpbrk(s, " <>,;:\"()[]\\") == NULL);
}

/* "Name" <addr>; without an Internet address a group without members (RFC 5322
 * section 3.4), so that the name stays and no address is made up. */
static enum sp_code
add_mailbox(struct sp_buf *out, const char *name, const char *addr)
{
	bool good = is_address(addr);
	const char *shown = name != NULL && name[0] != '\0' ? name
			    : addr != NULL && !good	    ? addr
							    : NULL;
	enum sp_code rc = SP_OK;

	if (shown != NULL && !(good && strcmp(shown, addr) == 0))
		rc = add_phrase(out, shown);
	else if (!good)
		rc = sp_buf_adds(out, "\"\"");
	else
		return (sp_buf_adds(out, addr));
	if (rc == SP_OK && good)
		rc = sp_buf_addf(out, " <%s>", addr);
	else if (rc == SP_OK)
		rc = sp_buf_adds(out, ":;");
	return (rc);
}

/* ---- the header ---------------------------------------------------------- */

/* Fields that say how the bytes below are laid out: we lay them out, so we
 * write them. */
static bool
is_ours(struct sp_view line)
{
	static const char *const names[] = { "MIME-Version:", "Content-Type:",
		"Content-Transfer-Encoding:", "Content-Disposition:",
		"Content-ID:", "Content-Description:", "Content-Length:" };

	for (size_t i = 0; i < SP_COUNTOF(names); i++) {
		if (sp_view_istarts(line, names[i]))
			return (true);
	}
	return (false);
}

/* Whether ${line} begins with the name of a field (RFC 5322 section 2.2) and a
 * colon. */
static bool
is_field(struct sp_view line)
{
	for (size_t i = 0; i < line.n; i++) {
		char c = line.p[i];

		if (c == ':')
			return (i > 0);
		if ((i == 0 && c == '-') || c <= ' ' || c == 0x7f)
			return (false);
	}
	return (false);
}

/* Cut the next line off ${rest}, without its end; false at the end. */
static bool
next_line(struct sp_view *rest, struct sp_view *line)
{
	if (rest->n == 0)
		return (false);
	*line = sp_view_cut(rest, '\n');
	while (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return (true);
}

/* One line, its control bytes replaced: they would break it. */
static enum sp_code
add_line(struct sp_buf *out, struct sp_view line)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < line.n; i++) {
		char c = line.p[i];

		rc = sp_buf_addc(out,
		    ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f ? '?'
									: c);
	}
	return (rc == SP_OK ? sp_buf_adds(out, "\r\n") : rc);
}

/* The fields that came over the transport, in their order and with their
 * continuations; without those that we write.  A line that is no field is kept
 * as X-MAPI-Line. */
static enum sp_code
add_transport(const struct sp_pst_mail *m, struct sp_buf *out)
{
	struct sp_view rest = sp_view_str(m->headers), line;
	bool skip = false, any = false;
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && next_line(&rest, &line) && line.n > 0) {
		bool folded = line.p[0] == ' ' || line.p[0] == '\t';

		if (folded && sp_view_trim(line).n == 0)
			continue; /* it would end the header for some */
		if (folded && any) {
			rc = skip ? SP_OK : add_line(out, line);
			continue;
		}
		any = true;
		skip = is_ours(line);
		if (skip)
			continue;
		if (!is_field(line))
			rc = sp_buf_adds(out, "X-MAPI-Line: ");
		if (rc == SP_OK)
			rc = add_line(out, line);
	}
	return (rc);
}

/* Whether the transport headers have the field ${name} ("Name:"). */
static bool
has_field(const char *headers, const char *name)
{
	struct sp_view rest = sp_view_str(headers), line;

	while (next_line(&rest, &line) && line.n > 0) {
		if (sp_view_istarts(line, name))
			return (true);
	}
	return (false);
}

/* The field ${name} with all recipients of ${type}, unless the transport
 * headers have it. */
static enum sp_code
add_recipients(const struct sp_pst_mail *m, const char *name, uint32_t type,
    struct sp_buf *out)
{
	enum sp_code rc = SP_OK;
	bool any = false;

	if (has_field(m->headers, name))
		return (SP_OK);
	for (size_t i = 0; rc == SP_OK && i < m->nrcpt; i++) {
		const struct sp_pst_rcpt *r = &m->rcpt[i];

		if (r->type != type)
			continue;
		rc = any ? sp_buf_adds(out, ",\r\n ")
			 : sp_buf_addf(out, "%s ", name);
		any = true;
		if (rc == SP_OK)
			rc = add_mailbox(out, r->name, r->addr);
	}
	return (rc == SP_OK && any ? sp_buf_adds(out, "\r\n") : rc);
}

/* The field ${name} with ${value}, unless the transport headers have it. */
static enum sp_code
add_field(const struct sp_pst_mail *m, const char *name, const char *value,
    struct sp_buf *out)
{
	enum sp_code rc;

	if (value == NULL || value[0] == '\0' || has_field(m->headers, name))
		return (SP_OK);
	rc = sp_buf_addf(out, "%s ", name);
	if (rc == SP_OK)
		rc = add_text(out, value);
	return (rc == SP_OK ? sp_buf_adds(out, "\r\n") : rc);
}

/* Date of submission, else of delivery, in UTC (RFC 5322 section 3.3), unless
 * the transport headers have one. */
static enum sp_code
add_date(const struct sp_pst_mail *m, struct sp_buf *out)
{
	static const char days[] = "ThuFriSatSunMonTueWed";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t us = m->submitted != 0 ? m->submitted : m->delivered;
	int64_t day = us / (86400 * SP_SECOND);
	char t[SP_TIME_LEN + 1];
	unsigned month;

	if (us <= 0 || has_field(m->headers, "Date:"))
		return (SP_OK);
	sp_time_format(us, t); /* 2026-11-23T16:31:02.123456Z */
	month = (unsigned)((t[5] - '0') * 10 + (t[6] - '0') - 1);
	return (sp_buf_addf(out, "Date: %.3s, %.2s %.3s %.4s %.8s +0000\r\n",
	    days + 3 * (day % 7), t + 8, months + 3 * (size_t)(month % 12), t,
	    t + 11));
}

/* First what came over the transport, then in a fixed order what it lacks. */
enum sp_code
sp_pst_header_format(const struct sp_pst_mail *m, struct sp_buf *out)
{
	enum sp_code rc = add_transport(m, out);

	if (rc == SP_OK && !has_field(m->headers, "From:") &&
	    (m->from_name != NULL || m->from_addr != NULL)) {
		rc = sp_buf_adds(out, "From: ");
		if (rc == SP_OK)
			rc = add_mailbox(out, m->from_name, m->from_addr);
		if (rc == SP_OK)
			rc = sp_buf_adds(out, "\r\n");
	}
	if (rc == SP_OK)
		rc = add_recipients(m, "To:", SP_PST_TO, out);
	if (rc == SP_OK)
		rc = add_recipients(m, "Cc:", SP_PST_CC, out);
	if (rc == SP_OK)
		rc = add_recipients(m, "Bcc:", SP_PST_BCC, out);
	if (rc == SP_OK)
		rc = add_field(m, "Subject:", m->subject, out);
	if (rc == SP_OK)
		rc = add_date(m, out);
	if (rc == SP_OK)
		rc = add_field(m, "Message-ID:", m->message_id, out);
	if (rc == SP_OK)
		rc = add_field(m, "In-Reply-To:", m->in_reply_to, out);
	if (rc == SP_OK)
		rc = add_field(m, "References:", m->references, out);
	return (rc == SP_OK ? sp_buf_adds(out, "MIME-Version: 1.0\r\n") : rc);
}
