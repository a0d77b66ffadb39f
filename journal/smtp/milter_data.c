/*
 * Headers and body of a message, put together again as the bytes that they were
 * (doc/milter.md, "The bytes"), up to the commit and the answer after it.  A
 * message that is refused is read to its end all the same: only the end of the
 * body is answered.
 */
#include <assert.h>
#include <string.h>

#include "journal/smtp/milter_priv.h"

/* ---- bytes of the message ------------------------------------------- */

/* Store content.  A message that grew too large, or cannot be stored, is
 * refused at its end; from then on nothing is stored. */
static void
store_content(struct sp_milter *m, const char *p, size_t n)
{
	struct sp_err err;
	enum sp_code rc;

	if (m->message.refusal != SP_REPLY_NONE)
		return;
	if (n > m->env->cfg->max_message - m->message.store.size) {
		m->message.refusal = SP_REPLY_TOO_BIG;
		sp_store_reset(&m->message.store);
		return;
	}
	rc = sp_store_add(&m->message.store, p, n, &err);
	if (rc == SP_OK)
		return;
	m->message.refusal = sp_reply_of_failure(rc);
	sp_store_reset(&m->message.store);
	sp_milter_fault(m, &err);
}

/* Count and store ${n} bytes of the message, which may be changed. */
static void
add_content(struct sp_milter *m, char *p, size_t n)
{
	struct sp_data_run run;

	if (n == 0)
		return;
	sp_data_feed(&m->message.data, p, n, &run);
	assert(run.used == n && !run.cr);
	store_content(m, run.p, run.n);
}

/* Add bytes that the protocol left out. */
static void
add_text(struct sp_milter *m, const char *text)
{
	char copy[4];
	size_t n = strlen(text);

	assert(n < sizeof(copy));
	memcpy(copy, text, n);
	add_content(m, copy, n);
}

/* The first piece of a message is here. */
static void
begin_message(struct sp_milter *m)
{
	sp_data_init(&m->message.data, true);
	sp_store_begin(&m->message.store, m->mail.declared);
	m->phase = SP_MILTER_HEADERS;
	m->message.wire_bytes = 0;
	m->message.refusal = SP_REPLY_NONE;
}

/* ---- headers -------------------------------------------------------- */

void
sp_milter_begin_header(struct sp_milter *m)
{
	if (m->phase == SP_MILTER_ENVELOPE)
		begin_message(m);
	if (m->phase != SP_MILTER_HEADERS)
		sp_milter_protocol_error(
		    m, "a header behind the end of the headers");
	m->header.name_n = 0;
	m->header.in_value = m->header.value_cr = m->header.value_lf = false;
}

/* Add bytes of a header's value.  Line ends in it come as LF; on the wire they
 * were CR LF, which is written unless the CR is there. */
static void
add_value(struct sp_milter *m, char *p, size_t n)
{
	while (n > 0) {
		char *lf = memchr(p, '\n', n);
		size_t run = lf == NULL ? n : (size_t)(lf - p);
		bool cr = run > 0 ? p[run - 1] == '\r' : m->header.value_cr;

		add_content(m, p, run);
		m->header.value_cr = cr;
		m->header.value_lf = false;
		if (lf == NULL)
			return;
		add_text(m, cr ? "\n" : "\r\n");
		m->header.value_cr = false;
		m->header.value_lf = true;
		p += run + 1;
		n -= run + 1;
	}
}

/* Add the name, a colon, and the value of a header whose data comes in pieces;
 * the NUL behind each is cut off. */
void
sp_milter_input_header(struct sp_milter *m, char *p, size_t n)
{
	if (m->packet.left == 0) {
		if (n == 0 || p[n - 1] != '\0' ||
		    (!m->header.in_value && memchr(p, '\0', n) == p + n - 1)) {
			sp_milter_protocol_error(
			    m, "a header is not understood");
			return;
		}
		n--;
	}
	if (!m->header.in_value && n > 0) {
		char *nul = memchr(p, '\0', n);
		size_t run = nul == NULL ? n : (size_t)(nul - p);

		add_content(m, p, run);
		m->header.name_n += run;
		if (nul == NULL)
			return;
		add_text(m, ":");
		if ((m->steps & SP_MILTER_HDR_LEADSPC) == 0)
			add_text(m, " ");
		m->header.in_value = true;
		p += run + 1;
		n -= run + 1;
	}
	add_value(m, p, n);
}

/* The value may end with a line end already; a second one would end the
 * headers. */
void
sp_milter_end_header(struct sp_milter *m)
{
	if (m->phase == SP_MILTER_CLOSED)
		return;
	if (m->header.name_n == 0)
		sp_milter_protocol_error(m, "a header without a name");
	else if (!m->header.value_lf)
		add_text(m, "\r\n");
}

void
sp_milter_end_headers(struct sp_milter *m)
{
	if (m->phase == SP_MILTER_ENVELOPE)
		begin_message(m);
	if (m->phase != SP_MILTER_HEADERS) {
		sp_milter_protocol_error(m, "the end of the headers twice");
		return;
	}
	m->message.wire_bytes += SP_MILTER_HEAD;
	add_text(m, "\r\n");
	m->phase = SP_MILTER_CONTENT;
}

/* ---- body ----------------------------------------------------------- */

void
sp_milter_begin_body(struct sp_milter *m)
{
	if (m->phase == SP_MILTER_ENVELOPE)
		begin_message(m);
}

void
sp_milter_input_body(struct sp_milter *m, char *p, size_t n)
{
	/* This MTA does not say where the headers end. */
	if (n > 0 && m->phase == SP_MILTER_HEADERS) {
		add_text(m, "\r\n");
		m->phase = SP_MILTER_CONTENT;
	}
	add_content(m, p, n);
}

/* The message was answered: forget it, and go on or close. */
static void
end_transaction(struct sp_milter *m)
{
	if (m->phase == SP_MILTER_CLOSED)
		return;
	sp_milter_reset(m);
	if (m->draining)
		sp_milter_end(m, SP_REPLY_CLOSING);
}

/* All bytes are here: refuse the message, or let the owner commit it. */
void
sp_milter_end_body(struct sp_milter *m, struct sp_buf *out)
{
	struct sp_err err;
	enum sp_code rc;

	sp_data_finish(&m->message.data);
	if (m->message.refusal == SP_REPLY_NONE) {
		rc = sp_milter_build_item(m);
		if (rc == SP_OK) {
			m->phase = SP_MILTER_COMMITTING;
			return;
		}
		m->message.refusal =
		    rc == SP_EAGAIN ? SP_REPLY_MEMORY : sp_reply_of_failure(rc);
		if (rc != SP_EAGAIN) {
			(void)sp_err_set(&err, rc, 0,
			    "the facts of the message do not fit into a record");
			sp_milter_fault(m, &err);
		}
	}
	sp_milter_refuse(m, m->message.refusal, out);
	end_transaction(m);
}

struct sp_append_item *
sp_milter_item(struct sp_milter *m)
{
	assert(m->phase == SP_MILTER_COMMITTING);
	return (&m->entry.item);
}

void
sp_milter_committed(struct sp_milter *m, enum sp_code code, struct sp_buf *out)
{
	assert(m->phase == SP_MILTER_COMMITTING);
	if (code == SP_OK)
		sp_milter_answer(m, SP_MILTER_ACCEPT, out);
	else
		sp_milter_refuse(m, sp_reply_of_failure(code), out);
	end_transaction(m);
}
