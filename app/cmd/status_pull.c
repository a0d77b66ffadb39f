/*
 * `status`: the accounts of the pull worker, as its part of the service's reply
 * tells them (app/service/pull_account.c writes that), or, where no service
 * answers, as state/pull does.  Reading them, and
 * printing them for a person and as metrics; as JSON they are printed as they
 * came.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/cmd/status.h"
#include "app/common/app.h"
#include "app/common/cell.h"
#include "app/common/human.h"
#include "app/host/pull_run.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/time_text.h"

/* A member's text, cut to ${size}; "" without one. */
static void
copy_text(const json_t *from, const char *key, char *to, size_t size)
{
	const char *text = json_string_value(json_object_get(from, key));

	(void)snprintf(to, size, "%s", text == NULL ? "" : text);
}

/* More accounts than there is room for are only in the JSON. */
void
sp_status_pull_read(const json_t *list, struct sp_status *out)
{
	const json_t *one;
	size_t i;

	out->pull_json = json_deep_copy(list);
	json_array_foreach(list, i, one)
	{
		struct sp_status_pull *p = &out->pull[out->npull];
		char time[40];

		if (out->npull == SP_COUNTOF(out->pull))
			return;
		copy_text(one, "account", p->name, sizeof(p->name));
		copy_text(one, "error", p->error, sizeof(p->error));
		copy_text(one, "doubts", p->doubts, sizeof(p->doubts));
		(void)sp_json_get_u64(one, "doubtful", &p->doubtful);
		copy_text(one, "losses", p->losses, sizeof(p->losses));
		(void)sp_json_get_u64(one, "lost", &p->lost);
		p->no_service = json_is_false(json_object_get(one, "service"));
		p->unreadable = json_is_null(json_object_get(one, "doubtful"));
		copy_text(one, "last_ok", time, sizeof(time));
		(void)sp_time_parse(sp_view_str(time), &p->last_ok);
		p->active = json_is_true(json_object_get(one, "active"));
		p->busy = json_is_true(json_object_get(one, "busy"));
		(void)sp_json_get_u64(one, "taken", &p->taken);
		(void)sp_json_get_u64(one, "deleted", &p->deleted);
		(void)sp_json_get_u64(one, "there", &p->in_mailbox);
		(void)sp_json_get_u64(one, "failures", &p->failures);
		(void)sp_json_get_u64(one, "visits", &p->visits);
		out->npull++;
	}
}

/* The doubts of an account, from its file; null where that may not be read. */
static json_t *
read_offline(const struct sp_app *app, const struct sp_pull_conf *c)
{
	char *path = sp_xasprintf("%s/state/pull/%s", app->dir, c->name);
	char doubts[sizeof(((struct sp_status_pull *)NULL)->doubts)];
	const bool unreadable = access(path, R_OK) != 0 && errno == EACCES;
	const uint64_t n =
	    sp_pull_run_doubts(app->dir, c, doubts, sizeof(doubts));
	json_t *one = json_object();

	(void)json_object_set_new(one, "account", json_string(c->name));
	(void)json_object_set_new(one, "active", json_boolean(c->active));
	(void)json_object_set_new(one, "service", json_false());
	(void)json_object_set_new(one, "doubtful",
	    unreadable ? json_null() : json_integer((json_int_t)n));
	if (n > 0)
		(void)json_object_set_new(one, "doubts", json_string(doubts));
	free(path);
	return (one);
}

void
sp_status_pull_offline(const struct sp_app *app, struct sp_status *out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < app->cfg->npull; i++)
		(void)json_array_append_new(
		    list, read_offline(app, &app->cfg->pull[i]));
	if (app->cfg->npull > 0)
		sp_status_pull_read(list, out);
	json_decref(list);
}

/* Print a line for each account, and below it what went wrong with it. */
void
sp_status_pull_text(const struct sp_app *app, const struct sp_status *s)
{
	for (size_t i = 0; i < s->npull; i++) {
		const struct sp_status_pull *p = &s->pull[i];
		char a[32], b[32], time[32] = "none yet";

		if (p->last_ok > 0)
			sp_time_local(p->last_ok, app->tz, time);
		printf("%-12s ", "pull");
		sp_cell_print(p->name, 0, true);
		if (p->no_service)
			printf(": not visited, since no service answers%s",
			    p->unreadable
				? "; what is not captured only the archive's account may read (state/pull)"
				: "");
		else
			printf(
			    ": %s messages taken since the start, %s in the mailbox, last good visit: %s%s%s",
			    sp_human_count(p->taken, a),
			    sp_human_count(p->in_mailbox, b), time,
			    p->active ? "" : ", not active",
			    p->busy ? ", visiting now" : "");
		if (p->doubtful > 0) {
			printf(", %s NOT CAPTURED: ",
			    sp_human_count(p->doubtful, a));
			sp_cell_print(p->doubts, 0, true);
		}
		if (p->lost > 0) {
			printf(", %s LOST UNCAPTURED: ",
			    sp_human_count(p->lost, a));
			sp_cell_print(p->losses, 0, true);
		}
		if (p->failures > 0) {
			printf(", FAILED %" PRIu64 " times in a row: ",
			    p->failures);
			sp_cell_print(p->error, 0, true);
		}
		printf("\n");
	}
}

/* A metric with one value for each account, in Prometheus' text format; nothing
 * without accounts. */
static void
metric_family(const struct sp_status *s, const char *name, const char *type,
    const char *help, uint64_t (*get)(const struct sp_status_pull *p))
{
	/* Without a service most of it is not known, and no metric is better
	 * than a wrong one. */
	if (s->npull == 0 || s->pull[0].no_service)
		return;
	printf("# HELP sealpost_pull_%s %s\n# TYPE sealpost_pull_%s %s\n", name,
	    help, name, type);
	for (size_t i = 0; i < s->npull; i++)
		printf("sealpost_pull_%s{account=\"%s\"} %" PRIu64 "\n", name,
		    s->pull[i].name, get(&s->pull[i]));
}

static uint64_t
taken(const struct sp_status_pull *p)
{
	return (p->taken);
}

static uint64_t
deleted(const struct sp_status_pull *p)
{
	return (p->deleted);
}

static uint64_t
in_mailbox(const struct sp_status_pull *p)
{
	return (p->in_mailbox);
}

static uint64_t
failures(const struct sp_status_pull *p)
{
	return (p->failures);
}

static uint64_t
doubtful(const struct sp_status_pull *p)
{
	return (p->doubtful);
}

static uint64_t
lost(const struct sp_status_pull *p)
{
	return (p->lost);
}

static uint64_t
last_ok(const struct sp_status_pull *p)
{
	return ((uint64_t)(p->last_ok / SP_SECOND));
}

void
sp_status_pull_prometheus(const struct sp_status *s)
{
	metric_family(s, "taken_total", "counter",
	    "Messages taken from the mailbox", taken);
	metric_family(s, "deleted_total", "counter",
	    "Messages deleted on the server", deleted);
	metric_family(s, "mailbox_messages", "gauge",
	    "Messages in the mailbox at the last visit", in_mailbox);
	metric_family(s, "not_captured", "gauge",
	    "Messages that the server announces and that are not captured, since what came is not whole or nothing came",
	    doubtful);
	metric_family(s, "lost_total", "counter",
	    "Messages that were never captured and that the server does not announce any more",
	    lost);
	metric_family(
	    s, "failures", "gauge", "Visits that failed in a row", failures);
	metric_family(s, "last_success_seconds", "gauge",
	    "When a visit last went well", last_ok);
}
