/*
 * What the server tells of itself: log lines (doc/smtp.md, "The log"), numbers
 * for status, alarms, and the event "refused" of what was turned away for good.
 * Alarms go to whoever runs the server, known by their cause (struct
 * sp_receive_opts).  Sessions call most of it as their hooks (receive_listen.c).
 *
 * Lines that a peer can cause are limited to SP_LOG_RATE a second; what is left
 * out is counted and told.  The event "refused" is appended at most once a
 * second, with the number of refusals since the last one and the first of them
 * in full.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/json.h"
#include "base/sha256.h"
#include "journal/receive/connection_priv.h"

#define WORD   320 /* bytes of one quoted value */
#define CLAIMS (3 * (WORD + 16))

static void write_line(struct sp_receive *r, enum sp_log_level level,
    const char *event, const char *fmt, va_list ap) SP_PRINTF(4, 0);

static void
write_line(struct sp_receive *r, enum sp_log_level level, const char *event,
    const char *fmt, va_list ap)
{
	char text[2048];

	if (r->opts.log == NULL)
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	r->opts.log(r->opts.ctx, level, event, text);
}

/* Write a line whatever the rate. */
static void write_always(struct sp_receive *r, enum sp_log_level level,
    const char *event, const char *fmt, ...) SP_PRINTF(4, 5);

static void
write_always(struct sp_receive *r, enum sp_log_level level, const char *event,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(r, level, event, fmt, ap);
	va_end(ap);
}

/* Write a line that a peer can cause, unless there were too many in this
 * second. */
static void write_limited(struct sp_receive *r, const char *event,
    const char *fmt, ...) SP_PRINTF(3, 4);

/* That mail is put off is a warning: it may be lost if that goes on. */
static void
write_limited(struct sp_receive *r, const char *event, const char *fmt, ...)
{
	const enum sp_log_level level =
	    strcmp(event, "deferred") == 0 ? SP_LOG_WARN : SP_LOG_INFO;

	va_list ap;

	if (r->log.lines >= SP_LOG_RATE) {
		r->log.suppressed++;
		return;
	}
	r->log.lines++;
	va_start(ap, fmt);
	write_line(r, level, event, fmt, ap);
	va_end(ap);
}

/* The sender for a log line; "-" where addresses are not logged. */
static const char *
sender(const struct sp_receive *r, struct sp_view from, char out[WORD])
{
	if (!r->opts.cfg->log_addresses)
		return ("-");
	if (from.p == NULL)
		return ("-");
	if (from.n == 0)
		return ("<>");
	return (sp_log_quote(from, out, WORD));
}

/* Write " xclient=ADDR xforward=ADDR ident=ID", as far as they were claimed. */
static const char *
format_claims(const struct sp_session_info *i, char out[CLAIMS])
{
	const struct {
		const char *name;
		struct sp_view v;
	} all[] = { { "xclient", i->xclient_addr },
		{ "xforward", i->xforward_addr },
		{ "ident", i->xforward_ident } };
	char word[WORD];
	size_t n = 0;

	out[0] = '\0';
	for (size_t k = 0; k < SP_COUNTOF(all); k++) {
		if (all[k].v.n == 0)
			continue;
		(void)snprintf(out + n, CLAIMS - n, " %s=%s", all[k].name,
		    sp_log_quote(all[k].v, word, sizeof(word)));
		n += strlen(out + n);
	}
	return (out);
}

/* The line of a message has what its sender's log needs to find it: seq,
 * digest, and the time from MAIL to stored. */
void
sp_receive_log_accepted(struct sp_receive *r, const struct sp_session_info *i,
    const struct sp_append_item *item)
{
	char helo[WORD], from[WORD], hex[2 * SP_SHA256_LEN + 1];
	char claims[CLAIMS];

	if (item->event != NULL) {
		write_always(r, SP_LOG_INFO, "event",
		    "seq=%" PRIu64 " name=%s session=%s", item->seq, i->event,
		    i->id);
		return;
	}
	r->stats.accepted++;
	r->stats.accepted_bytes += item->msg.n;
	if (r->opts.log == NULL)
		return;
	sp_hex_encode(item->sha256, SP_SHA256_LEN, hex);
	write_always(r, SP_LOG_INFO, "accepted",
	    "seq=%" PRIu64
	    " session=%s listener=%s peer=%s helo=%s from=%s recipients=%zu size=%zu sha256=%s ms=%" PRId64
	    "%s%s%s",
	    item->seq, i->id, i->listener,
	    i->peer[0] == '\0' ? "local" : i->peer,
	    sp_log_quote(i->helo, helo, sizeof(helo)), sender(r, i->from, from),
	    i->recipients, item->msg.n, hex,
	    (sp_clock_wall() - i->mail_at) / 1000,
	    i->auth == NULL || i->auth[0] == '\0' ? "" : " auth=",
	    i->auth == NULL ? "" : i->auth, format_claims(i, claims));
}

/* Count a refusal for the next event; the first of them goes into it in
 * full. */
static void
remember_refusal(
    struct sp_receive *r, const struct sp_session_info *i, struct sp_view reply)
{
	struct sp_json j;

	if (r->refusals.pending++ > 0)
		return;
	sp_buf_clear(&r->refusals.first);
	sp_json_init(&j, &r->refusals.first);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "listener", i->listener);
	sp_json_cstr(&j, "peer", i->peer);
	sp_json_str(&j, "helo", i->helo);
	sp_json_cstr(&j, "session", i->id);
	if (i->from.p != NULL)
		sp_json_str(&j, "from", i->from);
	if (i->rcpt.n > 0)
		sp_json_str(&j, "to", i->rcpt);
	sp_json_str(&j, "reply", reply);
	sp_json_obj_end(&j);
	if (sp_json_end(&j) != SP_OK)
		sp_buf_clear(&r->refusals.first);
}

/* The recipient that the reply is about: that of the command, else the last
 * one that was accepted; "-" where there is none, or addresses are not
 * logged. */
static const char *
recipient(
    const struct sp_receive *r, const struct sp_session_info *i, char out[WORD])
{
	if (!r->opts.cfg->log_addresses || i->rcpt.n == 0)
		return ("-");
	return (sp_log_quote(i->rcpt, out, WORD));
}

/* Why a full disk is full: the words " cause=CAUSE", as `sealpost alarms` has
 * them, where the reply says that there is no room. */
static const char *
why_no_room(struct sp_receive *r, struct sp_view reply)
{
	static const char full[] = "452 4.3.1";
	const char *cause;

	if (reply.n < sizeof(full) - 1 ||
	    memcmp(reply.p, full, sizeof(full) - 1) != 0)
		return ("");
	cause = sp_receive_shortage(r);
	if (cause == NULL)
		return (" cause=disk_full");
	return (strcmp(cause, "inodes") == 0 ? " cause=inodes"
					     : " cause=disk_reserve");
}

/* Only refusals by listeners are entered into the log of the archive, not those
 * at the door, where peer is "". */
void
sp_receive_log_refused(
    void *ctx, const struct sp_session_info *i, struct sp_view reply)
{
	char helo[WORD], from[WORD], to[WORD], text[WORD];
	struct sp_receive *r = ctx;
	bool hard = reply.n > 0 && reply.p[0] == '5';

	if (hard)
		r->stats.refused++;
	else
		r->stats.deferred++;
	if (hard && i->peer[0] != '\0')
		remember_refusal(r, i, reply);
	write_limited(r, hard ? "refused" : "deferred",
	    "code=%.3s reason=%s%s session=%s listener=%s peer=%s helo=%s from=%s to=%s",
	    reply.p, sp_log_quote(reply, text, sizeof(text)),
	    why_no_room(r, reply), i->id, i->listener,
	    i->peer[0] == '\0' ? "local" : i->peer,
	    sp_log_quote(i->helo, helo, sizeof(helo)), sender(r, i->from, from),
	    recipient(r, i, to));
}

void
sp_receive_log_login(void *ctx, const struct sp_session_info *i,
    const char *user, const char *mechanism, bool ok)
{
	struct sp_receive *r = ctx;
	char name[WORD];

	if (!ok)
		sp_logins_failed(r->logins, i->client, uv_now(r->loop));
	write_limited(r, "login",
	    "result=%s user=%s mechanism=%s session=%s listener=%s peer=%s",
	    ok ? "ok" : "wrong",
	    sp_log_quote(sp_view_str(user), name, sizeof(name)), mechanism,
	    i->id, i->listener, i->peer);
}

void
sp_receive_alarm(struct sp_receive *r, const char *cause, const char *text)
{
	if (r->opts.alarm != NULL)
		r->opts.alarm(r->opts.ctx, cause, text);
}

void
sp_receive_log_users(
    struct sp_receive *r, const char *listener, const struct sp_err *err)
{
	char cause[128], text[SP_ERR_MAX + 200];

	(void)snprintf(cause, sizeof(cause), "users:%.100s", listener);
	if (err != NULL)
		(void)snprintf(text, sizeof(text),
		    "listener %.100s: nobody can log in: %s", listener,
		    err->msg);
	sp_receive_alarm(r, cause, err != NULL ? text : NULL);
}

/* Of a full disk it says which mark was reached, if one was. */
static const char *
cause_of(struct sp_receive *r, const struct sp_err *err)
{
	const char *shortage;

	if (err->code == SP_ECLOCK)
		return ("clock_leap");
	if (err->code != SP_ENOSPC)
		return ("intake");
	shortage = sp_receive_shortage(r);
	return (shortage != NULL ? shortage : "disk_full");
}

void
sp_receive_log_alarm(
    struct sp_receive *r, const char *session, const struct sp_err *err)
{
	char text[SP_ERR_MAX + 200];

	r->log.failing = true;
	(void)snprintf(text, sizeof(text),
	    "mail could not be stored: %s%s%.64s%s", err->msg,
	    session[0] == '\0' ? "" : " (session ", session,
	    session[0] == '\0' ? "" : ")");
	sp_receive_alarm(r, cause_of(r, err), text);
}

void
sp_receive_log_well(struct sp_receive *r)
{
	static const char *const causes[] = { "intake", "disk_full",
		"clock_leap" };

	r->log.failing = false;
	for (size_t i = 0; i < SP_COUNTOF(causes); i++)
		sp_receive_alarm(r, causes[i], NULL);
}

void
sp_receive_log_fault(
    void *ctx, const struct sp_session_info *i, const struct sp_err *err)
{
	sp_receive_log_alarm(ctx, i->id, err);
}

void
sp_receive_log_tls_failed(const struct sp_connection *c, const char *why)
{
	struct sp_receive *r = c->r;
	struct sp_session_info i;
	char text[WORD];

	sp_machine_info(&c->machine, &i);
	write_limited(r, "tls_failed",
	    "session=%s listener=%s peer=%s reason=%s", i.id, i.listener,
	    i.peer, sp_log_quote(sp_view_str(why), text, sizeof(text)));
}

void
sp_receive_log_proxy_failed(const struct sp_connection *c, const char *why)
{
	struct sp_receive *r = c->r;
	struct sp_session_info i;
	char text[WORD];

	sp_machine_info(&c->machine, &i);
	write_limited(r, "proxy_failed",
	    "session=%s listener=%s peer=%s reason=%s", i.id, i.listener,
	    i.peer, sp_log_quote(sp_view_str(why), text, sizeof(text)));
}

void
sp_receive_log_turned_away(struct sp_receive *r, const struct sp_listener *l,
    const char *peer, enum sp_reply reply)
{
	struct sp_view line = sp_view_trim(sp_reply_text(reply));
	char text[WORD];

	if (sp_reply_class(reply) == 5)
		r->stats.refused++;
	else
		r->stats.deferred++;
	write_limited(r, sp_reply_class(reply) == 5 ? "refused" : "deferred",
	    "code=%.3s reason=%s listener=%s peer=%s", line.p,
	    sp_log_quote(line, text, sizeof(text)), l->env.cfg->name, peer);
}

void
sp_receive_log_protocol_error(
    void *ctx, const struct sp_session_info *i, const char *why)
{
	struct sp_receive *r = ctx;
	char text[WORD];

	write_limited(r, "broken", "session=%s listener=%s peer=%s reason=%s",
	    i->id, i->listener, i->peer[0] == '\0' ? "local" : i->peer,
	    sp_log_quote(sp_view_str(why), text, sizeof(text)));
}

void
sp_receive_log_lost(struct sp_receive *r, const struct sp_session_info *i)
{
	char helo[WORD], from[WORD];

	write_limited(r, "lost",
	    "session=%s listener=%s peer=%s helo=%s from=%s recipients=%zu received=%" PRIu64,
	    i->id, i->listener, i->peer[0] == '\0' ? "local" : i->peer,
	    sp_log_quote(i->helo, helo, sizeof(helo)), sender(r, i->from, from),
	    i->recipients, i->size);
}

/* The event of the refusals is durable; if it could not be stored they count
 * for the next one. */
static void
on_event_committed(void *ctx, enum sp_code code, uint64_t seq)
{
	struct sp_receive *r = ctx;

	(void)seq;
	r->refusals.busy = false;
	if (code != SP_OK)
		r->refusals.pending += r->refusals.sent;
}

/* While the log is on hold no event can be appended: the refusals wait. */
void
sp_receive_log_tick(struct sp_receive *r)
{
	struct sp_buf detail;

	if (r->log.suppressed > 0)
		write_always(r, SP_LOG_WARN, "suppressed", "lines=%" PRIu64,
		    r->log.suppressed);
	r->log.lines = 0;
	r->log.suppressed = 0;
	if (r->refusals.pending == 0 || r->refusals.busy || r->hold != NULL ||
	    r->stop.drained)
		return;
	sp_buf_init(&detail, 8192);
	if (sp_buf_addf(&detail, "{\"count\":%" PRIu64, r->refusals.pending) ==
		SP_OK &&
	    (r->refusals.first.n == 0 ||
		(sp_buf_adds(&detail, ",\"first\":") == SP_OK &&
		    sp_buf_addv(&detail, sp_buf_view(&r->refusals.first)) ==
			SP_OK)) &&
	    sp_buf_addc(&detail, '}') == SP_OK) {
		r->refusals.busy = true;
		r->refusals.sent = r->refusals.pending;
		r->refusals.pending = 0;
		sp_receive_event(
		    r, "refused", sp_buf_view(&detail), on_event_committed, r);
	}
	sp_buf_done(&detail);
}
