/*
 * The pull engine: what goes into the record of a message besides its bytes,
 * as the JSON of XSEALPOST SOURCE (doc/door.md, doc/pull.md "The record").
 * pull_deliver.c writes it for each message that begins; only what was
 * observed is in it.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/time_text.h"
#include "journal/pull/pull_priv.h"

void
sp_pull_link(struct sp_pull *p, const struct sp_stream *s)
{
	struct sp_stream_info *i = &p->link.info;

	sp_stream_info(s, i);
	if (!i->tls)
		return;
	(void)snprintf(
	    p->link.version, sizeof(p->link.version), "%s", i->version);
	(void)snprintf(p->link.cipher, sizeof(p->link.cipher), "%s", i->cipher);
	(void)snprintf(p->link.cert, sizeof(p->link.cert), "%s",
	    i->peer_sha256 == NULL ? "" : i->peer_sha256);
}

/* The address of the server, and how TLS identified it. */
static void
write_link(const struct sp_pull *p, struct sp_json *j)
{
	if (p->link.info.peer[0] != '\0')
		sp_json_cstr(j, "server", p->link.info.peer);
	if (!p->link.info.tls)
		return;
	sp_json_obj(j, "server_tls");
	sp_json_cstr(j, "version", p->link.version);
	sp_json_cstr(j, "cipher", p->link.cipher);
	sp_json_cstr(j, "peer_sha256", p->link.cert);
	sp_json_bool(j, "verified", p->link.info.verified);
	sp_json_obj_end(j);
}

/* The name of the message on the server: `uidl` (POP3), or `mailbox`,
 * `uidvalidity` and `uid` (IMAP). */
static void
write_id(const struct sp_pull_id *id, struct sp_json *j)
{
	if (id->mailbox.n == 0) {
		sp_json_str(j, "uidl", id->uid);
		return;
	}
	sp_json_str(j, "mailbox", id->mailbox);
	sp_json_u64(j, "uidvalidity", id->uidvalidity);
	sp_json_str(j, "uid", id->uid);
}

/* `fetched` is the time of this call: when the server began to send the
 * message. */
enum sp_code
sp_pull_provenance(
    const struct sp_pull *p, const struct sp_pull_meta *m, struct sp_buf *out)
{
	const struct sp_pull_conf *c = p->opts.conf;
	char now[SP_TIME_LEN + 1];
	struct sp_json j;

	sp_time_format(sp_clock_wall(), now);
	sp_json_init(&j, out);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "via", c->type == SP_PULL_POP3 ? "pop3" : "imap");
	sp_json_cstr(&j, "grade", "pulled");
	sp_json_bool(&j, "envelope", false);
	if (m->origin_date.n > 0)
		sp_json_str(&j, "origin_date", m->origin_date);
	sp_json_obj(&j, "source");
	sp_json_cstr(&j, "account", c->name);
	sp_json_cstr(&j, "host", c->server);
	sp_json_cstr(&j, "user", c->user);
	write_link(p, &j);
	write_id(&m->id, &j);
	if (m->size != SP_PULL_SIZE_UNKNOWN)
		sp_json_u64(&j, "reported_size", m->size);
	sp_json_cstr(&j, "fetched", now);
	if (c->journal)
		sp_json_bool(&j, "journal", true);
	if (m->extra.n > 0)
		sp_json_raw(&j, NULL, m->extra);
	sp_json_obj_end(&j);
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}
