/* The facts of a finished message, as the record wants them. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "journal/smtp/session_priv.h"
#include "journal/smtp/source.h"

#define PROTO_MAX 16 /* "UTF8LMTPSA" */

/* RFC 3848, and RFC 6531 section 4.3 for the UTF8 prefix. */
static void
proto_of(const struct sp_session *s, char out[PROTO_MAX])
{
	static const char *const kinds[2][2] = { { "ESMTP", "LMTP" },
		{ "UTF8SMTP", "UTF8LMTP" } };

	/* There is no name for SMTP without EHLO in TLS; "tls" says it. */
	if (!s->extended && !s->smtputf8)
		(void)snprintf(out, PROTO_MAX, "SMTP");
	else
		(void)snprintf(out, PROTO_MAX, "%s%s%s",
		    kinds[s->smtputf8][sp_session_lmtp(s)], s->tls ? "S" : "",
		    s->auth_name[0] != '\0' ? "A" : "");
}

/* What others said of this connection, each under its own name. */
static void
claimed(struct sp_json *j, const struct sp_session *s)
{
	bool proxied = s->proxy_src[0] != '\0';

	if (!proxied && !s->xforward.set && !s->xclient.set)
		return;
	sp_json_obj(j, "claimed");
	if (proxied) {
		sp_json_obj(j, "proxy");
		sp_json_cstr(j, "src", s->proxy_src);
		sp_json_cstr(j, "dst", s->proxy_dst);
		sp_json_obj_end(j);
	}
	sp_claim_json(&s->xforward, "xforward", j);
	sp_claim_json(&s->xclient, "xclient", j);
	sp_json_obj_end(j);
}

static enum sp_code
source(struct sp_session *s)
{
	char proto[PROTO_MAX];
	struct sp_json j;

	proto_of(s, proto);
	sp_buf_clear(&s->source);
	sp_json_init(&j, &s->source);
	if (s->env->door) {
		sp_json_cstr(&j, "via", s->prov.via);
		sp_json_cstr(&j, "grade", s->prov.grade);
		if (s->prov.members != NULL && s->prov.members[0] != '\0')
			sp_json_raw(&j, NULL, sp_view_str(s->prov.members));
		sp_json_raw(&j, "operator", sp_view_str(s->actor));
	} else {
		sp_json_cstr(&j, "via", sp_session_lmtp(s) ? "lmtp" : "smtp");
		sp_json_cstr(&j, "grade", "witnessed");
		sp_json_cstr(&j, "listener", s->env->cfg->name);
		if (s->env->cfg->journal)
			sp_json_bool(&j, "journal", true);
		sp_json_cstr(&j, "peer", s->peer);
		sp_json_cstr(&j, "local", s->local);
		claimed(&j, s);
		sp_json_str(&j, "helo", sp_view_mem(s->helo, s->helo_n));
		sp_json_cstr(&j, "proto", proto);
		if (s->tls)
			sp_json_raw(&j, "tls", sp_view_str(s->tls_facts));
		if (s->auth_name[0] != '\0') {
			sp_json_cstr(&j, "auth", s->auth_name);
			sp_json_cstr(&j, "auth_mechanism", s->auth_mechanism);
		}
	}
	sp_json_cstr(&j, "session", s->id);
	sp_json_u64(&j, "transaction", s->transaction);
	sp_source_time(&j, "connected", s->connected);
	sp_source_time(&j, "mail_at", s->mail_at);
	sp_source_time(&j, "last_byte", sp_clock_wall());
	sp_json_u64(&j, "wire_bytes", s->wire);
	sp_source_lines(&j, &s->data);
	return (sp_json_end(&j));
}

static void
flag(struct sp_session *s, bool on, const char *name)
{
	if (!on || s->nflags == SP_FLAGS_MAX)
		return;
	/* A client at the door may have said it already. */
	for (size_t i = 0; i < s->nflags; i++) {
		if (strcmp(s->flags[i], name) == 0)
			return;
	}
	s->flags[s->nflags++] = name;
}

static void
flags(struct sp_session *s)
{
	s->nflags = 0;
	for (size_t i = 0; i < s->prov.nflags; i++)
		flag(s, true, s->prov.flags[i]);
	flag(s, s->data.bare_lf > 0, "bare_lf");
	flag(s, s->data.bare_cr > 0, "bare_cr");
	flag(s, s->data.nul > 0, "nul");
	flag(s, s->data.longest > SP_LONG_LINE, "long_line");
	/* Legal, and what a smuggled message looks like. */
	flag(s, !s->data.raw && s->more, "pipelined_after_data");
}

enum sp_code
sp_session_build(struct sp_session *s)
{
	enum sp_code rc = source(s);

	if (rc != SP_OK)
		return (rc);
	flags(s);
	s->facts = (struct sp_facts){
		.from = s->from,
		.has_envelope = !s->env->door || s->prov.envelope,
		.from_params = s->from_params,
		.nfrom_params = s->nfrom_params,
		.to = s->to,
		.nto = s->nto,
		.refused = s->refused,
		.nrefused = s->nrefused,
		.source = sp_buf_view(&s->source),
		.flags = s->flags,
		.nflags = s->nflags,
		.origin_date = sp_view_str(s->prov.origin_date),
	};
	s->item = (struct sp_append_item){ .facts = &s->facts, .fd = -1 };
	s->item.msg = sp_view_mem(
	    s->store.fd >= 0 ? NULL : (s->store.p == NULL ? "" : s->store.p),
	    (size_t)s->store.size);
	s->item.fd = s->store.fd;
	sp_store_end(&s->store, s->item.sha256);
	return (SP_OK);
}
