/* The session's life, its input loop and the command table. */
#include "journal/smtp/session.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/smtp/session_priv.h"

bool
sp_session_lmtp(const struct sp_session *s)
{
	return (s->env->door || s->env->cfg->protocol == SP_PROTO_LMTP);
}

/* ---- replies -------------------------------------------------------- */

static void
put(struct sp_session *s, struct sp_buf *out, struct sp_view v)
{
	/* Input stops far below the limit; beyond it the peer is lost. */
	if (sp_buf_addv(out, v) != SP_OK)
		s->mode = SP_MODE_CLOSED;
}

/* Count an error reply and tell the owner. */
static void
note(struct sp_session *s, struct sp_view line)
{
	char class = line.n > 0 ? line.p[0] : '2';
	struct sp_session_info i;

	if (class != '4' && class != '5')
		return;
	if (class == '5')
		s->errors++;
	if (s->env->refused == NULL)
		return;
	sp_session_info(s, &i);
	s->env->refused(s->env->ctx, &i, sp_view_trim(line));
}

void
sp_session_fault(struct sp_session *s, const struct sp_err *err)
{
	struct sp_session_info i;

	if (s->env->fault == NULL)
		return;
	sp_session_info(s, &i);
	s->env->fault(s->env->ctx, &i, err);
}

void
sp_session_reply(struct sp_session *s, enum sp_reply r, struct sp_buf *out)
{
	struct sp_view line = sp_reply_text(r);

	put(s, out, line);
	note(s, line);
}

void
sp_session_reply_all(struct sp_session *s, enum sp_reply r, struct sp_buf *out)
{
	sp_session_reply(s, r, out);
	for (size_t i = 1; sp_session_lmtp(s) && i < s->nto; i++)
		put(s, out, sp_reply_text(r));
}

void
sp_session_say(struct sp_session *s, struct sp_buf *out, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text) - 2, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	if ((size_t)n > sizeof(text) - 3)
		n = sizeof(text) - 3;
	memcpy(text + n, "\r\n", 2);
	put(s, out, sp_view_mem(text, (size_t)n + 2));
	note(s, sp_view_mem(text, (size_t)n));
}

void
sp_session_challenge(struct sp_session *s, const char *text, struct sp_buf *out)
{
	put(s, out, SP_VIEW_LIT("334 "));
	put(s, out, sp_view_str(text));
	put(s, out, SP_VIEW_LIT("\r\n"));
}

void
sp_session_close(struct sp_session *s, enum sp_reply r, struct sp_buf *out)
{
	sp_session_reply(s, r, out);
	sp_session_reset(s);
	s->mode = SP_MODE_CLOSED;
}

/* ---- life ----------------------------------------------------------- */

static void
drop_line(struct sp_session *s)
{
	if (s->line != NULL && s->env->users != NULL)
		OPENSSL_cleanse(s->line, s->line_n);
	sp_memory_put(s->env->memory, s->line, s->line_cap);
	s->line = NULL;
	s->line_n = s->line_cap = 0;
	s->line_bad = SP_REPLY_NONE;
}

void
sp_session_reset(struct sp_session *s)
{
	if (s->phase > SP_PHASE_READY)
		s->phase = SP_PHASE_READY;
	sp_arena_reset(&s->arena);
	sp_store_reset(&s->store);
	sp_provenance_done(&s->prov);
	free(s->event_detail);
	s->event_detail = NULL;
	s->from = (struct sp_view){ NULL, 0 };
	s->from_params = NULL;
	s->to = s->refused = NULL;
	s->nfrom_params = s->nto = s->nrefused = 0;
	s->to_cap = s->refused_cap = 0;
	s->rcpt_tried = s->declared = s->wire = 0;
	s->envelope = 0;
	s->body = SP_BODY_NONE;
	s->smtputf8 = s->started = false;
	s->verdict = s->chunk_bad = SP_REPLY_NONE;
}

static void
take_peer(struct sp_session *s, const struct sp_session_peer *peer)
{
	(void)snprintf(s->peer, sizeof(s->peer), "%s",
	    peer->peer == NULL ? "" : peer->peer);
	(void)snprintf(s->local, sizeof(s->local), "%s",
	    peer->local == NULL ? "" : peer->local);
	(void)snprintf(s->id, sizeof(s->id), "%s", peer->id);
	(void)snprintf(s->actor, sizeof(s->actor), "%s",
	    peer->actor == NULL ? "" : peer->actor);
	s->connected = peer->connected;
	s->proxy_src[0] = s->proxy_dst[0] = '\0';
	s->rights = peer->rights;
	s->may_xforward = s->may_xclient = false;
}

void
sp_session_proxied(struct sp_session *s, const char *src, const char *dst)
{
	(void)snprintf(s->proxy_src, sizeof(s->proxy_src), "%s", src);
	(void)snprintf(s->proxy_dst, sizeof(s->proxy_dst), "%s", dst);
}

void
sp_session_rest(struct sp_session *s)
{
	drop_line(s);
	sp_session_reset(s);
	sp_session_tls_off(s);
	sp_session_auth_off(s);
	sp_session_claims_off(s);
}

void
sp_session_reuse(struct sp_session *s, const struct sp_session_env *env,
    const struct sp_session_peer *peer)
{
	assert(env->memory == s->arena.memory);
	sp_session_rest(s);
	s->env = env;
	s->phase = SP_PHASE_GREETED;
	s->mode = SP_MODE_COMMAND;
	s->extended = s->draining = s->quit = s->more = false;
	s->commands = s->errors = s->junk = 0;
	s->helo_n = 0;
	s->transaction = 0;
	take_peer(s, peer);
}

struct sp_session *
sp_session_new(
    const struct sp_session_env *env, const struct sp_session_peer *peer)
{
	struct sp_session *s = sp_xcalloc(1, sizeof(*s));

	s->env = env;
	sp_arena_init(&s->arena, env->memory);
	sp_store_init(&s->store, env->memory);
	sp_buf_init(&s->source, SP_RECORD_MAX);
	sp_session_reuse(s, env, peer);
	return (s);
}

void
sp_session_free(struct sp_session *s)
{
	if (s == NULL)
		return;
	sp_session_rest(s);
	sp_store_done(&s->store);
	sp_buf_done(&s->source);
	free(s);
}

void
sp_session_greet(struct sp_session *s, struct sp_buf *out)
{
	sp_session_say(s, out, "220 %s %s Sealpost%s", s->env->cfg->hostname,
	    sp_session_lmtp(s) ? "LMTP" : "ESMTP", s->env->door ? " door" : "");
}

void
sp_session_end(struct sp_session *s, enum sp_reply r, struct sp_buf *out)
{
	assert(s->mode != SP_MODE_COMMIT && s->mode != SP_MODE_CHECK);
	if (s->mode != SP_MODE_CLOSED)
		sp_session_close(s, r, out);
}

void
sp_session_drain(struct sp_session *s, struct sp_buf *out)
{
	s->draining = true;
	if ((s->mode == SP_MODE_COMMAND && s->phase != SP_PHASE_BDAT) ||
	    s->mode == SP_MODE_AUTH)
		sp_session_close(s, SP_REPLY_CLOSING, out);
}

enum sp_session_state
sp_session_state(const struct sp_session *s)
{
	switch (s->mode) {
	case SP_MODE_COMMAND:
	case SP_MODE_AUTH:
		return (SP_SESSION_COMMAND);
	case SP_MODE_CHECK:
		return (SP_SESSION_CHECK);
	case SP_MODE_DATA:
	case SP_MODE_CHUNK:
		return (SP_SESSION_DATA);
	case SP_MODE_COMMIT:
		return (SP_SESSION_COMMIT);
	case SP_MODE_TLS:
		return (SP_SESSION_TLS);
	case SP_MODE_CLOSED:
		break;
	}
	return (SP_SESSION_CLOSING);
}

bool
sp_session_quit(const struct sp_session *s)
{
	return (s->quit);
}

uint64_t
sp_session_commands(const struct sp_session *s)
{
	return (s->commands);
}

/* ---- commands ------------------------------------------------------- */

static void
rset(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	if (arg.n > 0) {
		sp_session_reply(s, SP_REPLY_ARGUMENT, out);
		return;
	}
	sp_session_reset(s);
	sp_claim_clear(&s->xforward);
	sp_session_reply(s, SP_REPLY_OK, out);
}

static void
quit(struct sp_session *s, struct sp_buf *out)
{
	s->quit = true;
	sp_session_close(s, SP_REPLY_BYE, out);
}

/* Whether bytes behind this command show a peer that does not wait where it
 * must (RFC 2920 section 3.1); a peer without EHLO was offered no pipelining. */
static bool
too_early(const struct sp_session *s, enum sp_verb verb)
{
	if (!s->more || s->env->door || verb == SP_VERB_QUIT ||
	    verb == SP_VERB_BDAT)
		return (false);
	if (verb == SP_VERB_EHLO || verb == SP_VERB_HELO ||
	    verb == SP_VERB_LHLO || verb == SP_VERB_DATA ||
	    verb == SP_VERB_AUTH || verb == SP_VERB_STARTTLS)
		return (true);
	return (!s->extended && s->phase != SP_PHASE_GREETED);
}

static void
dispatch(struct sp_session *s, const struct sp_command *c, struct sp_buf *out)
{
	switch (c->verb) {
	case SP_VERB_EHLO:
	case SP_VERB_HELO:
	case SP_VERB_LHLO:
		sp_session_helo(s, c->verb, c->arg, out);
		break;
	case SP_VERB_MAIL:
		sp_session_mail(s, c->arg, out);
		break;
	case SP_VERB_RCPT:
		sp_session_rcpt(s, c->arg, out);
		break;
	case SP_VERB_DATA:
		sp_session_data(s, c->arg, out);
		break;
	case SP_VERB_BDAT:
		sp_session_bdat(s, c->arg, out);
		break;
	case SP_VERB_RSET:
		s->junk++;
		rset(s, c->arg, out);
		break;
	case SP_VERB_NOOP:
		s->junk++;
		sp_session_reply(s, SP_REPLY_OK, out);
		break;
	case SP_VERB_QUIT:
		quit(s, out);
		break;
	case SP_VERB_VRFY:
		s->junk++;
		sp_session_reply(s, SP_REPLY_VRFY, out);
		break;
	case SP_VERB_HELP:
		s->junk++;
		sp_session_reply(s, SP_REPLY_HELP, out);
		break;
	case SP_VERB_AUTH:
		sp_session_auth(s, c->arg, out);
		break;
	case SP_VERB_STARTTLS:
		sp_session_starttls(s, c->arg, out);
		break;
	case SP_VERB_XFORWARD:
		sp_session_xforward(s, c->arg, out);
		break;
	case SP_VERB_XCLIENT:
		sp_session_xclient(s, c->arg, out);
		break;
	case SP_VERB_XSEALPOST:
		sp_session_xsealpost(s, c->arg, out);
		break;
	case SP_VERB_KNOWN:
		sp_session_reply(s, SP_REPLY_NOT_OFFERED, out);
		break;
	case SP_VERB_HTTP:
		sp_session_close(s, SP_REPLY_HTTP, out);
		break;
	case SP_VERB_UNKNOWN:
		sp_session_reply(s, SP_REPLY_UNKNOWN, out);
		break;
	}
}

void
sp_session_count_errors(struct sp_session *s, struct sp_buf *out)
{
	if (s->errors > s->env->cfg->max_errors ||
	    s->junk > s->env->cfg->max_junk)
		sp_session_close(s, SP_REPLY_ERRORS, out);
}

static void
command(struct sp_session *s, struct sp_view line, struct sp_buf *out)
{
	struct sp_command c;

	sp_command_parse(line, &c);
	if (too_early(s, c.verb)) {
		sp_session_close(s, SP_REPLY_EARLY, out);
		return;
	}
	if (s->draining && c.verb != SP_VERB_QUIT &&
	    !(s->phase == SP_PHASE_BDAT && c.verb == SP_VERB_BDAT)) {
		sp_session_close(s, SP_REPLY_CLOSING, out);
		return;
	}
	if (!sp_session_tls_lacks(s, c.verb, out))
		dispatch(s, &c, out);
	if (s->mode == SP_MODE_COMMAND)
		sp_session_count_errors(s, out);
}

/* ---- lines ---------------------------------------------------------- */

/* A whole line, its LF taken off. */
static void
line_done(struct sp_session *s, struct sp_view line, struct sp_buf *out)
{
	enum sp_reply bad = s->line_bad;

	s->commands++;
	if (bad == SP_REPLY_NONE) {
		if (line.n == 0 || line.p[line.n - 1] != '\r')
			bad = SP_REPLY_BARE_LF_LINE;
		else if (memchr(line.p, '\r', --line.n) != NULL)
			bad = SP_REPLY_CR_LINE;
		else if (memchr(line.p, '\0', line.n) != NULL)
			bad = SP_REPLY_NUL_LINE;
	}
	if (s->mode == SP_MODE_AUTH)
		sp_session_auth_line(s, bad, line, out);
	else if (bad == SP_REPLY_NONE)
		command(s, line, out);
	else {
		sp_session_reply(s, bad, out);
		sp_session_count_errors(s, out);
	}
}

/* An AUTH command with its first response may be as long as RFC 4954 says. */
static size_t
line_max(const struct sp_session *s)
{
	size_t max = (size_t)s->env->cfg->max_line;

	if (s->mode == SP_MODE_AUTH)
		return (SP_AUTH_LINE);
	return (
	    s->env->users != NULL && max < SP_AUTH_LINE ? SP_AUTH_LINE : max);
}

/* Whether a password may stand in it. */
static bool
is_secret(const struct sp_session *s, struct sp_view line)
{
	return (s->mode == SP_MODE_AUTH ||
		(s->env->users != NULL && sp_view_istarts(line, "AUTH")));
}

/* Keep the start of a line until the rest comes. */
static void
keep_line(struct sp_session *s, const char *p, size_t n)
{
	struct sp_memory *m = s->env->memory;
	size_t cap;
	char *q;

	if (s->line_bad != SP_REPLY_NONE)
		return;
	if (s->line_n + n > line_max(s)) {
		drop_line(s);
		s->line_bad = SP_REPLY_LINE_LONG;
		return;
	}
	if (s->line == NULL || s->line_n + n > s->line_cap) {
		q = sp_memory_get(m, s->line_n + n, &cap);
		if (q == NULL) {
			drop_line(s);
			s->line_bad = SP_REPLY_MEMORY;
			return;
		}
		if (s->line_n > 0)
			memcpy(q, s->line, s->line_n);
		if (s->line != NULL && s->env->users != NULL)
			OPENSSL_cleanse(s->line, s->line_n);
		sp_memory_put(m, s->line, s->line_cap);
		s->line = q;
		s->line_cap = cap;
	}
	memcpy(s->line + s->line_n, p, n);
	s->line_n += n;
}

static size_t
take_whole_line(struct sp_session *s, char *p, size_t n, struct sp_buf *out)
{
	const char *lf = memchr(p, '\n', n);
	size_t used = lf == NULL ? n : (size_t)(lf - p) + 1;

	if (lf == NULL) {
		keep_line(s, p, n);
		return (n);
	}
	s->more = used < n;
	if (s->line == NULL && s->line_bad == SP_REPLY_NONE) {
		if (used > line_max(s))
			s->line_bad = SP_REPLY_LINE_LONG;
		line_done(s, sp_view_mem(p, used - 1), out);
	} else {
		keep_line(s, p, used);
		line_done(s,
		    sp_view_mem(s->line, s->line_n == 0 ? 0 : s->line_n - 1),
		    out);
	}
	drop_line(s);
	return (used);
}

/* What a secret came in is wiped, whether it was whole or not. */
static size_t
take_line(struct sp_session *s, char *p, size_t n, struct sp_buf *out)
{
	bool secret =
	    is_secret(s, s->line == NULL ? sp_view_mem(p, n)
					 : sp_view_mem(s->line, s->line_n));
	size_t used = take_whole_line(s, p, n, out);

	if (secret)
		OPENSSL_cleanse(p, used);
	return (used);
}

size_t
sp_session_input(struct sp_session *s, char *p, size_t n, struct sp_buf *out)
{
	size_t i = 0;

	while (i < n && out->n <= SP_SESSION_OUT_HIGH) {
		if (s->mode == SP_MODE_COMMAND || s->mode == SP_MODE_AUTH)
			i += take_line(s, p + i, n - i, out);
		else if (s->mode == SP_MODE_DATA)
			i += sp_session_take_data(s, p + i, n - i, out);
		else if (s->mode == SP_MODE_CHUNK)
			i += sp_session_take_chunk(s, p + i, n - i, out);
		else
			break;
	}
	return (i);
}

void
sp_session_info(const struct sp_session *s, struct sp_session_info *out)
{
	*out = (struct sp_session_info){
		.listener = s->env->cfg->name,
		.peer = s->peer,
		.client = s->proxy_src[0] == '\0' ? s->peer : s->proxy_src,
		.id = s->id,
		.helo = { s->helo, s->helo_n },
		.from = s->from,
		.recipients = s->nto,
		.size = s->store.size,
		.mail_at = s->mail_at,
		.event = s->event_detail != NULL ? s->event_name : NULL,
		.transaction = s->transaction,
		.auth = s->auth_name,
		.xclient_addr = sp_claim_get(&s->xclient, SP_CLAIM_ADDR),
		.xforward_addr = sp_claim_get(&s->xforward, SP_CLAIM_ADDR),
		.xforward_ident = sp_claim_get(&s->xforward, SP_CLAIM_IDENT),
	};
}
