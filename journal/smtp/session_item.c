/*
 * The facts of a finished message, as the record wants them
 * (doc/format-record.md): the members of "source", the flags, the envelope, and
 * where the bytes are.  Called at the end of the message by session_data.c; the
 * item that it fills is then appended by the owner.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "journal/smtp/session_priv.h"
#include "journal/smtp/source.h"

#define PROTO_MAX 16 /* bytes; the longest is "UTF8LMTPSA" */

/* The name of the protocol as RFC 3848 has it, with the prefix of RFC 6531
 * section 4.3. */
static void
protocol_name(const struct sp_session *s, char out[PROTO_MAX])
{
	static const char *const kinds[2][2] = { { "ESMTP", "LMTP" },
		{ "UTF8SMTP", "UTF8LMTP" } };

	/* There is no name for SMTP after HELO inside TLS; the member "tls"
	 * tells it. */
	if (!s->client.extended && !s->mail.smtputf8)
		(void)snprintf(out, PROTO_MAX, "SMTP");
	else
		(void)snprintf(out, PROTO_MAX, "%s%s%s",
		    kinds[s->mail.smtputf8][sp_session_lmtp(s)],
		    s->tls.on ? "S" : "", s->login.name[0] != '\0' ? "A" : "");
}

/* What others said of this connection, each under its own name: a proxy, and
 * the peer with XFORWARD and XCLIENT. */
static void
write_claims(struct sp_json *j, const struct sp_session *s)
{
	bool proxied = s->link.proxy_src[0] != '\0';

	if (!proxied && !s->claims.xforward.set && !s->claims.xclient.set)
		return;
	sp_json_obj(j, "claimed");
	if (proxied) {
		sp_json_obj(j, "proxy");
		sp_json_cstr(j, "src", s->link.proxy_src);
		sp_json_cstr(j, "dst", s->link.proxy_dst);
		sp_json_obj_end(j);
	}
	sp_claim_json(&s->claims.xforward, "xforward", j);
	sp_claim_json(&s->claims.xclient, "xclient", j);
	sp_json_obj_end(j);
}

/* Write the members of "source" into s->entry.source: what was observed of the
 * connection, or at the door what the client stated. */
static enum sp_code
write_source(struct sp_session *s)
{
	char proto[PROTO_MAX];
	struct sp_json j;

	protocol_name(s, proto);
	sp_buf_clear(&s->entry.source);
	sp_json_init(&j, &s->entry.source);
	if (s->env->door) {
		sp_json_cstr(&j, "via", s->door.provenance.via);
		sp_json_cstr(&j, "grade", s->door.provenance.grade);
		if (s->door.provenance.members != NULL &&
		    s->door.provenance.members[0] != '\0')
			sp_json_raw(
			    &j, NULL, sp_view_str(s->door.provenance.members));
		sp_json_raw(&j, "operator", sp_view_str(s->door.actor));
	} else {
		sp_json_cstr(&j, "via", sp_session_lmtp(s) ? "lmtp" : "smtp");
		sp_json_cstr(&j, "grade", "witnessed");
		sp_json_cstr(&j, "listener", s->env->cfg->name);
		if (s->env->cfg->journal)
			sp_json_bool(&j, "journal", true);
		sp_json_cstr(&j, "peer", s->link.peer);
		sp_json_cstr(&j, "local", s->link.local);
		write_claims(&j, s);
		sp_json_str(
		    &j, "helo", sp_view_mem(s->client.name, s->client.name_n));
		sp_json_cstr(&j, "proto", proto);
		if (s->tls.on)
			sp_json_raw(&j, "tls", sp_view_str(s->tls.facts));
		if (s->login.name[0] != '\0') {
			sp_json_cstr(&j, "auth", s->login.name);
			sp_json_cstr(&j, "auth_mechanism", s->login.mechanism);
		}
	}
	sp_json_cstr(&j, "session", s->link.id);
	sp_json_u64(&j, "transaction", s->count.transactions);
	sp_source_time(&j, "connected", s->link.connected);
	sp_source_time(&j, "mail_at", s->mail.mail_at);
	sp_source_time(&j, "last_byte", sp_clock_wall());
	sp_json_u64(&j, "wire_bytes", s->message.wire_bytes);
	sp_source_lines(&j, &s->message.data);
	return (sp_json_end(&j));
}

/* Add a flag once, if ${on}; a client at the door may have given it already. */
static void
add_flag(struct sp_session *s, bool on, const char *name)
{
	if (!on || s->entry.nflags == SP_FLAGS_MAX)
		return;
	for (size_t i = 0; i < s->entry.nflags; i++) {
		if (strcmp(s->entry.flags[i], name) == 0)
			return;
	}
	s->entry.flags[s->entry.nflags++] = name;
}

/* Flags that the client at the door gave, and what is odd in the bytes. */
static void
collect_flags(struct sp_session *s)
{
	s->entry.nflags = 0;
	for (size_t i = 0; i < s->door.provenance.nflags; i++)
		add_flag(s, true, s->door.provenance.flags[i]);
	add_flag(s, s->message.data.bare_lf > 0, "bare_lf");
	add_flag(s, s->message.data.bare_cr > 0, "bare_cr");
	add_flag(s, s->message.data.nul > 0, "nul");
	add_flag(s, s->message.data.longest > SP_LONG_LINE, "long_line");
	add_flag(s, !s->message.data.raw && s->pipelined && s->odd_behind,
	    "pipelined_after_data");
}

/* The views of the item point into the session, which stays as it is until the
 * commit is answered. */
enum sp_code
sp_session_build_item(struct sp_session *s)
{
	enum sp_code rc = write_source(s);

	if (rc != SP_OK)
		return (rc);
	if (!sp_source_charge(s->memory, &s->entry.source, &s->entry.charged))
		return (SP_EAGAIN);
	collect_flags(s);
	s->entry.facts = (struct sp_facts){
		.has_envelope = !s->env->door || s->door.provenance.envelope,
		.source = sp_buf_view(&s->entry.source),
		.flags = s->entry.flags,
		.nflags = s->entry.nflags,
		.origin_date = sp_view_str(s->door.provenance.origin_date),
	};
	sp_envelope_facts(&s->mail.envelope, &s->entry.facts);
	s->entry.item =
	    (struct sp_append_item){ .facts = &s->entry.facts, .fd = -1 };
	s->entry.item.msg = sp_view_mem(
	    s->message.store.fd >= 0
		? NULL
		: (s->message.store.p == NULL ? "" : s->message.store.p),
	    (size_t)s->message.store.size);
	s->entry.item.fd = s->message.store.fd;
	sp_store_end(&s->message.store, s->entry.item.sha256);
	return (SP_OK);
}
