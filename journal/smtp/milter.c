/* The milter machine's life, its packets and answers. */
#include "journal/smtp/milter.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/smtp/milter_priv.h"

/* What we ask for, of what the MTA offers. */
#define WANTED                                                               \
	(SP_MILTER_RCPT_REJ | SP_MILTER_HDR_LEADSPC | SP_MILTER_NO_UNKNOWN | \
	    SP_MILTER_NO_DATA | SP_MILTER_QUIET_CONNECT |                    \
	    SP_MILTER_QUIET_HELO | SP_MILTER_QUIET_DATA |                    \
	    SP_MILTER_QUIET_UNKNOWN | SP_MILTER_QUIET_HEADER |               \
	    SP_MILTER_QUIET_EOH | SP_MILTER_QUIET_BODY)

#define VERSION_MIN 2
#define VERSION_MAX 6

/* ---- answers -------------------------------------------------------- */

static void
put(struct sp_milter *m, struct sp_buf *out, char answer, struct sp_view data)
{
	char head[SP_MILTER_HEAD] = { 0, 0, 0, 0, answer };
	uint32_t n = (uint32_t)data.n + 1;

	for (size_t i = 4; i-- > 0; n >>= 8)
		head[i] = (char)(n & 0xff);
	/* Input stops far below the limit; beyond it the MTA is lost. */
	if (sp_buf_add(out, head, sizeof(head)) != SP_OK ||
	    sp_buf_addv(out, data) != SP_OK)
		m->phase = SP_MILTER_CLOSED;
}

void
sp_milter_answer(struct sp_milter *m, char answer, struct sp_buf *out)
{
	put(m, out, answer, (struct sp_view){ NULL, 0 });
}

static void
report(struct sp_milter *m, struct sp_view line)
{
	struct sp_session_info i;

	if (m->env->refused == NULL)
		return;
	sp_milter_info(m, &i);
	m->env->refused(m->env->ctx, &i, line);
}

void
sp_milter_defer(struct sp_milter *m, const char *why, struct sp_buf *out)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "451 4.3.0 %s", why);
	report(m, sp_view_str(line));
	sp_milter_answer(m, SP_MILTER_TEMPFAIL, out);
}

/* Too many recipients is 4xx, but for the MTA's client to hear: it sends the
 * rest again in a transaction of its own. */
void
sp_milter_refuse(struct sp_milter *m, enum sp_reply r, struct sp_buf *out)
{
	struct sp_view line = sp_view_trim(sp_reply_text(r));
	char text[256];

	report(m, line);
	if (sp_reply_class(r) == 4 && r != SP_REPLY_RCPTS) {
		sp_milter_answer(m, SP_MILTER_TEMPFAIL, out);
		return;
	}
	assert(line.n < sizeof(text));
	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	put(m, out, SP_MILTER_REPLY, sp_view_mem(text, line.n + 1));
}

/* ---- life ----------------------------------------------------------- */

static void
drop_held(struct sp_milter *m)
{
	sp_memory_put(m->env->memory, m->held, m->held_cap);
	m->held = NULL;
	m->held_n = m->held_cap = 0;
}

void
sp_milter_reset(struct sp_milter *m)
{
	if (m->phase > SP_MILTER_READY && m->phase < SP_MILTER_CLOSED)
		m->phase = SP_MILTER_READY;
	sp_arena_reset(&m->arena);
	sp_store_reset(&m->store);
	m->macros = (struct sp_milter_macros){ NULL, 0, 0, 0 };
	m->rcpt_mailer = m->rcpt_host = m->rcpt_addr =
	    (struct sp_view){ NULL, 0 };
	m->from = (struct sp_view){ NULL, 0 };
	m->from_params = NULL;
	m->to = m->refused = NULL;
	m->nfrom_params = m->nto = m->nrefused = 0;
	m->to_cap = m->refused_cap = 0;
	m->envelope = 0;
	m->declared = m->wire = 0;
	m->verdict = SP_REPLY_NONE;
}

static void
shut(struct sp_milter *m)
{
	sp_milter_reset(m);
	m->phase = SP_MILTER_CLOSED;
}

void
sp_milter_broken(struct sp_milter *m, const char *why)
{
	struct sp_session_info i;

	if (m->phase == SP_MILTER_CLOSED)
		return;
	sp_milter_info(m, &i);
	if (m->env->broken != NULL)
		m->env->broken(m->env->ctx, &i, why);
	shut(m);
}

void
sp_milter_rest(struct sp_milter *m)
{
	drop_held(m);
	sp_milter_reset(m);
	sp_milter_forget(m);
}

void
sp_milter_reuse(struct sp_milter *m, const struct sp_session_env *env,
    const struct sp_session_peer *peer)
{
	assert(env->memory == m->arena.memory);
	sp_milter_rest(m);
	m->env = env;
	m->phase = SP_MILTER_START;
	m->draining = m->quit = false;
	m->packets = m->transaction = 0;
	m->head_n = 0;
	m->version = m->steps = 0;
	(void)snprintf(m->peer, sizeof(m->peer), "%s",
	    peer->peer == NULL ? "" : peer->peer);
	(void)snprintf(m->local, sizeof(m->local), "%s",
	    peer->local == NULL ? "" : peer->local);
	(void)snprintf(m->id, sizeof(m->id), "%s", peer->id);
	m->connected = peer->connected;
}

struct sp_milter *
sp_milter_new(
    const struct sp_session_env *env, const struct sp_session_peer *peer)
{
	struct sp_milter *m = sp_xcalloc(1, sizeof(*m));

	m->env = env;
	sp_arena_init(&m->arena, env->memory);
	sp_arena_init(&m->client_arena, env->memory);
	sp_store_init(&m->store, env->memory);
	sp_buf_init(&m->source, SP_RECORD_MAX);
	sp_milter_reuse(m, env, peer);
	return (m);
}

void
sp_milter_free(struct sp_milter *m)
{
	if (m == NULL)
		return;
	sp_milter_rest(m);
	sp_store_done(&m->store);
	sp_buf_done(&m->source);
	free(m);
}

void
sp_milter_end(struct sp_milter *m, enum sp_reply r)
{
	assert(m->phase != SP_MILTER_COMMITTING);
	if (m->phase == SP_MILTER_CLOSED)
		return;
	report(m, sp_view_trim(sp_reply_text(r)));
	shut(m);
}

void
sp_milter_drain(struct sp_milter *m)
{
	m->draining = true;
	if (sp_milter_state(m) == SP_SESSION_COMMAND)
		sp_milter_end(m, SP_REPLY_CLOSING);
}

enum sp_session_state
sp_milter_state(const struct sp_milter *m)
{
	switch (m->phase) {
	case SP_MILTER_START:
	case SP_MILTER_READY:
	case SP_MILTER_ENVELOPE:
		return (SP_SESSION_COMMAND);
	case SP_MILTER_HEADERS:
	case SP_MILTER_CONTENT:
		return (SP_SESSION_DATA);
	case SP_MILTER_COMMITTING:
		return (SP_SESSION_COMMIT);
	case SP_MILTER_CLOSED:
		break;
	}
	return (SP_SESSION_CLOSING);
}

bool
sp_milter_quit(const struct sp_milter *m)
{
	return (m->quit);
}

uint64_t
sp_milter_packets(const struct sp_milter *m)
{
	return (m->packets);
}

void
sp_milter_progress(struct sp_milter *m, struct sp_buf *out)
{
	assert(m->phase == SP_MILTER_COMMITTING);
	sp_milter_answer(m, SP_MILTER_PROGRESS, out);
}

void
sp_milter_info(const struct sp_milter *m, struct sp_session_info *out)
{
	*out = (struct sp_session_info){
		.listener = m->env->cfg->name,
		.peer = m->peer,
		.client = m->peer,
		.id = m->id,
		.helo = { m->helo, m->helo_n },
		.from = m->from,
		.recipients = m->nto,
		.size = m->store.size,
		.mail_at = m->mail_at,
		.transaction = m->transaction,
	};
}

/* ---- packets -------------------------------------------------------- */

static void
negotiate(struct sp_milter *m, struct sp_view data, struct sp_buf *out)
{
	struct sp_milter_options o;
	char reply[12] = { 0 };

	if (!sp_milter_options_parse(data, &o) || o.version < VERSION_MIN) {
		sp_milter_broken(m, "options of no version that we know");
		return;
	}
	m->version = o.version < VERSION_MAX ? o.version : VERSION_MAX;
	m->steps = o.steps & WANTED;
	reply[3] = (char)m->version;
	for (size_t i = 0; i < 4; i++)
		reply[8 + i] = (char)(m->steps >> (24 - 8 * i) & 0xff);
	m->phase = SP_MILTER_READY;
	put(m, out, SP_MILTER_OPTNEG, sp_view_mem(reply, sizeof(reply)));
}

/* The bit by which the MTA agreed to hear nothing; 0: none has ever one. */
static uint32_t
quiet(char command)
{
	switch ((enum sp_milter_command)command) {
	case SP_MILTER_CONNECT:
		return (SP_MILTER_QUIET_CONNECT);
	case SP_MILTER_HELO:
		return (SP_MILTER_QUIET_HELO);
	case SP_MILTER_DATA:
		return (SP_MILTER_QUIET_DATA);
	case SP_MILTER_UNKNOWN:
		return (SP_MILTER_QUIET_UNKNOWN);
	case SP_MILTER_HEADER:
		return (SP_MILTER_QUIET_HEADER);
	case SP_MILTER_EOH:
		return (SP_MILTER_QUIET_EOH);
	case SP_MILTER_BODY:
		return (SP_MILTER_QUIET_BODY);
	case SP_MILTER_ABORT:
	case SP_MILTER_MACRO:
	case SP_MILTER_EOB:
	case SP_MILTER_QUIT_NC:
	case SP_MILTER_MAIL:
	case SP_MILTER_OPTNEG:
	case SP_MILTER_QUIT:
	case SP_MILTER_RCPT:
		break;
	}
	return (0);
}

/* Nothing to say but "go on", and that only where it is awaited. */
static void
go_on(struct sp_milter *m, struct sp_buf *out)
{
	if (m->phase != SP_MILTER_CLOSED && (m->steps & quiet(m->command)) == 0)
		sp_milter_answer(m, SP_MILTER_CONTINUE, out);
}

static void
abandon(struct sp_milter *m)
{
	sp_milter_reset(m);
	if (m->draining)
		shut(m);
}

/* A packet whose data was held; those of the content are not. */
static void
whole(struct sp_milter *m, struct sp_view data, struct sp_buf *out)
{
	switch ((enum sp_milter_command)m->command) {
	case SP_MILTER_OPTNEG:
		negotiate(m, data, out);
		break;
	case SP_MILTER_MACRO:
		sp_milter_macro(m, data);
		break;
	case SP_MILTER_CONNECT:
		sp_milter_connect(m, data);
		go_on(m, out);
		break;
	case SP_MILTER_HELO:
		sp_milter_helo(m, data);
		go_on(m, out);
		break;
	case SP_MILTER_MAIL:
		sp_milter_mail(m, data, out);
		break;
	case SP_MILTER_RCPT:
		sp_milter_rcpt(m, data, out);
		break;
	case SP_MILTER_DATA:
	case SP_MILTER_UNKNOWN:
		go_on(m, out);
		break;
	case SP_MILTER_ABORT:
		abandon(m);
		break;
	case SP_MILTER_QUIT:
		m->quit = true;
		shut(m);
		break;
	case SP_MILTER_QUIT_NC:
		abandon(m);
		sp_milter_forget(m);
		break;
	case SP_MILTER_EOH:
		sp_milter_eoh(m);
		go_on(m, out);
		break;
	case SP_MILTER_HEADER:
	case SP_MILTER_BODY:
	case SP_MILTER_EOB:
		break;
	}
}

/* Of a packet whose data is not held: take what there is. */
static void
piece(struct sp_milter *m, char *p, size_t n, struct sp_buf *out)
{
	bool last = m->left == 0;

	if (m->phase == SP_MILTER_CLOSED)
		return;
	m->wire += n;
	if (m->command == SP_MILTER_HEADER) {
		sp_milter_take_header(m, p, n);
		if (last)
			sp_milter_end_header(m);
	} else
		sp_milter_take_body(m, p, n);
	if (!last || m->phase == SP_MILTER_CLOSED)
		return;
	if (m->command == SP_MILTER_EOB)
		sp_milter_eob(m, out);
	else
		go_on(m, out);
}

static bool
is_content(char command)
{
	return (command == SP_MILTER_HEADER || command == SP_MILTER_BODY ||
		command == SP_MILTER_EOB);
}

/* All of a packet's length and command is here. */
static void
begin(struct sp_milter *m)
{
	uint32_t n = sp_milter_u32(m->head), max;

	m->command = m->head[4];
	if (n == 0 || !sp_milter_known(m->command, &max))
		sp_milter_broken(m, "not a packet of the milter protocol");
	else if (n - 1 > max)
		sp_milter_broken(m, "a packet larger than we take");
	else if ((m->phase == SP_MILTER_START) !=
		 (m->command == SP_MILTER_OPTNEG))
		sp_milter_broken(m, "options not at the start, or twice");
	else if (m->phase < SP_MILTER_ENVELOPE &&
		 (is_content(m->command) || m->command == SP_MILTER_EOH ||
		     m->command == SP_MILTER_RCPT))
		sp_milter_broken(m, "a message without MAIL");
	if (m->phase == SP_MILTER_CLOSED)
		return;
	m->left = n - 1;
	if (m->command == SP_MILTER_HEADER)
		sp_milter_begin_header(m);
	else if (is_content(m->command))
		sp_milter_begin_body(m);
	if (is_content(m->command))
		m->wire += SP_MILTER_HEAD;
}

/* ---- input ---------------------------------------------------------- */

static void
finished(struct sp_milter *m)
{
	drop_held(m);
	m->head_n = 0;
	m->packets++;
}

/* Keep the start of a packet until the rest comes. */
static bool
keep(struct sp_milter *m, const char *p, size_t n)
{
	if (m->held == NULL) {
		m->held =
		    sp_memory_get(m->env->memory, n + m->left, &m->held_cap);
		if (m->held == NULL) {
			sp_milter_end(m, SP_REPLY_MEMORY);
			return (false);
		}
	}
	memcpy(m->held + m->held_n, p, n);
	m->held_n += n;
	return (true);
}

static size_t
take_data(struct sp_milter *m, char *p, size_t n, struct sp_buf *out)
{
	size_t take = m->left < n ? m->left : n;

	m->left -= (uint32_t)take;
	if (is_content(m->command)) {
		piece(m, p, take, out);
		if (m->left == 0)
			finished(m);
		return (take);
	}
	if (m->left == 0 && m->held == NULL) {
		whole(m, sp_view_mem(p, take), out);
		finished(m);
	} else if ((take == 0 || keep(m, p, take)) && m->left == 0) {
		whole(m, sp_view_mem(m->held, m->held_n), out);
		finished(m);
	}
	return (take);
}

static size_t
take_head(struct sp_milter *m, char *p, size_t n, struct sp_buf *out)
{
	size_t want = SP_MILTER_HEAD - m->head_n, take = n < want ? n : want;

	memcpy(m->head + m->head_n, p, take);
	m->head_n += take;
	if (m->head_n < SP_MILTER_HEAD)
		return (take);
	begin(m);
	/* Without data it is whole now: no more bytes need come. */
	if (m->phase != SP_MILTER_CLOSED && m->left == 0)
		(void)take_data(m, p + take, 0, out);
	return (take);
}

size_t
sp_milter_input(struct sp_milter *m, char *p, size_t n, struct sp_buf *out)
{
	size_t i = 0;

	while (i < n && m->phase < SP_MILTER_COMMITTING &&
	       out->n <= SP_SESSION_OUT_HIGH) {
		if (m->head_n == SP_MILTER_HEAD)
			i += take_data(m, p + i, n - i, out);
		else
			i += take_head(m, p + i, n - i, out);
	}
	return (i);
}
