/* Properties in, a message out; no I/O. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/time_text.h"
#include "journal/import/import_pst.h"

#define B64_BYTES  57 /* of a line of 76 */
#define WORD_BYTES 42 /* of an encoded word */
#define PHRASE_MAX 4096

/* ---- text in a header ---------------------------------------------------- */

static bool
is_plain(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			return (false);
	}
	return (true);
}

/* RFC 2047: words of UTF-8 that end between characters. */
static enum sp_code
encoded(struct sp_buf *out, const char *s)
{
	size_t n = strlen(s);
	enum sp_code rc = SP_OK;

	if (n > PHRASE_MAX)
		n = PHRASE_MAX;
	for (size_t at = 0; rc == SP_OK && at < n;) {
		size_t take = n - at < WORD_BYTES ? n - at : WORD_BYTES;

		while (take > 1 && at + take < n &&
		       ((unsigned char)s[at + take] & 0xc0) == 0x80)
			take--;
		rc = sp_buf_adds(
		    out, at == 0 ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
		if (rc == SP_OK)
			rc = sp_b64_append(out, s + at, take);
		if (rc == SP_OK)
			rc = sp_buf_adds(out, "?=");
		at += take;
	}
	return (rc);
}

/* Unstructured text, folded at blanks. */
static enum sp_code
text(struct sp_buf *out, const char *s)
{
	size_t column = 10;
	enum sp_code rc = SP_OK;

	if (!is_plain(s) || strstr(s, "=?") != NULL || strlen(s) > 900)
		return (encoded(out, s));
	for (; rc == SP_OK && *s != '\0'; s++) {
		bool fold =
		    *s == ' ' && column > 70 && s[1] != ' ' && s[1] != '\0';

		rc = fold ? sp_buf_adds(out, "\r\n ") : sp_buf_addc(out, *s);
		column = fold ? 1 : column + 1;
	}
	return (rc);
}

static enum sp_code
phrase(struct sp_buf *out, const char *s)
{
	enum sp_code rc;

	if (!is_plain(s) || strstr(s, "=?") != NULL || strlen(s) > 200)
		return (encoded(out, s));
	rc = sp_buf_addc(out, '"');
	for (; rc == SP_OK && *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			rc = sp_buf_addc(out, '\\');
		if (rc == SP_OK)
			rc = sp_buf_addc(out, *s);
	}
	return (rc == SP_OK ? sp_buf_addc(out, '"') : rc);
}

/* What may stand between < and >. */
static bool
is_address(const char *s)
{
	const char *at = s == NULL ? NULL : strchr(s, '@');

	return (at != NULL && at != s && at[1] != '\0' && strlen(s) < 320 &&
		is_plain(s) && strpbrk(s, " <>,;:\"()[]\\") == NULL);
}

/* "Name" <addr>; without an Internet address a group without members, so that
 * the name stays and no address is made up. */
static enum sp_code
mailbox(struct sp_buf *out, const char *name, const char *addr)
{
	bool good = is_address(addr);
	const char *shown = name != NULL && name[0] != '\0' ? name
			    : addr != NULL && !good	    ? addr
							    : NULL;
	enum sp_code rc = SP_OK;

	if (shown != NULL && !(good && strcmp(shown, addr) == 0))
		rc = phrase(out, shown);
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

/* Headers that say how the bytes below are laid out: they are ours. */
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

/* One line; control bytes within would break it. */
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

/* Those that came over the transport, in their order. */
static enum sp_code
transport(const struct sp_pst_mail *m, struct sp_buf *out)
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

static enum sp_code
recipients(const struct sp_pst_mail *m, const char *name, uint32_t type,
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
			rc = mailbox(out, r->name, r->addr);
	}
	return (rc == SP_OK && any ? sp_buf_adds(out, "\r\n") : rc);
}

static enum sp_code
field(const struct sp_pst_mail *m, const char *name, const char *value,
    struct sp_buf *out)
{
	enum sp_code rc;

	if (value == NULL || value[0] == '\0' || has_field(m->headers, name))
		return (SP_OK);
	rc = sp_buf_addf(out, "%s ", name);
	if (rc == SP_OK)
		rc = text(out, value);
	return (rc == SP_OK ? sp_buf_adds(out, "\r\n") : rc);
}

static enum sp_code
date(const struct sp_pst_mail *m, struct sp_buf *out)
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

static enum sp_code
header(const struct sp_pst_mail *m, struct sp_buf *out)
{
	enum sp_code rc = transport(m, out);

	if (rc == SP_OK && !has_field(m->headers, "From:") &&
	    (m->from_name != NULL || m->from_addr != NULL)) {
		rc = sp_buf_adds(out, "From: ");
		if (rc == SP_OK)
			rc = mailbox(out, m->from_name, m->from_addr);
		if (rc == SP_OK)
			rc = sp_buf_adds(out, "\r\n");
	}
	if (rc == SP_OK)
		rc = recipients(m, "To:", 1, out);
	if (rc == SP_OK)
		rc = recipients(m, "Cc:", 2, out);
	if (rc == SP_OK)
		rc = recipients(m, "Bcc:", 3, out);
	if (rc == SP_OK)
		rc = field(m, "Subject:", m->subject, out);
	if (rc == SP_OK)
		rc = date(m, out);
	if (rc == SP_OK)
		rc = field(m, "Message-ID:", m->message_id, out);
	if (rc == SP_OK)
		rc = field(m, "In-Reply-To:", m->in_reply_to, out);
	if (rc == SP_OK)
		rc = field(m, "References:", m->references, out);
	return (rc == SP_OK ? sp_buf_adds(out, "MIME-Version: 1.0\r\n") : rc);
}

/* ---- the body ------------------------------------------------------------ */

static enum sp_code
base64(struct sp_buf *out, struct sp_view v)
{
	enum sp_code rc = SP_OK;

	for (size_t at = 0; rc == SP_OK && at < v.n; at += B64_BYTES) {
		size_t n = v.n - at < B64_BYTES ? v.n - at : B64_BYTES;

		rc = sp_b64_append(out, v.p + at, n);
		if (rc == SP_OK)
			rc = sp_buf_adds(out, "\r\n");
	}
	return (rc);
}

static enum sp_code
leaf(struct sp_buf *out, const char *type, struct sp_view v)
{
	enum sp_code rc = sp_buf_addf(out,
	    "Content-Type: %s\r\nContent-Transfer-Encoding: base64\r\n\r\n",
	    type);

	return (rc == SP_OK ? base64(out, v) : rc);
}

/* Windows code pages by the names that mail uses. */
static const char *
charset(uint32_t page, char tmp[32])
{
	static const struct {
		uint32_t page;
		const char *name;
	} t[] = { { 0, "utf-8" }, { 65001, "utf-8" }, { 20127, "us-ascii" },
		{ 932, "shift_jis" }, { 936, "gb2312" }, { 949, "euc-kr" },
		{ 950, "big5" }, { 50220, "iso-2022-jp" },
		{ 50221, "iso-2022-jp" }, { 51932, "euc-jp" },
		{ 54936, "gb18030" }, { 20866, "koi8-r" }, { 21866, "koi8-u" },
		{ 1200, "utf-16le" } };

	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		if (t[i].page == page)
			return (t[i].name);
	}
	if (page >= 28591 && page <= 28605)
		(void)snprintf(tmp, 32, "iso-8859-%" PRIu32, page - 28590);
	else
		(void)snprintf(tmp, 32, "windows-%" PRIu32, page);
	return (tmp);
}

/* A parameter, RFC 2231 where it is not plain. */
static enum sp_code
parameter(struct sp_buf *out, const char *name, const char *s)
{
	static const char safe[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	enum sp_code rc;

	if (is_plain(s) && strpbrk(s, "\"\\") == NULL && strlen(s) < 70)
		return (sp_buf_addf(out, ";\r\n %s=\"%s\"", name, s));
	rc = sp_buf_addf(out, ";\r\n %s*=UTF-8''", name);
	for (size_t i = 0; rc == SP_OK && s[i] != '\0' && i < 300; i++)
		rc = strchr(safe, s[i]) != NULL
			 ? sp_buf_addc(out, s[i])
			 : sp_buf_addf(out, "%%%02X", (unsigned char)s[i]);
	return (rc);
}

static bool
is_type(const char *s)
{
	const char *slash = s == NULL ? NULL : strchr(s, '/');

	return (slash != NULL && slash != s && slash[1] != '\0' &&
		strlen(s) < 100 && is_plain(s) &&
		strpbrk(s, " ;,()<>@\"\\=") == NULL &&
		strchr(slash + 1, '/') == NULL &&
		!sp_view_istarts(sp_view_str(s), "multipart/") &&
		!sp_view_istarts(sp_view_str(s), "message/"));
}

static enum sp_code format(
    const struct sp_pst_mail *m, unsigned depth, struct sp_buf *out);

static enum sp_code
attachment(const struct sp_pst_part *p, unsigned depth, struct sp_buf *out)
{
	enum sp_code rc;

	rc = sp_buf_addf(out, "Content-Type: %s\r\n",
	    p->mail != NULL    ? "message/rfc822"
	    : is_type(p->type) ? p->type
			       : "application/octet-stream");
	if (rc == SP_OK && p->cid != NULL && is_plain(p->cid) &&
	    strlen(p->cid) < 200 && strpbrk(p->cid, "<> ") == NULL)
		rc = sp_buf_addf(out, "Content-ID: <%s>\r\n", p->cid);
	if (rc == SP_OK)
		rc = sp_buf_adds(out, "Content-Disposition: attachment");
	if (rc == SP_OK && p->name != NULL && p->name[0] != '\0')
		rc = parameter(out, "filename", p->name);
	if (rc == SP_OK && p->missing)
		rc = sp_buf_adds(out, "\r\nX-MAPI-Attachment: missing");
	if (rc == SP_OK && p->mail != NULL)
		rc = sp_buf_adds(out, "\r\n\r\n");
	else if (rc == SP_OK)
		rc = sp_buf_adds(
		    out, "\r\nContent-Transfer-Encoding: base64\r\n\r\n");
	if (rc != SP_OK)
		return (rc);
	return (p->mail != NULL ? format(p->mail, depth + 1, out)
				: base64(out, sp_buf_view(&p->data)));
}

static enum sp_code
bodies(const struct sp_pst_mail *m, const char *boundary, struct sp_buf *out)
{
	char type[64], tmp[32];
	enum sp_code rc;

	(void)snprintf(type, sizeof(type), "text/html; charset=%s",
	    charset(m->codepage, tmp));
	if (m->html.n == 0)
		return (leaf(
		    out, "text/plain; charset=utf-8", sp_buf_view(&m->text)));
	if (m->text.n == 0)
		return (leaf(out, type, sp_buf_view(&m->html)));
	rc = sp_buf_addf(out,
	    "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n"
	    "--%s\r\n",
	    boundary, boundary);
	if (rc == SP_OK)
		rc = leaf(
		    out, "text/plain; charset=utf-8", sp_buf_view(&m->text));
	if (rc == SP_OK)
		rc = sp_buf_addf(out, "--%s\r\n", boundary);
	if (rc == SP_OK)
		rc = leaf(out, type, sp_buf_view(&m->html));
	return (rc == SP_OK ? sp_buf_addf(out, "--%s--\r\n", boundary) : rc);
}

static enum sp_code
rtf(const struct sp_pst_mail *m, const char *boundary, struct sp_buf *out)
{
	enum sp_code rc = sp_buf_addf(out,
	    "--%s\r\nContent-Type: application/rtf\r\n"
	    "Content-Disposition: attachment;\r\n filename=\"body.rtf\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n",
	    boundary);

	return (rc == SP_OK ? base64(out, sp_buf_view(&m->rtf)) : rc);
}

/* Base64 and header lines cannot hold a boundary: none has "=_". */
static enum sp_code
format(const struct sp_pst_mail *m, unsigned depth, struct sp_buf *out)
{
	bool only_rtf = m->text.n == 0 && m->html.n == 0 && m->rtf.n > 0;
	char mixed[64], alternative[64];
	enum sp_code rc = header(m, out);

	(void)snprintf(
	    mixed, sizeof(mixed), "=_mixed_%" PRIx64 "_%u", m->id, depth);
	(void)snprintf(alternative, sizeof(alternative),
	    "=_alternative_%" PRIx64 "_%u", m->id, depth);
	if (rc != SP_OK)
		return (rc);
	if (m->npart == 0 && !only_rtf)
		return (bodies(m, alternative, out));
	rc = sp_buf_addf(out,
	    "Content-Type: multipart/mixed;\r\n"
	    " boundary=\"%s\"\r\n\r\n"
	    "--%s\r\n",
	    mixed, mixed);
	if (rc == SP_OK)
		rc = bodies(m, alternative, out);
	if (rc == SP_OK && only_rtf)
		rc = rtf(m, mixed, out);
	for (size_t i = 0; rc == SP_OK && i < m->npart; i++) {
		rc = sp_buf_addf(out, "--%s\r\n", mixed);
		if (rc == SP_OK)
			rc = attachment(&m->part[i], depth, out);
	}
	return (rc == SP_OK ? sp_buf_addf(out, "--%s--\r\n", mixed) : rc);
}

enum sp_code
sp_pst_mail_format(const struct sp_pst_mail *m, struct sp_buf *out)
{
	return (format(m, 0, out));
}
