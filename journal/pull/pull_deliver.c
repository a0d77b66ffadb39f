/* The engine: messages on their way from a source to the sink. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "journal/pull/pull_priv.h"

#define PROVENANCE_MAX (64u << 10)

static void
key_of(const struct sp_pull_id *id, uint8_t key[SP_IDS_KEY])
{
	sp_ids_key(id->mailbox, id->uidvalidity, id->uid, key);
}

size_t
sp_pull_known(const struct sp_pull *p, const struct sp_pull_id *id)
{
	uint8_t key[SP_IDS_KEY];

	key_of(id, key);
	return (sp_ids_count(p->known, key));
}

bool
sp_pull_seen(struct sp_pull *p, const struct sp_pull_id *id)
{
	uint8_t key[SP_IDS_KEY];
	bool known;

	key_of(id, key);
	known = sp_ids_see(p->known, key);
	p->r.known += known;
	return (known);
}

void
sp_pull_listing_complete(struct sp_pull *p)
{
	if (p->mode == SP_PULL_FETCH)
		sp_ids_complete(p->known);
}

enum sp_code
sp_pull_listed(
    struct sp_pull *p, const struct sp_pull_meta *m, struct sp_err *err)
{
	uint8_t key[SP_IDS_KEY];
	bool known;

	key_of(&m->id, key);
	known = sp_ids_see(p->known, key);
	p->r.known += known;
	return (
	    p->o.listed == NULL ? SP_OK : p->o.listed(p->o.ctx, m, known, err));
}

/* ---- where it comes from ------------------------------------------------ */

void
sp_pull_link(struct sp_pull *p, const struct sp_stream *s)
{
	struct sp_stream_info *i = &p->link;

	sp_stream_info(s, i);
	if (!i->tls)
		return;
	(void)snprintf(p->version, sizeof(p->version), "%s", i->version);
	(void)snprintf(p->cipher, sizeof(p->cipher), "%s", i->cipher);
	(void)snprintf(p->cert, sizeof(p->cert), "%s",
	    i->peer_sha256 == NULL ? "" : i->peer_sha256);
}

static void
write_link(const struct sp_pull *p, struct sp_json *j)
{
	if (p->link.peer[0] != '\0')
		sp_json_cstr(j, "server", p->link.peer);
	if (!p->link.tls)
		return;
	sp_json_obj(j, "server_tls");
	sp_json_cstr(j, "version", p->version);
	sp_json_cstr(j, "cipher", p->cipher);
	sp_json_cstr(j, "peer_sha256", p->cert);
	sp_json_bool(j, "verified", p->link.verified);
	sp_json_obj_end(j);
}

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

enum sp_code
sp_pull_provenance(
    const struct sp_pull *p, const struct sp_pull_meta *m, struct sp_buf *out)
{
	const struct sp_pull_conf *c = p->o.conf;
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

/* ---- parcels ------------------------------------------------------------ */

static void
parcel_free(struct sp_parcel *a)
{
	if (a->prev != NULL) {
		a->prev->next = a->next;
		a->next->prev = a->prev;
	}
	free(a->name);
	free(a);
}

static char *
name_of(const struct sp_pull_id *id)
{
	if (id->mailbox.n == 0)
		return (sp_xasprintf("UIDL %.*s", (int)id->uid.n, id->uid.p));
	return (sp_xasprintf("%.*s UID %.*s", (int)id->mailbox.n, id->mailbox.p,
	    (int)id->uid.n, id->uid.p));
}

/* The sink failed: it is said once, and nothing more is handed over. */
static enum sp_code
broken(struct sp_pull *p, enum sp_code rc, struct sp_err *err)
{
	if (rc == SP_OK && p->store.code == SP_OK)
		return (SP_OK);
	if (p->store.code == SP_OK)
		p->store = *err;
	else if (err != NULL)
		*err = p->store;
	p->r.trouble = SP_PULL_STORE;
	p->told = true;
	return (p->store.code);
}

enum sp_code
sp_pull_begin(
    struct sp_pull *p, const struct sp_pull_meta *m, struct sp_err *err)
{
	struct sp_parcel *a;
	struct sp_buf b;
	enum sp_code rc;

	if (p->store.code != SP_OK)
		return (broken(p, p->store.code, err));
	sp_buf_init(&b, PROVENANCE_MAX);
	rc = sp_pull_provenance(p, m, &b);
	if (rc != SP_OK) {
		sp_buf_done(&b);
		return (sp_err_set(err, rc, 0, "the provenance is too long"));
	}
	a = sp_xcalloc(1, sizeof(*a));
	a->p = p;
	a->tag = m->tag;
	a->name = name_of(&m->id);
	key_of(&m->id, a->key);
	rc = p->o.sink.begin(p->o.sink.ctx, sp_buf_view(&b), a, err);
	sp_buf_done(&b);
	if (rc != SP_OK) {
		parcel_free(a);
		return (broken(p, rc, err));
	}
	p->filling = a;
	p->refused = false;
	return (SP_OK);
}

static void
remember_skip(struct sp_pull *p, const uint8_t *key)
{
	memcpy(p->skipped[p->nskipped++ % SP_PULL_SKIPS], key, SP_IDS_KEY);
	p->r.skipped++;
}

static bool
skipped(const struct sp_pull *p, const uint8_t *key)
{
	size_t n = p->nskipped < SP_PULL_SKIPS ? p->nskipped : SP_PULL_SKIPS;

	for (size_t i = 0; i < n; i++) {
		if (memcmp(p->skipped[i], key, SP_IDS_KEY) == 0)
			return (true);
	}
	return (false);
}

bool
sp_pull_skipped(const struct sp_pull *p, const struct sp_pull_id *id)
{
	uint8_t key[SP_IDS_KEY];

	key_of(id, key);
	return (skipped(p, key));
}

void
sp_pull_skip(struct sp_pull *p, const struct sp_pull_meta *m, const char *why)
{
	uint8_t key[SP_IDS_KEY];
	char *name;

	key_of(&m->id, key);
	if (skipped(p, key))
		return;
	name = name_of(&m->id);
	remember_skip(p, key);
	sp_pull_note(p, "message %s was not taken: %s", name, why);
	free(name);
}

enum sp_code
sp_pull_data(struct sp_pull *p, struct sp_view bytes, struct sp_err *err)
{
	struct sp_parcel *a = p->filling;
	enum sp_code rc;

	if (p->refused)
		return (SP_OK);
	a->size += bytes.n;
	if (a->size > p->o.conf->max_message) {
		sp_pull_note(p,
		    "message %s was not taken: it has more than max_message = %" PRIu64
		    " bytes",
		    a->name, p->o.conf->max_message);
		remember_skip(p, a->key);
		p->o.sink.abort(p->o.sink.ctx);
		p->refused = true;
		return (SP_OK);
	}
	rc = p->o.sink.data(p->o.sink.ctx, bytes, err);
	return (rc == SP_OK ? SP_OK : broken(p, rc, err));
}

enum sp_code
sp_pull_end(struct sp_pull *p, struct sp_err *err)
{
	struct sp_parcel *a = p->filling;
	enum sp_code rc;

	p->filling = NULL;
	if (p->refused) {
		p->refused = false;
		parcel_free(a);
		return (SP_OK);
	}
	a->prev = p->head.prev;
	a->next = &p->head;
	a->prev->next = a->next->prev = a;
	rc = p->o.sink.end(p->o.sink.ctx, err);
	return (broken(p, rc, err));
}

void
sp_pull_abort(struct sp_pull *p)
{
	if (p->filling == NULL)
		return;
	if (!p->refused)
		p->o.sink.abort(p->o.sink.ctx);
	p->refused = false;
	parcel_free(p->filling);
	p->filling = NULL;
}

/* ---- answers ------------------------------------------------------------ */

static void
add_durable(struct sp_pull *p, uint64_t tag)
{
	if (p->durable_at == p->ndurable)
		p->durable_at = p->ndurable = 0;
	if (p->ndurable == p->durable_cap) {
		p->durable_cap = p->durable_cap == 0 ? 64 : p->durable_cap * 2;
		p->durable = sp_xrealloc(
		    p->durable, p->durable_cap * sizeof(*p->durable));
	}
	p->durable[p->ndurable++] = tag;
}

void
sp_pull_answer(void *tag, const struct sp_pull_answer *a)
{
	struct sp_parcel *one = tag;
	struct sp_pull *p = one->p;

	if (a->rc == SP_OK) {
		sp_ids_add(p->known, one->key);
		add_durable(p, one->tag);
		p->r.taken++;
		p->r.bytes += one->size;
	} else if (a->rc == SP_ELIMIT && !a->unknown) {
		remember_skip(p, one->key);
		sp_pull_note(
		    p, "message %s was not taken: %s", one->name, a->why);
	} else {
		if (p->store.code == SP_OK)
			(void)sp_err_set(&p->store, SP_EAGAIN, 0,
			    "message %s: %s", one->name, a->why);
		if (a->unknown)
			p->learnt = false;
	}
	parcel_free(one);
}

void
sp_pull_reset(struct sp_pull *p)
{
	if (p->filling != NULL)
		parcel_free(p->filling);
	p->filling = NULL;
	p->o.sink.reset(p->o.sink.ctx);
	if (p->head.next != &p->head)
		p->learnt = false;
	while (p->head.next != &p->head)
		parcel_free(p->head.next);
}

enum sp_code
sp_pull_flush(struct sp_pull *p, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	if (p->head.next != &p->head)
		rc = p->o.sink.flush(p->o.sink.ctx, err);
	if (rc == SP_OK && p->head.next != &p->head)
		rc = p->store.code != SP_OK
			 ? p->store.code
			 : sp_err_set(err, SP_EAGAIN, 0,
			       "messages were left without an answer");
	if (rc != SP_OK)
		sp_pull_reset(p);
	return (broken(p, rc, err));
}

bool
sp_pull_next_durable(struct sp_pull *p, uint64_t *tag)
{
	if (p->durable_at == p->ndurable)
		return (false);
	*tag = p->durable[p->durable_at++];
	return (true);
}

void
sp_pull_gone(struct sp_pull *p, const struct sp_pull_id *id)
{
	uint8_t key[SP_IDS_KEY];

	key_of(id, key);
	sp_ids_drop(p->known, key);
	p->r.deleted++;
}
