/* The facts of a message from a milter, as the record wants them. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "journal/smtp/milter_priv.h"
#include "journal/smtp/source.h"

static void
macros_members(struct sp_json *j, const struct sp_milter_macros *l,
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

/* All of it is the MTA's word. */
static void
claimed(struct sp_json *j, const struct sp_milter *m)
{
	sp_json_obj(j, "claimed");
	sp_json_obj(j, "milter");
	if (m->has_client) {
		sp_json_str(j, "name", m->client.name);
		if (m->client.family == 'L')
			sp_json_str(j, "path", m->client.addr);
		else if (m->client.family != 'U') {
			sp_json_str(j, "addr", m->client.addr);
			sp_json_u64(j, "port", m->client.port);
		}
	}
	if (m->helo_n > 0)
		sp_json_str(j, "helo", sp_view_mem(m->helo, m->helo_n));
	sp_json_obj(j, "macros");
	macros_members(j, &m->client_macros, &m->macros);
	macros_members(j, &m->macros, NULL);
	sp_json_obj_end(j);
	sp_json_obj_end(j);
	sp_json_obj_end(j);
}

static enum sp_code
source(struct sp_milter *m)
{
	struct sp_json j;

	sp_buf_clear(&m->source);
	sp_json_init(&j, &m->source);
	sp_json_cstr(&j, "via", "milter");
	sp_json_cstr(&j, "grade", "witnessed");
	sp_json_cstr(&j, "listener", m->env->cfg->name);
	sp_json_cstr(&j, "peer", m->peer);
	sp_json_cstr(&j, "local", m->local);
	sp_json_u64(&j, "milter", m->version);
	sp_json_cstr(&j, "session", m->id);
	sp_json_u64(&j, "transaction", m->transaction);
	sp_source_time(&j, "connected", m->connected);
	sp_source_time(&j, "mail_at", m->mail_at);
	sp_source_time(&j, "last_byte", sp_clock_wall());
	sp_json_u64(&j, "wire_bytes", m->wire);
	sp_source_lines(&j, &m->data);
	claimed(&j, m);
	return (sp_json_end(&j));
}

static void
flags(struct sp_milter *m)
{
	m->nflags = 0;
	m->flags[m->nflags++] = "reassembled";
	if ((m->steps & SP_MILTER_HDR_LEADSPC) == 0)
		m->flags[m->nflags++] = "header_space_guessed";
	if (m->data.bare_lf > 0)
		m->flags[m->nflags++] = "bare_lf";
	if (m->data.bare_cr > 0)
		m->flags[m->nflags++] = "bare_cr";
	if (m->data.nul > 0)
		m->flags[m->nflags++] = "nul";
	if (m->data.longest > SP_LONG_LINE)
		m->flags[m->nflags++] = "long_line";
}

enum sp_code
sp_milter_build(struct sp_milter *m)
{
	enum sp_code rc = source(m);

	if (rc != SP_OK)
		return (rc);
	flags(m);
	m->facts = (struct sp_facts){
		.from = m->from,
		.has_envelope = true,
		.from_params = m->from_params,
		.nfrom_params = m->nfrom_params,
		.to = m->to,
		.nto = m->nto,
		.refused = m->refused,
		.nrefused = m->nrefused,
		.source = sp_buf_view(&m->source),
		.flags = m->flags,
		.nflags = m->nflags,
	};
	m->item = (struct sp_append_item){ .facts = &m->facts, .fd = -1 };
	m->item.msg = sp_view_mem(
	    m->store.fd >= 0 ? NULL : (m->store.p == NULL ? "" : m->store.p),
	    (size_t)m->store.size);
	m->item.fd = m->store.fd;
	sp_store_end(&m->store, m->item.sha256);
	return (SP_OK);
}
