/*
 * `sealpost canary`: send a mail through the site's mail server and wait until
 * its journal copy is in the archive (doc/watch.md).  If none comes, or the
 * mail server does not take the mail, that is an alarm, in the log and to whom
 * alarms go, and exit status 1.  The service must be running, since it is what
 * receives the copy.
 *
 *	compose -> submit -> search for its Message-ID -> print, or alarm
 */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd/cmd.h"
#include "app/common/args.h"
#include "app/common/control.h"
#include "app/common/interrupt.h"
#include "app/common/options.h"
#include "app/host/host.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/json.h"
#include "base/random.h"
#include "index/search.h"
#include "journal/log/reader.h"
#include "journal/watch/submit.h"

#define LOOK_MS	 200 /* between two searches */
#define MAIL_MAX (16u << 10)

struct canary {
	struct sp_app *app;
	struct sp_host *host;
	const char *to;
	uint64_t within; /* seconds to wait */
	char msgid[SP_SUBMIT_ID_MAX]; /* by which the copy is found */
	/* the outcome */
	bool returned;
	uint64_t seq; /* of the copy */
	uint64_t indexed; /* how far the index reached at the last search */
	int64_t elapsed; /* us, from sending */
};

/* The mail, in ${b}: a random Message-ID, and a text for whoever finds it. */
static enum sp_code
compose(struct canary *c, struct sp_submit_mail *mail, struct sp_buf *b)
{
	char id[64] = "canary.";
	uint8_t random[12];
	enum sp_code rc;

	sp_random(random, sizeof(random));
	sp_hex_encode(random, sizeof(random), id + strlen(id));
	rc = sp_submit_header(
	    c->app->cfg, mail, "Sealpost canary", id, c->msgid, b);
	if (rc == SP_OK)
		rc = sp_buf_adds(b,
		    "This mail was sent by the mail archive to itself, through the mail server, to see\r\n"
		    "whether a copy of it arrives. It needs no answer and can be deleted.\r\n");
	mail->text = sp_buf_view(b);
	return (rc);
}

static enum sp_code
on_hit(void *ctx, const struct sp_hit *hit, struct sp_err *err)
{
	struct canary *c = ctx;

	(void)err;
	c->seq = hit->seq;
	c->returned = true;
	return (SP_EEND);
}

/* Search until the copy is found or the time is over; SP_EINTERRUPT after
 * Ctrl-C. */
static enum sp_code
wait_for_copy(struct canary *c, struct sp_err *err)
{
	char *query = sp_xasprintf("msgid:%s", c->msgid);
	const struct sp_search_opts o = {
		.query = query, .limit = 1, .no_total = true
	};
	const int64_t since = sp_clock_boot();
	const int64_t end = since + (int64_t)c->within * SP_SECOND;
	struct sp_search_result result;
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && !c->returned) {
		rc = sp_search(c->app->dir, &o, on_hit, c, &result, err);
		if (rc == SP_OK)
			c->indexed = result.cursor;
		c->elapsed = sp_clock_boot() - since;
		if (c->returned || sp_clock_boot() >= end)
			break;
		if (sp_interrupt_caught())
			rc = sp_err_set(err, SP_EINTERRUPT, 0,
			    "interrupted; the canary is on its way");
		(void)poll(NULL, 0, LOOK_MS);
	}
	free(query);
	return (rc);
}

/* Why no copy was found, malloc'ed: the index does not reach the end of the
 * log, or there is none. */
static char *
explain_absence(const struct canary *c)
{
	struct sp_reader *reader = NULL;
	uint64_t end = c->indexed;
	const bool behind =
	    sp_reader_open(c->app->dir, &reader, NULL) == SP_OK &&
	    sp_reader_end(reader, &end, NULL) == SP_OK && end > c->indexed;

	sp_reader_close(reader);
	if (behind)
		return (sp_xasprintf(
		    "canary: nothing can be said: the index covers only %" PRIu64
		    " of %" PRIu64 " entries after %" PRIu64 " s",
		    c->indexed, end, c->within));
	return (sp_xasprintf(
	    "canary: %s took the mail to %s, and no copy came within %" PRIu64
	    " s; look whether it still journals to this archive",
	    c->app->cfg->submit_server, c->to, c->within));
}

/* Tell the service how the canary did: ${why} none came, which it makes the
 * alarm `canary` of, or NULL, which ends that. */
static enum sp_code
tell_service(const struct canary *c, const char *why, struct sp_err *err)
{
	char *line = why == NULL ? sp_xstrdup("canary")
				 : sp_xasprintf("canary %s (Message-ID %s)",
				       why, c->msgid);
	struct sp_buf reply;
	enum sp_code rc;

	sp_buf_init(&reply, SP_CONTROL_MAX);
	rc = sp_control_ask(c->app->dir, line, &reply, err);
	sp_buf_done(&reply);
	free(line);
	return (rc);
}

/* The outcome on standard output; ${why} none came on standard error. */
static void
print(const struct canary *c, bool json, const char *why)
{
	const double seconds = (double)c->elapsed / (double)SP_SECOND;

	if (json && c->returned)
		printf("{\"back\":true,\"message_id\":\"%s\",\"seq\":%" PRIu64
		       ",\"seconds\":%.1f}\n",
		    c->msgid, c->seq, seconds);
	else if (json)
		printf("{\"back\":false,\"message_id\":\"%s\"}\n", c->msgid);
	else if (c->returned)
		printf("the canary came back in %.1f s as entry %" PRIu64 "\n",
		    seconds, c->seq);
	if (!c->returned)
		(void)fprintf(stderr, "sealpost: %s\n", why);
}

/* Send the canary and wait for its copy; the exit status.  That it cannot be
 * sent is an outcome, not a failure of the command. */
static int
send_and_wait(struct canary *c, bool json, struct sp_err *err)
{
	const struct sp_config *cfg = c->app->cfg;
	struct sp_submit_mail mail = { .to = &c->to, .nto = 1 };
	struct sp_buf b;
	char *why = NULL;
	enum sp_code rc;

	sp_buf_init(&b, MAIL_MAX);
	rc = compose(c, &mail, &b);
	if (rc != SP_OK)
		rc = sp_err_set(err, rc, 0, "the canary's address is too long");
	if (rc == SP_OK)
		rc = sp_submit(cfg, &mail, err);
	if (rc == SP_EPERM || rc == SP_EAGAIN) {
		why =
		    sp_xasprintf("canary: it could not be sent: %s", err->msg);
		rc = SP_OK;
	} else if (rc == SP_OK) {
		rc = wait_for_copy(c, err);
		if (rc == SP_OK && !c->returned)
			why = explain_absence(c);
	}
	if (rc == SP_OK)
		rc = tell_service(c, why, err);
	if (rc == SP_OK)
		print(c, json, why);
	free(why);
	sp_buf_done(&b);
	if (rc != SP_OK)
		return (sp_app_fail(err));
	return (c->returned ? 0 : 1);
}

/* The service, the address and the time to wait, from the options, else from
 * section `canary`. */
static enum sp_code
open_service(struct canary *c, struct sp_err *err)
{
	enum sp_code rc = sp_host_open(c->app, &c->host, err);

	if (rc == SP_OK && !sp_host_service(c->host))
		rc = sp_err_set(err, SP_ENOTFOUND, 0,
		    "no service runs on %s, so nothing can arrive; start `sealpost serve`",
		    c->app->dir);
	if (rc == SP_OK && c->to == NULL)
		c->to = c->app->cfg->canary_address;
	if (rc == SP_OK && c->to == NULL)
		rc = sp_err_set(err, SP_ECONFIG, 0,
		    "to whom? expected canary { address = ADDRESS } in the configuration, or --to");
	if (rc == SP_OK && c->within == 0)
		c->within = c->app->cfg->canary_within;
	return (rc);
}

/* Ctrl-C ends the waiting; the mail is on its way then. */
int
sp_cmd_canary(struct sp_app *app, int argc, char **argv)
{
	static const char *const forms[] = { "text", "json" };
	struct canary c = { .app = app };
	const char *form = "text";
	const struct sp_option options[] = {
		{ "to", '\0', SP_OPT_TEXT, "ADDRESS",
		    "the mailbox it is sent to; else canary.address of the configuration",
		    &c.to },
		{ "within", '\0', SP_OPT_COUNT, "SECONDS",
		    "how long to wait for the copy; else canary.within",
		    &c.within },
		{ "format", '\0', SP_OPT_TEXT, "text|json", "json: one object",
		    &form },
	};
	const struct sp_usage usage = { "canary", "[OPTION]...",
		"Send a mail through the site's mail server and wait until its journal copy is in the\n"
		"archive.  If none comes, that is an alarm and exit status 1.",
		options, SP_COUNTOF(options), false };
	struct sp_err err;
	int first, status, f;
	enum sp_code rc;

	status = sp_options_parse_max(&usage, argc, argv, 0, &first);
	if (status >= 0)
		return (status);
	f = sp_args_choice("format", form, forms, SP_COUNTOF(forms));
	if (f < 0)
		return (2);
	sp_interrupt_catch();
	rc = sp_app_open(app, &err);
	if (rc == SP_OK)
		rc = open_service(&c, &err);
	status =
	    rc == SP_OK ? send_and_wait(&c, f == 1, &err) : sp_app_fail(&err);
	sp_host_close(c.host);
	return (status);
}
