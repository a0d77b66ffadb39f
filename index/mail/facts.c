/*
 * The facts of a message's own header: subject, date, Message-ID, people, and
 * the raw fields.  mail.c hands over the fields as the walk meets them
 * (sp_facts_field); what they mean is decided at the end (sp_facts_fill),
 * because raw 8-bit text is read in the character set that the body names.
 * Which of several fields counts is in doc/mail-flags.md, "Reading".
 */
#include "index/mail/facts.h"

#include <string.h>

#include "index/mail/address.h"
#include "index/mail/decode/utf8.h"
#include "index/mail/date.h"
#include "index/mail/flags.h"
#include "index/mail/limits.h"
#include "index/mail/decode/words.h"

enum { F_SUBJECT, F_DATE, F_MSGID, F_FROM, F_TO, F_CC, F_BCC, F_REPLY, F_NONE };

/* Which of the fields that facts come from ${name} is; F_NONE for others. */
static int
kind_of(struct sp_view name)
{
	static const char *const names[] = { "subject", "date", "message-id",
		"from", "to", "cc", "bcc", "reply-to" };

	for (int i = 0; name.n > 0 && i < F_NONE; i++)
		if (names[i][0] == (name.p[0] | 0x20) &&
		    sp_view_ieq_str(name, names[i]))
			return (i);
	return (F_NONE);
}

/*
 * Keep the raw field within the limits, and always keep one that facts come
 * from: those are bounded by the message itself.
 */
void
sp_facts_field(struct sp_facts_in *in, struct sp_mem *mem, size_t max,
    const struct sp_field *f)
{
	size_t n = f->name.n + f->value.n;

	if (f->value.n > 0 && memchr(f->value.p, '\0', f->value.n) != NULL)
		in->nul = true;
	if (in->n < SP_MAIL_MAX_FIELDS && n <= max - in->bytes) {
		in->v = sp_mem_more(mem, in->v, in->n, sizeof(*f));
		in->v[in->n++] = *f;
		in->bytes += n;
	} else {
		in->cut = true;
	}
	if (kind_of(f->name) == F_NONE)
		return;
	in->known = sp_mem_more(mem, in->known, in->nknown, sizeof(*f));
	in->known[in->nknown++] = *f;
}

/* A value for people: unfolded, decoded, without blanks around it. */
static char *
text_of(struct sp_mem *mem, struct sp_view value, struct sp_view charset)
{
	struct sp_buf raw, out;
	char *s;

	sp_buf_init(&raw, SP_MAIL_MAX_VALUE);
	sp_buf_init(&out, SP_MAIL_MAX_VALUE);
	sp_header_unfold(value, &raw);
	(void)sp_words_decode(sp_buf_view(&raw), charset, &out);
	s = sp_mem_dup(mem, sp_view_trim(sp_buf_view(&out)));
	sp_buf_done(&raw);
	sp_buf_done(&out);
	return (s);
}

/*
 * A Message-ID: what is between < and >, or all of it, without the blanks that
 * folding left in it.
 */
static char *
id_of(struct sp_mem *mem, struct sp_view value)
{
	char *s = text_of(mem, value, sp_view_str(NULL)), *open, *close, *q;

	open = strchr(s, '<');
	if (open != NULL) {
		close = strchr(open, '>');
		if (close != NULL)
			*close = '\0';
		s = open + 1;
	}
	q = s;
	for (const char *p = s; *p != '\0'; p++)
		if (*p != ' ')
			*q++ = *p;
	*q = '\0';
	return (s);
}

/* Add a second reading, which is searchable as text, and a line end. */
static void
add_text(struct sp_buf *text, const char *s)
{
	(void)sp_utf8_put(text, s, strlen(s));
	(void)sp_utf8_put(text, "\n", 1);
}

/* The first subject that is not empty counts; others are text. */
static uint64_t
add_subject(struct sp_mail *m, struct sp_view v, struct sp_view charset,
    struct sp_buf *text)
{
	char *s = text_of(m->mem, v, charset);

	if (m->subject == NULL) {
		m->subject = s;
		return (0);
	}
	if (strcmp(m->subject, s) == 0)
		return (0);
	if (m->subject[0] == '\0')
		m->subject = s;
	else
		add_text(text, s);
	return (SP_MAIL_BIT(SP_MAIL_DUP_SUBJECT));
}

/* The first date that can be read counts. */
static uint64_t
add_date(struct sp_mail *m, struct sp_view v, bool *seen)
{
	uint64_t flags = *seen ? SP_MAIL_BIT(SP_MAIL_DUP_DATE) : 0;
	char text[SP_DATE_LEN + 1];
	int64_t us;

	*seen = true;
	if (m->date != NULL)
		return (flags);
	if (!sp_date_parse(v, text, &us))
		return (flags | SP_MAIL_BIT(SP_MAIL_BAD_DATE));
	m->date = sp_mem_dup(m->mem, sp_view_str(text));
	m->date_us = us;
	return (flags);
}

/* The first Message-ID that is not empty counts; others are text. */
static uint64_t
add_message_id(struct sp_mail *m, struct sp_view v, struct sp_buf *text)
{
	char *s = id_of(m->mem, v);

	if (m->message_id == NULL || m->message_id[0] == '\0') {
		m->message_id = s[0] == '\0' ? m->message_id : s;
		return (0);
	}
	if (strcmp(m->message_id, s) == 0)
		return (0);
	add_text(text, s);
	return (SP_MAIL_BIT(SP_MAIL_DUP_MSGID));
}

/* Fields of one kind are joined. */
static uint64_t
add_addresses(
    struct sp_mail *m, int kind, struct sp_view v, struct sp_view charset)
{
	struct sp_mail_addrs *const lists[F_NONE] = { [F_FROM] = &m->from,
		[F_TO] = &m->to,
		[F_CC] = &m->cc,
		[F_BCC] = &m->bcc,
		[F_REPLY] = &m->reply_to };
	struct sp_mail_addrs *l = lists[kind];
	uint64_t flags = 0;

	if (kind == F_FROM && l->present)
		flags |= SP_MAIL_BIT(SP_MAIL_DUP_FROM);
	if (!sp_address_parse(v, charset, m->mem, l))
		flags |= SP_MAIL_BIT(SP_MAIL_BAD_ADDRESS);
	return (flags);
}

/* The raw fields, unfolded. */
static void
fill_headers(struct sp_mail *m, const struct sp_facts_in *in)
{
	struct sp_buf b;

	sp_buf_init(&b, SIZE_MAX / 2);
	m->headers = sp_mem_get(m->mem, in->n * sizeof(*m->headers) + 1);
	for (size_t i = 0; i < in->n; i++) {
		struct sp_mail_header *h = &m->headers[m->nheaders++];

		sp_buf_clear(&b);
		sp_header_unfold(in->v[i].value, &b);
		h->name = sp_mem_dup(m->mem, in->v[i].name);
		h->value = sp_mem_dup(m->mem, sp_buf_view(&b));
	}
	sp_buf_done(&b);
}

/* Read the kept fields in the order of the message. */
uint64_t
sp_facts_fill(struct sp_mail *m, const struct sp_facts_in *in,
    struct sp_view charset, struct sp_buf *text)
{
	uint64_t flags = 0;
	bool dated = false;

	fill_headers(m, in);
	if (in->cut)
		flags |= SP_MAIL_BIT(SP_MAIL_HEADER_CUT);
	if (in->nul)
		flags |= SP_MAIL_BIT(SP_MAIL_NUL_IN_HEADER);
	for (size_t i = 0; i < in->nknown; i++) {
		struct sp_view v = in->known[i].value;
		int kind = kind_of(in->known[i].name);

		switch (kind) {
		case F_SUBJECT:
			flags |= add_subject(m, v, charset, text);
			break;
		case F_DATE:
			flags |= add_date(m, v, &dated);
			break;
		case F_MSGID:
			flags |= add_message_id(m, v, text);
			break;
		case F_FROM:
		case F_TO:
		case F_CC:
		case F_BCC:
		case F_REPLY:
			flags |= add_addresses(m, kind, v, charset);
			break;
		default:
			break;
		}
	}
	return (flags);
}
