/*
 * Reads an item of an Outlook file through libpff into a sp_pst_mail: see
 * journal/import/pst_item.h.  Whatever cannot be read (a body, an attachment,
 * a table of recipients) is left out and makes the message incomplete, so that
 * damage to one property does not lose the others.
 */
#include "journal/import/pst_item.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define TEXT_MAX ((size_t)4 << 20) /* bytes of one property */
#define CHUNK	 ((size_t)64 << 10) /* read at a time of an attachment */

/* Numbers of the properties that are read (MS-OXPROPS). */
enum {
	CLASS = 0x001a,
	SUBJECT = 0x0037,
	SUBMITTED = 0x0039,
	SENT_FOR_NAME = 0x0042,
	SENT_FOR_ADDR = 0x0065,
	SENT_FOR_SMTP = 0x5d02,
	HEADERS = 0x007d,
	RCPT_TYPE = 0x0c15,
	SENDER_NAME = 0x0c1a,
	SENDER_ADDR = 0x0c1f,
	SENDER_SMTP = 0x5d01,
	DELIVERED = 0x0e06,
	MESSAGE_ID = 0x1035,
	REFERENCES = 0x1039,
	IN_REPLY_TO = 0x1042,
	DISPLAY_NAME = 0x3001,
	ADDRESS = 0x3003,
	SMTP_ADDRESS = 0x39fe,
	SHORT_NAME = 0x3704,
	LONG_NAME = 0x3707,
	MIME_TYPE = 0x370e,
	CONTENT_ID = 0x3712,
	RTF = 0x1009,
	CODEPAGE = 0x3fde
};

/* What the library says are the names of its functions: no word of it is for
 * who imports. */
void
sp_pst_item_error(libpff_error_t **e, const char *what, char *out, size_t size)
{
	libpff_error_free(e);
	(void)snprintf(out, size,
	    "%s; repair a copy of the file with Outlook's scanpst, and import that",
	    what);
}

/* ---- properties ---------------------------------------------------------- */

/* The property ${type} of record set ${set} (0, but in a table a row); NULL
 * where it is not there.  libpff_record_entry_free. */
static libpff_record_entry_t *
property(libpff_item_t *item, int set, uint32_t type)
{
	libpff_record_set_t *s = NULL;
	libpff_record_entry_t *e = NULL;

	if (libpff_item_get_record_set_by_index(item, set, &s, NULL) != 1)
		return (NULL);
	if (libpff_record_set_get_entry_by_type(s, type, 0, &e,
		LIBPFF_ENTRY_VALUE_FLAG_MATCH_ANY_VALUE_TYPE |
		    LIBPFF_ENTRY_VALUE_FLAG_IGNORE_NAME_TO_ID_MAP,
		NULL) != 1)
		e = NULL;
	(void)libpff_record_set_free(&s, NULL);
	return (e);
}

/* A property as UTF-8, or NULL; malloc'ed. */
static char *
text_of(libpff_item_t *item, int set, uint32_t type)
{
	libpff_record_entry_t *e = property(item, set, type);
	uint8_t *text = NULL;
	size_t n = 0;

	if (e == NULL)
		return (NULL);
	if (libpff_record_entry_get_data_as_utf8_string_size(e, &n, NULL) ==
		1 &&
	    n > 0 && n <= TEXT_MAX) {
		text = sp_xcalloc(n + 1, 1);
		if (libpff_record_entry_get_data_as_utf8_string(
			e, text, n, NULL) != 1) {
			free(text);
			text = NULL;
		}
	}
	(void)libpff_record_entry_free(&e, NULL);
	return ((char *)text);
}

char *
sp_pst_item_class(libpff_item_t *item)
{
	return (text_of(item, 0, CLASS));
}

/* A property as a number; 0 where it is not there or is none. */
static uint32_t
number_of(libpff_item_t *item, int set, uint32_t type)
{
	libpff_record_entry_t *e = property(item, set, type);
	uint32_t n = 0;

	if (e != NULL &&
	    libpff_record_entry_get_data_as_32bit_integer(e, &n, NULL) != 1)
		n = 0;
	if (e != NULL)
		(void)libpff_record_entry_free(&e, NULL);
	return (n);
}

/* A property that is a time (FILETIME: 100 ns since 1601) as us since 1970; 0
 * where it is not there, or before 1970, or beyond the year 9999. */
static int64_t
time_of(libpff_item_t *item, uint32_t type)
{
	const uint64_t epoch = UINT64_C(116444736000000000);
	const uint64_t end = UINT64_C(2650467743990000000); /* of year 9999 */
	libpff_record_entry_t *e = property(item, 0, type);
	uint64_t t = 0;

	if (e != NULL &&
	    libpff_record_entry_get_data_as_filetime(e, &t, NULL) != 1)
		t = 0;
	if (e != NULL)
		(void)libpff_record_entry_free(&e, NULL);
	return (t > epoch && t < end ? (int64_t)((t - epoch) / 10) : 0);
}

/* The first of two properties that is there and not empty; the second one
 * may be. */
static char *
either_text(libpff_item_t *item, int set, uint32_t a, uint32_t b)
{
	char *s = text_of(item, set, a);

	if (s != NULL && s[0] != '\0')
		return (s);
	free(s);
	return (text_of(item, set, b));
}

/* PidTagSubject without what Outlook may write before it: 0x01 and the length
 * of the prefix ("Re: "). */
static char *
subject_of(libpff_item_t *item)
{
	char *s = text_of(item, 0, SUBJECT);

	if (s != NULL && s[0] == 1 && s[1] != '\0') {
		/* The length may be more than one byte of UTF-8. */
		size_t skip = 2;

		while (((unsigned char)s[skip] & 0xc0) == 0x80)
			skip++;
		memmove(s, s + skip, strlen(s + skip) + 1);
	}
	return (s);
}

/* ---- bodies -------------------------------------------------------------- */

typedef int body_size(libpff_item_t *, size_t *, libpff_error_t **);
typedef int body_get(libpff_item_t *, uint8_t *, size_t, libpff_error_t **);

/* Read one body into ${out}; it makes ${m} incomplete where it is there but
 * cannot be read, or is larger than ${budget}. */
static void
read_body(struct sp_pst_mail *m, libpff_item_t *item, body_size *get_size,
    body_get *get, uint64_t *budget, struct sp_buf *out)
{
	size_t n = 0;
	char *at;

	if (get_size(item, &n, NULL) != 1 || n == 0)
		return;
	at = n > *budget ? NULL : sp_buf_reserve(out, n);
	if (at == NULL || get(item, (uint8_t *)at, n, NULL) != 1) {
		m->incomplete = true;
		return;
	}
	*budget -= n;
	/* The size has the NUL that ends it, where one does. */
	out->n = n;
	while (out->n > 0 && out->p[out->n - 1] == '\0')
		out->n--;
}

/* Read RTF that the item keeps uncompressed ("MELA" behind two lengths,
 * MS-OXRTFCP), which the library does not give; false: it is something else. */
static bool
read_plain_rtf(struct sp_pst_mail *m, libpff_item_t *item, uint64_t *budget)
{
	libpff_record_entry_t *e = property(item, 0, RTF);
	const size_t head = 16;
	char *at = NULL;
	size_t n = 0;

	if (e == NULL)
		return (false);
	if (libpff_record_entry_get_data_size(e, &n, NULL) == 1 && n > head &&
	    n <= *budget)
		at = sp_buf_reserve(&m->rtf, n);
	if (at != NULL &&
	    libpff_record_entry_get_data(e, (uint8_t *)at, n, NULL) == 1 &&
	    memcmp(at + 8, "MELA", 4) == 0) {
		m->rtf.n = n;
		sp_buf_consume(&m->rtf, head);
		*budget -= n;
	}
	(void)libpff_record_entry_free(&e, NULL);
	return (m->rtf.n > 0);
}

/* Text and HTML; RTF only where there is neither. */
static void
read_bodies(struct sp_pst_mail *m, libpff_item_t *item, uint64_t *budget)
{
	read_body(m, item, libpff_message_get_plain_text_body_size,
	    libpff_message_get_plain_text_body, budget, &m->text);
	read_body(m, item, libpff_message_get_html_body_size,
	    libpff_message_get_html_body, budget, &m->html);
	if (m->text.n == 0 && m->html.n == 0 &&
	    !read_plain_rtf(m, item, budget))
		read_body(m, item, libpff_message_get_rtf_body_size,
		    libpff_message_get_rtf_body, budget, &m->rtf);
}

/* ---- recipients and attachments ------------------------------------------ */

static void
read_recipients(struct sp_pst_mail *m, libpff_item_t *item)
{
	libpff_item_t *table = NULL;
	int n = 0;

	if (libpff_message_get_recipients(item, &table, NULL) != 1)
		return;
	if (libpff_item_get_number_of_record_sets(table, &n, NULL) != 1 ||
	    n < 0 || n > SP_PST_RCPTS_MAX) {
		m->incomplete = true;
		n = 0;
	}
	m->rcpt = sp_xcalloc((size_t)n + 1, sizeof(*m->rcpt));
	for (int i = 0; i < n; i++) {
		struct sp_pst_rcpt *r = &m->rcpt[m->nrcpt++];

		r->type = number_of(table, i, RCPT_TYPE) & 0xff;
		r->name = text_of(table, i, DISPLAY_NAME);
		r->addr = either_text(table, i, SMTP_ADDRESS, ADDRESS);
	}
	(void)libpff_item_free(&table, NULL);
}

/* The bytes of the attachment ${a}; ${p} is missing where they cannot be read
 * whole. */
static void
read_data(libpff_item_t *a, struct sp_pst_part *p, uint64_t *budget)
{
	size64_t size = 0;

	if (libpff_attachment_get_data_size(a, &size, NULL) != 1 ||
	    size > *budget) {
		p->missing = true;
		return;
	}
	while (p->data.n < size) {
		char *at = sp_buf_reserve(&p->data, CHUNK);
		ssize_t got = at == NULL ? -1
					 : libpff_attachment_data_read_buffer(
					       a, (uint8_t *)at, CHUNK, NULL);

		if (got <= 0) {
			p->missing = true;
			break;
		}
		p->data.n += (size_t)got;
	}
	*budget -= p->data.n < *budget ? p->data.n : *budget;
}

/* Add the attachment ${a}: bytes, or a message within; what only refers to
 * something elsewhere is missing. */
static void
read_attachment(
    struct sp_pst_mail *m, libpff_item_t *a, uint64_t *budget, unsigned depth)
{
	struct sp_pst_part *p = &m->part[m->npart++];
	libpff_item_t *inner = NULL;
	char why[512];
	int type = 0;

	sp_buf_init(&p->data, (size_t)*budget + CHUNK);
	p->name = either_text(a, 0, LONG_NAME, SHORT_NAME);
	if (p->name == NULL)
		p->name = text_of(a, 0, DISPLAY_NAME);
	p->type = text_of(a, 0, MIME_TYPE);
	p->cid = text_of(a, 0, CONTENT_ID);
	if (libpff_attachment_get_type(a, &type, NULL) != 1)
		type = LIBPFF_ATTACHMENT_TYPE_UNDEFINED;
	if (type == LIBPFF_ATTACHMENT_TYPE_DATA) {
		read_data(a, p, budget);
	} else if (type == LIBPFF_ATTACHMENT_TYPE_ITEM &&
		   depth < SP_PST_NEST_MAX &&
		   libpff_attachment_get_item(a, &inner, NULL) == 1) {
		p->mail = sp_pst_item_read(
		    inner, budget, depth + 1, why, sizeof(why));
		(void)libpff_item_free(&inner, NULL);
		p->missing = p->mail == NULL;
	} else {
		p->missing = true;
	}
	if (p->missing || (p->mail != NULL && p->mail->incomplete))
		m->incomplete = true;
}

static void
read_attachments(struct sp_pst_mail *m, libpff_item_t *item, uint64_t *budget,
    unsigned depth)
{
	int n = 0;

	if (libpff_message_get_number_of_attachments(item, &n, NULL) != 1)
		return;
	if (n < 0 || n > SP_PST_PARTS_MAX) {
		m->incomplete = true;
		return;
	}
	m->part = sp_xcalloc((size_t)n + 1, sizeof(*m->part));
	for (int i = 0; i < n; i++) {
		libpff_item_t *a = NULL;

		if (libpff_message_get_attachment(item, i, &a, NULL) != 1) {
			m->part[m->npart++].missing = true;
			m->incomplete = true;
			continue;
		}
		read_attachment(m, a, budget, depth);
		(void)libpff_item_free(&a, NULL);
	}
}

/* Read everything of one item; a person who sent for another one is the sender
 * only where the other is not known. */
struct sp_pst_mail *
sp_pst_item_read(libpff_item_t *item, uint64_t *budget, unsigned depth,
    char *why, size_t size)
{
	struct sp_pst_mail *m;
	libpff_error_t *e = NULL;
	uint32_t id = 0;
	int sets = 0;

	if (libpff_item_get_identifier(item, &id, &e) != 1 ||
	    libpff_item_get_number_of_record_sets(item, &sets, &e) != 1) {
		sp_pst_item_error(&e, "this item is damaged", why, size);
		return (NULL);
	}
	if (sets < 1) {
		(void)snprintf(
		    why, size, "this item is damaged: it has no properties");
		return (NULL);
	}
	m = sp_pst_mail_new((size_t)*budget + 1);
	m->id = id;
	m->headers = text_of(item, 0, HEADERS);
	m->cls = text_of(item, 0, CLASS);
	m->subject = subject_of(item);
	m->message_id = text_of(item, 0, MESSAGE_ID);
	m->in_reply_to = text_of(item, 0, IN_REPLY_TO);
	m->references = text_of(item, 0, REFERENCES);
	m->from_name = either_text(item, 0, SENT_FOR_NAME, SENDER_NAME);
	m->from_addr = either_text(item, 0, SENT_FOR_SMTP, SENDER_SMTP);
	if (m->from_addr == NULL)
		m->from_addr = either_text(item, 0, SENT_FOR_ADDR, SENDER_ADDR);
	m->submitted = time_of(item, SUBMITTED);
	m->delivered = time_of(item, DELIVERED);
	m->codepage = number_of(item, 0, CODEPAGE);
	read_bodies(m, item, budget);
	read_recipients(m, item);
	read_attachments(m, item, budget, depth);
	return (m);
}
