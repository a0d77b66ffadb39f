/*
 * An Outlook item as a message of RFC 5322 and MIME: properties in
 * (pst_item.c), bytes out (import_pst.c sends them).  Pure.  Lays out the body
 *
 *   multipart/mixed             if there are attachments, or only RTF
 *     multipart/alternative     if there are text and HTML; else only the one
 *       text/plain              that is there, or an empty text
 *       text/html
 *     body.rtf                  if there is neither text nor HTML
 *     attachments               message/rfc822 for a message within
 *
 * with every leaf in base64 and every line ending in CR LF; the header above
 * it is pst_header.c's.
 */
#include "journal/import/pst_mail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "journal/import/pst_header.h"

#define B64_BYTES 57 /* of a line of 76 */

/* ---- memory -------------------------------------------------------------- */

struct sp_pst_mail *
sp_pst_mail_new(size_t max)
{
	struct sp_pst_mail *m = sp_xcalloc(1, sizeof(*m));

	sp_buf_init(&m->text, max);
	sp_buf_init(&m->html, max);
	sp_buf_init(&m->rtf, max);
	return (m);
}

static void
part_done(struct sp_pst_part *p)
{
	free(p->name);
	free(p->type);
	free(p->cid);
	sp_buf_done(&p->data);
	sp_pst_mail_free(p->mail);
}

/* Frees the messages within as well. */
void
sp_pst_mail_free(struct sp_pst_mail *m)
{
	if (m == NULL)
		return;
	free(m->headers);
	free(m->cls);
	free(m->subject);
	free(m->message_id);
	free(m->in_reply_to);
	free(m->references);
	free(m->from_name);
	free(m->from_addr);
	for (size_t i = 0; i < m->nrcpt; i++) {
		free(m->rcpt[i].name);
		free(m->rcpt[i].addr);
	}
	free(m->rcpt);
	for (size_t i = 0; i < m->npart; i++)
		part_done(&m->part[i]);
	free(m->part);
	sp_buf_done(&m->text);
	sp_buf_done(&m->html);
	sp_buf_done(&m->rtf);
	free(m);
}

/* ---- the body ------------------------------------------------------------ */

/* ${v} in base64, in lines of 76 (RFC 2045 section 6.8). */
static enum sp_code
add_base64(struct sp_buf *out, struct sp_view v)
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

/* A part of ${type} with the bytes ${v}: its header and its body. */
static enum sp_code
add_leaf(struct sp_buf *out, const char *type, struct sp_view v)
{
	enum sp_code rc = sp_buf_addf(out,
	    "Content-Type: %s\r\nContent-Transfer-Encoding: base64\r\n\r\n",
	    type);

	return (rc == SP_OK ? add_base64(out, v) : rc);
}

/* The name that mail uses for the Windows code page ${page}; static or in
 * ${tmp}. */
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

/* ";\r\n NAME=VALUE" of a field, by RFC 2231 section 4 where it is not plain;
 * cut at 300 bytes then. */
static enum sp_code
add_parameter(struct sp_buf *out, const char *name, const char *s)
{
	static const char safe[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	enum sp_code rc;

	if (sp_pst_header_is_plain(s) && strpbrk(s, "\"\\") == NULL &&
	    strlen(s) < 70)
		return (sp_buf_addf(out, ";\r\n %s=\"%s\"", name, s));
	rc = sp_buf_addf(out, ";\r\n %s*=UTF-8''", name);
	for (size_t i = 0; rc == SP_OK && s[i] != '\0' && i < 300; i++)
		rc = strchr(safe, s[i]) != NULL
			 ? sp_buf_addc(out, s[i])
			 : sp_buf_addf(out, "%%%02X", (unsigned char)s[i]);
	return (rc);
}

/* Whether ${s} is a media type that a leaf may have: containers of other parts
 * are none. */
static bool
is_type(const char *s)
{
	const char *slash = s == NULL ? NULL : strchr(s, '/');

	return (slash != NULL && slash != s && slash[1] != '\0' &&
		strlen(s) < 100 && sp_pst_header_is_plain(s) &&
		strpbrk(s, " ;,()<>@\"\\=") == NULL &&
		strchr(slash + 1, '/') == NULL &&
		!sp_view_istarts(sp_view_str(s), "multipart/") &&
		!sp_view_istarts(sp_view_str(s), "message/"));
}

static enum sp_code format(
    const struct sp_pst_mail *m, unsigned depth, struct sp_buf *out);

/* One attachment: its header, and its bytes or the message within.  What is
 * missing is an empty part that says so. */
static enum sp_code
add_attachment(const struct sp_pst_part *p, unsigned depth, struct sp_buf *out)
{
	enum sp_code rc;

	rc = sp_buf_addf(out, "Content-Type: %s\r\n",
	    p->mail != NULL    ? "message/rfc822"
	    : is_type(p->type) ? p->type
			       : "application/octet-stream");
	if (rc == SP_OK && p->cid != NULL && sp_pst_header_is_plain(p->cid) &&
	    strlen(p->cid) < 200 && strpbrk(p->cid, "<> ") == NULL)
		rc = sp_buf_addf(out, "Content-ID: <%s>\r\n", p->cid);
	if (rc == SP_OK)
		rc = sp_buf_adds(out, "Content-Disposition: attachment");
	if (rc == SP_OK && p->name != NULL && p->name[0] != '\0')
		rc = add_parameter(out, "filename", p->name);
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
				: add_base64(out, sp_buf_view(&p->data)));
}

/* Text and HTML, both as multipart/alternative, or the one there is: an empty
 * text if there is none. */
static enum sp_code
add_bodies(
    const struct sp_pst_mail *m, const char *boundary, struct sp_buf *out)
{
	char type[64], tmp[32];
	enum sp_code rc;

	(void)snprintf(type, sizeof(type), "text/html; charset=%s",
	    charset(m->codepage, tmp));
	if (m->html.n == 0)
		return (add_leaf(
		    out, "text/plain; charset=utf-8", sp_buf_view(&m->text)));
	if (m->text.n == 0)
		return (add_leaf(out, type, sp_buf_view(&m->html)));
	rc = sp_buf_addf(out,
	    "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n"
	    "--%s\r\n",
	    boundary, boundary);
	if (rc == SP_OK)
		rc = add_leaf(
		    out, "text/plain; charset=utf-8", sp_buf_view(&m->text));
	if (rc == SP_OK)
		rc = sp_buf_addf(out, "--%s\r\n", boundary);
	if (rc == SP_OK)
		rc = add_leaf(out, type, sp_buf_view(&m->html));
	return (rc == SP_OK ? sp_buf_addf(out, "--%s--\r\n", boundary) : rc);
}

/* The RTF body as an attachment of multipart/mixed. */
static enum sp_code
add_rtf(const struct sp_pst_mail *m, const char *boundary, struct sp_buf *out)
{
	enum sp_code rc = sp_buf_addf(out,
	    "--%s\r\nContent-Type: application/rtf\r\n"
	    "Content-Disposition: attachment;\r\n filename=\"body.rtf\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n",
	    boundary);

	return (rc == SP_OK ? add_base64(out, sp_buf_view(&m->rtf)) : rc);
}

/* The message ${m}, which lies ${depth} messages deep.  Boundaries are of the
 * item's number, so that the same item gives the same bytes.  Nothing else is
 * taken for one: base64 has no "-", and no line of a header begins with it. */
static enum sp_code
format(const struct sp_pst_mail *m, unsigned depth, struct sp_buf *out)
{
	bool only_rtf = m->text.n == 0 && m->html.n == 0 && m->rtf.n > 0;
	char mixed[64], alternative[64];
	enum sp_code rc = sp_pst_header_format(m, out);

	(void)snprintf(
	    mixed, sizeof(mixed), "=_mixed_%" PRIx64 "_%u", m->id, depth);
	(void)snprintf(alternative, sizeof(alternative),
	    "=_alternative_%" PRIx64 "_%u", m->id, depth);
	if (rc != SP_OK)
		return (rc);
	if (m->npart == 0 && !only_rtf)
		return (add_bodies(m, alternative, out));
	rc = sp_buf_addf(out,
	    "Content-Type: multipart/mixed;\r\n"
	    " boundary=\"%s\"\r\n\r\n"
	    "--%s\r\n",
	    mixed, mixed);
	if (rc == SP_OK)
		rc = add_bodies(m, alternative, out);
	if (rc == SP_OK && only_rtf)
		rc = add_rtf(m, mixed, out);
	for (size_t i = 0; rc == SP_OK && i < m->npart; i++) {
		rc = sp_buf_addf(out, "--%s\r\n", mixed);
		if (rc == SP_OK)
			rc = add_attachment(&m->part[i], depth, out);
	}
	return (rc == SP_OK ? sp_buf_addf(out, "--%s--\r\n", mixed) : rc);
}

enum sp_code
sp_pst_mail_format(const struct sp_pst_mail *m, struct sp_buf *out)
{
	return (format(m, 0, out));
}
