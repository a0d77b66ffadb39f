/*
 * The life of an SMTP or LMTP session and its input: bytes are cut into lines,
 * lines into commands, and each command goes to the function that answers it.
 * Message data goes to session_data.c as it comes.  The states are drawn in
 * session.h, the phases and the other files of the session in session_priv.h.
 *
 * An input line that came whole is parsed where it lies in the caller's buffer;
 * only a line that came in pieces is copied, into memory of the budget.
 */
#include "journal/smtp/session.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "journal/smtp/session_priv.h"

/* ---- life ----------------------------------------------------------- */

/* Give back the copy of a line.  Where users may log in it is wiped first,
 * since it may hold a password. */
static void
drop_line(struct sp_session *s)
{
	if (s->line.p != NULL && s->env->users != NULL)
		OPENSSL_cleanse(s->line.p, s->line.n);
	sp_memory_put(s->memory, s->line.p, s->line.cap);
	s->line.p = NULL;
	s->line.n = s->line.cap = 0;
	s->line.refusal = SP_REPLY_NONE;
}

static void
copy_peer(struct sp_session *s, const struct sp_session_peer *peer)
{
	(void)snprintf(s->link.peer, sizeof(s->link.peer), "%s",
	    peer->peer == NULL ? "" : peer->peer);
	(void)snprintf(s->link.local, sizeof(s->link.local), "%s",
	    peer->local == NULL ? "" : peer->local);
	(void)snprintf(s->link.id, sizeof(s->link.id), "%s", peer->id);
	(void)snprintf(s->door.actor, sizeof(s->door.actor), "%s",
	    peer->actor == NULL ? "" : peer->actor);
	s->link.connected = peer->connected;
	s->link.proxy_src[0] = s->link.proxy_dst[0] = '\0';
	s->door.rights = peer->rights;
	s->door.uid = peer->uid;
	s->claims.may_xforward = s->claims.may_xclient = false;
}

void
sp_session_proxied(struct sp_session *s, const char *src, const char *dst)
{
	(void)snprintf(s->link.proxy_src, sizeof(s->link.proxy_src), "%s", src);
	(void)snprintf(s->link.proxy_dst, sizeof(s->link.proxy_dst), "%s", dst);
}

/* Nothing is held yet, so that everything goes back to where it came from. */
void
sp_session_charge_to(struct sp_session *s, struct sp_memory *memory)
{
	s->memory = memory;
	s->mail.arena.memory = memory;
	s->message.store.memory = memory;
}

void
sp_session_release(struct sp_session *s)
{
	drop_line(s);
	sp_session_reset(s);
	sp_session_tls_forget(s);
	sp_session_auth_forget(s);
	sp_session_claims_forget(s);
	sp_session_charge_to(s, s->env->memory);
}

void
sp_session_reuse(struct sp_session *s, const struct sp_session_env *env,
    const struct sp_session_peer *peer)
{
	sp_session_release(s);
	s->env = env;
	sp_session_charge_to(s, env->memory);
	s->phase = SP_PHASE_GREETED;
	s->mode = SP_MODE_COMMAND;
	s->client.extended = s->draining = s->quit = s->pipelined = false;
	s->count.commands = s->count.errors = s->count.junk = 0;
	s->client.name_n = 0;
	s->count.transactions = 0;
	copy_peer(s, peer);
}

struct sp_session *
sp_session_new(
    const struct sp_session_env *env, const struct sp_session_peer *peer)
{
	struct sp_session *s = sp_xcalloc(1, sizeof(*s));

	s->env = env;
	s->memory = env->memory;
	sp_arena_init(&s->mail.arena, env->memory);
	sp_store_init(&s->message.store, env->memory);
	sp_buf_init(&s->entry.source, SP_RECORD_MAX);
	sp_session_reuse(s, env, peer);
	return (s);
}

void
sp_session_free(struct sp_session *s)
{
	if (s == NULL)
		return;
	sp_session_release(s);
	sp_store_done(&s->message.store);
	sp_buf_done(&s->entry.source);
	free(s);
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
	return (s->count.commands);
}

/* ---- commands ------------------------------------------------------- */

/* RSET (RFC 5321 section 4.1.1.5). */
static void
rset(struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	if (arg.n > 0) {
		sp_session_reply(s, SP_REPLY_ARGUMENT, out);
		return;
	}
	sp_session_reset(s);
	sp_claim_clear(&s->claims.xforward);
	sp_session_reply(s, SP_REPLY_OK, out);
}

/* QUIT (RFC 5321 section 4.1.1.10). */
static void
quit(struct sp_session *s, struct sp_buf *out)
{
	s->quit = true;
	sp_session_close(s, SP_REPLY_BYE, out);
}

/* Whether bytes behind this command show a peer that does not wait where it
 * must (RFC 2920 section 3.1): a smuggler, or a program that does not read
 * replies.  A peer without EHLO was offered no pipelining. */
static bool
breaks_pipelining(const struct sp_session *s, enum sp_verb verb)
{
	if (!s->pipelined || s->env->door || verb == SP_VERB_QUIT ||
	    verb == SP_VERB_BDAT)
		return (false);
	if (verb == SP_VERB_EHLO || verb == SP_VERB_HELO ||
	    verb == SP_VERB_LHLO || verb == SP_VERB_DATA ||
	    verb == SP_VERB_AUTH || verb == SP_VERB_STARTTLS)
		return (true);
	return (!s->client.extended && s->phase != SP_PHASE_GREETED);
}

/* The command table.  Commands that do nothing for mail are counted as junk. */
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
		s->count.junk++;
		rset(s, c->arg, out);
		break;
	case SP_VERB_NOOP:
		s->count.junk++;
		sp_session_reply(s, SP_REPLY_OK, out);
		break;
	case SP_VERB_QUIT:
		quit(s, out);
		break;
	case SP_VERB_VRFY:
		s->count.junk++;
		sp_session_reply(s, SP_REPLY_VRFY, out);
		break;
	case SP_VERB_HELP:
		s->count.junk++;
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

/* Answer one command line, unless it breaks pipelining, the service stops, or
 * the listener demands more encryption first. */
static void
run_command(struct sp_session *s, struct sp_view line, struct sp_buf *out)
{
	struct sp_command c;

	sp_command_parse(line, &c);
	if (breaks_pipelining(s, c.verb)) {
		sp_session_close(s, SP_REPLY_TOO_EARLY, out);
		return;
	}
	if (s->draining && c.verb != SP_VERB_QUIT &&
	    !(s->phase == SP_PHASE_BDAT && c.verb == SP_VERB_BDAT)) {
		sp_session_close(s, SP_REPLY_CLOSING, out);
		return;
	}
	if (!sp_session_tls_refuse(s, c.verb, out))
		dispatch(s, &c, out);
	if (s->mode == SP_MODE_COMMAND)
		sp_session_count_errors(s, out);
}

/* ---- lines ---------------------------------------------------------- */

/* Answer a whole line, whose LF was taken off: a command, or a response of
 * AUTH.  CR LF must end it, and neither CR nor NUL may stand in it. */
static void
handle_line(struct sp_session *s, struct sp_view line, struct sp_buf *out)
{
	enum sp_reply bad = s->line.refusal;

	s->count.commands++;
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
		run_command(s, line, out);
	else {
		sp_session_reply(s, bad, out);
		sp_session_count_errors(s, out);
	}
}

/* The longest line that is read now, with its CR LF.  An AUTH command with its
 * first response may be as long as RFC 4954 section 4 says. */
static size_t
line_max(const struct sp_session *s)
{
	size_t max = (size_t)s->env->cfg->max_line;

	if (s->mode == SP_MODE_AUTH)
		return (SP_AUTH_LINE);
	return (
	    s->env->users != NULL && max < SP_AUTH_LINE ? SP_AUTH_LINE : max);
}

/* Whether a password may stand in the line that the ${n} bytes at ${p} belong
 * to, which may have begun before: in pieces, cut anywhere, or refused since.
 * What may still become AUTH counts. */
static bool
is_secret(struct sp_session *s, const char *p, size_t n)
{
	struct sp_session_line *l = &s->line;

	if (s->mode == SP_MODE_AUTH)
		return (true);
	for (size_t i = 0; i < n && l->head_n < sizeof(l->head); i++)
		l->head[l->head_n++] = p[i];
	return (s->env->users != NULL &&
		strncasecmp(l->head, "AUTH", l->head_n) == 0);
}

/* Store a piece of a line until the rest comes.  A line that is too long, or
 * for which there is no memory, is dropped up to its end and then refused. */
static void
store_line(struct sp_session *s, const char *p, size_t n)
{
	struct sp_memory *m = s->memory;
	size_t cap;
	char *q;

	if (s->line.refusal != SP_REPLY_NONE)
		return;
	if (s->line.n + n > line_max(s)) {
		drop_line(s);
		s->line.refusal = SP_REPLY_LINE_LONG;
		return;
	}
	if (s->line.p == NULL || s->line.n + n > s->line.cap) {
		q = sp_memory_get(m, s->line.n + n, &cap);
		if (q == NULL) {
			drop_line(s);
			s->line.refusal = SP_REPLY_MEMORY;
			return;
		}
		if (s->line.n > 0)
			memcpy(q, s->line.p, s->line.n);
		if (s->line.p != NULL && s->env->users != NULL)
			OPENSSL_cleanse(s->line.p, s->line.n);
		sp_memory_put(m, s->line.p, s->line.cap);
		s->line.p = q;
		s->line.cap = cap;
	}
	memcpy(s->line.p + s->line.n, p, n);
	s->line.n += n;
}

/* Read up to the end of a line: answer the line if its end is here, else store
 * the piece.  Returns how many bytes were used. */
static size_t
consume_line(struct sp_session *s, char *p, size_t n, struct sp_buf *out)
{
	const char *lf = memchr(p, '\n', n);
	size_t used = lf == NULL ? n : (size_t)(lf - p) + 1;

	if (lf == NULL) {
		store_line(s, p, n);
		return (n);
	}
	s->pipelined = used < n;
	if (s->line.p == NULL && s->line.refusal == SP_REPLY_NONE) {
		if (used > line_max(s))
			s->line.refusal = SP_REPLY_LINE_LONG;
		handle_line(s, sp_view_mem(p, used - 1), out);
	} else {
		store_line(s, p, used);
		handle_line(s,
		    sp_view_mem(s->line.p, s->line.n == 0 ? 0 : s->line.n - 1),
		    out);
	}
	drop_line(s);
	return (used);
}

/* As consume_line(); what a secret came in is wiped, whether the line was whole
 * or not. */
static size_t
read_line(struct sp_session *s, char *p, size_t n, struct sp_buf *out)
{
	bool secret = is_secret(s, p, n);
	const bool whole = memchr(p, '\n', n) != NULL;
	size_t used = consume_line(s, p, n, out);

	if (secret)
		OPENSSL_cleanse(p, used);
	if (whole)
		s->line.head_n = 0;
	return (used);
}

/* Each round takes one line, or a run of message data. */
size_t
sp_session_input(struct sp_session *s, char *p, size_t n, struct sp_buf *out)
{
	size_t i = 0;

	while (i < n && out->n <= SP_SESSION_OUT_HIGH) {
		if (s->mode == SP_MODE_COMMAND || s->mode == SP_MODE_AUTH)
			i += read_line(s, p + i, n - i, out);
		else if (s->mode == SP_MODE_DATA)
			i += sp_session_input_data(s, p + i, n - i, out);
		else if (s->mode == SP_MODE_CHUNK)
			i += sp_session_input_chunk(s, p + i, n - i, out);
		else
			break;
	}
	return (i);
}
