/*
 * The facts of a message from a milter, as the record wants them
 * (doc/format-record.md, doc/milter.md): the members of "source", the flags,
 * the envelope, and where the bytes are.  Called at the end of the body by
 * milter_data.c; the item that it fills is then appended by the owner.
 */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "journal/smtp/milter_priv.h"
#include "journal/smtp/source.h"

/* Write the macros of ${l} as members, but those that ${over} has too. */
static void
write_macros(struct sp_json *j, const struct sp_milter_macros *l,
    const struct sp_milter_macros *over)
{
	char name[SP_MILTER_MACRO_NAME + 1];

	for (size_t i = 0; i < l->n; i++) {
		bool hidden = false;

		for (size_t k = 0; over != NULL && k < over->n; k++)
			hidden |= sp_view_eq(over->v[k].name, l->v[i].name);
		if (hidden)
			continue;
		memcpy(name, l->v[i].name.p, l->v[i].name.n);
		name[l->v[i].name.n] = '\0';
		sp_json_str(j, name, l->v[i].value);
	}
}

/* All that the MTA says of its client and of the message: it is its word. */
static void
write_claims(struct sp_json *j, const struct sp_milter *m)
{
	sp_json_obj(j, "claimed");
	sp_json_obj(j, "milter");
	if (m->client.known) {
		sp_json_str(j, "name", m->client.connect.name);
		if (m->client.connect.family == 'L')
			sp_json_str(j, "path", m->client.connect.addr);
		else if (m->client.connect.family != 'U') {
			sp_json_str(j, "addr", m->client.connect.addr);
			sp_json_u64(j, "port", m->client.connect.port);
		}
	}
	if (m->client.helo_n > 0)
		sp_json_str(
		    j, "helo", sp_view_mem(m->client.helo, m->client.helo_n));
	sp_json_obj(j, "macros");
	write_macros(j, &m->client.macros, &m->mail.macros);
	write_macros(j, &m->mail.macros, NULL);
	sp_json_obj_end(j);
	sp_json_obj_end(j);
	sp_json_obj_end(j);
}

/* Write the members of "source" into m->entry.source. */
static enum sp_code
write_source(struct sp_milter *m)
{
	struct sp_json j;

	sp_buf_clear(&m->entry.source);
	sp_json_init(&j, &m->entry.source);
	sp_json_cstr(&j, "via", "milter");
	sp_json_cstr(&j, "grade", "witnessed");
	sp_json_cstr(&j, "listener", m->env->cfg->name);
	sp_json_cstr(&j, "peer", m->link.peer);
	sp_json_cstr(&j, "local", m->link.local);
	sp_json_u64(&j, "milter", m->version);
	sp_json_cstr(&j, "session", m->link.id);
	sp_json_u64(&j, "transaction", m->transactions);
	sp_source_time(&j, "connected", m->link.connected);
	sp_source_time(&j, "mail_at", m->mail.mail_at);
	sp_source_time(&j, "last_byte", sp_clock_wall());
	sp_json_u64(&j, "wire_bytes", m->message.wire_bytes);
	sp_source_lines(&j, &m->message.data);
	write_claims(&j, m);
	return (sp_json_end(&j));
}

/* What was put together or guessed, and what is odd in the bytes. */
static void
collect_flags(struct sp_milter *m)
{
	m->entry.nflags = 0;
	m->entry.flags[m->entry.nflags++] = "reassembled";
	if ((m->steps & SP_MILTER_HDR_LEADSPC) == 0)
		m->entry.flags[m->entry.nflags++] = "header_space_guessed";
	if (m->message.data.bare_lf > 0)
		m->entry.flags[m->entry.nflags++] = "bare_lf";
	if (m->message.data.bare_cr > 0)
		m->entry.flags[m->entry.nflags++] = "bare_cr";
	if (m->message.data.nul > 0)
		m->entry.flags[m->entry.nflags++] = "nul";
	if (m->message.data.longest > SP_LONG_LINE)
		m->entry.flags[m->entry.nflags++] = "long_line";
}

/* The views of the item point into the machine, which stays as it is until the
 * commit is answered. */
enum sp_code
sp_milter_build_item(struct sp_milter *m)
{
	enum sp_code rc = write_source(m);

	if (rc != SP_OK)
		return (rc);
	if (!sp_source_charge(m->memory, &m->entry.source, &m->entry.charged))
		return (SP_EAGAIN);
	collect_flags(m);
	m->entry.facts = (struct sp_facts){
		.has_envelope = true,
		.source = sp_buf_view(&m->entry.source),
		.flags = m->entry.flags,
		.nflags = m->entry.nflags,
	};
	sp_envelope_facts(&m->mail.envelope, &m->entry.facts);
	m->entry.item =
	    (struct sp_append_item){ .facts = &m->entry.facts, .fd = -1 };
	m->entry.item.msg = sp_view_mem(
	    m->message.store.fd >= 0
		? NULL
		: (m->message.store.p == NULL ? "" : m->message.store.p),
	    (size_t)m->message.store.size);
	m->entry.item.fd = m->message.store.fd;
	sp_store_end(&m->message.store, m->entry.item.sha256);
	return (SP_OK);
}
