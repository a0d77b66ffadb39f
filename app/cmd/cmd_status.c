/*
 * `sealpost status`: how the archive and the service are, for a person, as
 * JSON, or for Prometheus.  What is known is collected by status.c; here it is
 * printed.  1: an alarm is open that nobody acknowledged, or no service runs.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd/alarm_lists.h"
#include "app/cmd/cmd.h"
#include "app/cmd/status.h"
#include "app/common/args.h"
#include "app/common/cell.h"
#include "app/common/control.h"
#include "app/common/human.h"
#include "app/common/json_line.h"
#include "app/common/options.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/time_text.h"

/* Messages that a person should look at, of all kinds. */
static uint64_t
count_findings(const struct sp_status *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < SP_FINDINGS; i++)
		sum += s->finding[i];
	return (sum);
}

/* How many there are of each kind, with the search that lists them. */
static void
print_findings(const struct sp_status *s)
{
	char a[32];

	printf("%-12s %s\n", "findings", sp_human_count(count_findings(s), a));
	for (size_t i = 0; i < SP_FINDINGS; i++)
		if (s->finding[i] > 0)
			printf("%-12s %s: search flag:%s\n", "",
			    sp_human_count(s->finding[i], a),
			    sp_finding_flag[i]);
}

/* The end of a line: ${before} and the time, if there is one. */
static void
print_when(const struct sp_app *app, const char *before, int64_t us)
{
	char time[32];

	if (us != 0) {
		sp_time_local(us, app->tz, time);
		printf("%s%s", before, time);
	}
	(void)fputc('\n', stdout);
}

/* Why no service runs, as far as it is known. */
static void
print_stopped(const struct sp_app *app, const struct sp_status *s)
{
	const struct sp_serving *v = &s->serving;
	char time[32];

	switch (v->state) {
	case SP_SERVING_NEVER:
		printf(
		    "%-12s not running, never started as far as is known here\n",
		    "service");
		break;
	case SP_SERVING_RUNNING:
		sp_time_local(v->alive, app->tz, time);
		printf(
		    "%-12s NOT RUNNING: it ended other than by order after %s; mail is not taken in\n",
		    "service", time);
		break;
	case SP_SERVING_STOPPED:
		sp_time_local(v->since, app->tz, time);
		printf("%-12s not running, stopped by order %s\n", "service",
		    time);
		break;
	case SP_SERVING_FAILED:
		sp_time_local(v->since, app->tz, time);
		printf("%-12s NOT RUNNING: it could not start %s: ", "service",
		    time);
		sp_cell_print(v->reason, 0, true);
		(void)fputc('\n', stdout);
		break;
	}
}

/* How many alarms are open, and a line for each. */
static void
print_alarms(const struct sp_app *app, const struct sp_status *s)
{
	const json_t *x;
	size_t i;

	printf("%-12s %" PRIu64 " open", "alarms", s->alarms);
	if (s->unacknowledged < s->alarms)
		printf(", %" PRIu64 " of them acknowledged",
		    s->alarms - s->unacknowledged);
	(void)fputc('\n', stdout);
	json_array_foreach(s->open_alarms, i, x)
	{
		printf("%-12s ", "");
		sp_alarm_print(app, x);
	}
}

/* For a person: a line for each thing, each worker and each account. */
static void
print_text(const struct sp_app *app, const struct sp_status *s)
{
	char a[32], b[32], time[32];

	printf(
	    "%-12s %s\n%-12s %s\n", "archive", app->dir, "origin", s->origin);
	printf("%-12s %s", "entries", sp_human_count(s->entries, a));
	printf(" (%s sealed in %s segments, %" PRIu64 " in the intake log)\n",
	    sp_human_count(s->sealed, a), sp_human_count(s->segments, b),
	    s->entries - s->sealed);
	printf("%-12s %s", "messages", sp_human_count(s->messages, a));
	print_when(app, ", the last ", s->last_message);
	if (s->have_checkpoint) {
		printf("%-12s over %s entries", "checkpoint",
		    sp_human_count(s->checkpoint, a));
		print_when(app, ", ", s->checkpoint_at);
	} else
		printf("%-12s none yet\n", "checkpoint");
	printf("%-12s covers %s entries, %s behind\n", "index",
	    sp_human_count(s->indexed, a),
	    sp_human_count(s->entries - s->indexed, b));
	print_findings(s);
	printf("%-12s %s used, %s free\n", "disk", sp_human_size(s->bytes, a),
	    sp_human_size(s->free_bytes, b));
	printf("%-12s %s", "verified",
	    s->verified.at == 0 ? "never, as far as is known here"
				: s->verified.verdict);
	print_when(app, ", ", s->verified.at);
	if (!s->running) {
		print_stopped(app, s);
	} else {
		sp_time_local(s->since, app->tz, time);
		printf("%-12s running since %s, pid %" PRIu64 "\n", "service",
		    time, s->pid);
	}
	for (size_t i = 0; i < s->nworkers; i++)
		printf("%-12s %s, %" PRIu64 " restarts\n", s->worker[i].name,
		    s->worker[i].pid > 0 ? "up" : "DOWN",
		    s->worker[i].restarts);
	if (s->running)
		printf("%-12s %" PRIu64 " accepted, %" PRIu64
		       " refused, %" PRIu64 " deferred, %" PRIu64
		       " sessions open\n",
		    "smtp", s->accepted, s->refused, s->deferred, s->sessions);
	sp_status_pull_text(app, s);
	print_alarms(app, s);
}

/* A time, or null for never. */
static void
json_time(struct sp_json *j, const char *key, int64_t us)
{
	char text[SP_TIME_LEN + 1];

	if (us != 0)
		sp_time_format(us, text);
	sp_json_cstr(j, key, us != 0 ? text : NULL);
}

/* The service's end, where it does not run: running, stopped, failed or never,
 * as state/serving has it. */
static const char *
serving_word(const struct sp_status *s)
{
	static const char *const words[] = {
		[SP_SERVING_NEVER] = "never",
		[SP_SERVING_RUNNING] = "down",
		[SP_SERVING_STOPPED] = "stopped",
		[SP_SERVING_FAILED] = "failed",
	};

	return (s->running ? "running" : words[s->serving.state]);
}

static void
json_alarms(struct sp_json *j, const struct sp_status *s)
{
	sp_json_u64(j, "alarms", s->alarms);
	sp_json_u64(j, "alarms_unacknowledged", s->unacknowledged);
	sp_json_cstr(j, "last_alarm", s->last_alarm);
	sp_json_value(j, "open_alarms", s->open_alarms);
}

/* The same as one line of JSON. */
static void
print_json(const struct sp_status *s)
{
	struct sp_json_line line;
	struct sp_json *j = sp_json_line_begin(&line, 1u << 20);

	sp_json_cstr(j, "origin", s->origin);
	sp_json_u64(j, "entries", s->entries);
	sp_json_u64(j, "messages", s->messages);
	sp_json_u64(j, "sealed", s->sealed);
	sp_json_u64(j, "segments", s->segments);
	json_time(j, "last_message", s->last_message);
	sp_json_u64(j, "checkpoint", s->checkpoint);
	json_time(j, "checkpoint_at", s->checkpoint_at);
	json_time(j, "verified_at", s->verified.at);
	sp_json_cstr(
	    j, "verified", s->verified.at != 0 ? s->verified.verdict : NULL);
	sp_json_u64(j, "indexed", s->indexed);
	sp_json_obj(j, "findings");
	for (size_t i = 0; i < SP_FINDINGS; i++)
		sp_json_u64(j, sp_finding_flag[i], s->finding[i]);
	sp_json_obj_end(j);
	sp_json_u64(j, "disk_used", s->bytes);
	sp_json_u64(j, "disk_free", s->free_bytes);
	sp_json_bool(j, "running", s->running);
	sp_json_cstr(j, "service", serving_word(s));
	json_time(j, "service_since", s->running ? s->since : s->serving.since);
	sp_json_arr(j, "workers");
	for (size_t i = 0; i < s->nworkers; i++) {
		sp_json_obj(j, NULL);
		sp_json_cstr(j, "name", s->worker[i].name);
		sp_json_u64(j, "pid", s->worker[i].pid);
		sp_json_u64(j, "restarts", s->worker[i].restarts);
		sp_json_obj_end(j);
	}
	sp_json_arr_end(j);
	sp_json_u64(j, "accepted", s->accepted);
	sp_json_u64(j, "refused", s->refused);
	sp_json_u64(j, "deferred", s->deferred);
	sp_json_u64(j, "sessions", s->sessions);
	if (s->pull_json != NULL) {
		char *pull = json_dumps(s->pull_json, JSON_COMPACT);

		if (pull != NULL)
			sp_json_raw(j, "pull", sp_view_str(pull));
		free(pull);
	}
	json_alarms(j, s);
	sp_json_line_print(&line);
}

/* A metric of one value, in Prometheus' text format. */
static void
metric(const char *name, const char *type, const char *help, uint64_t value)
{
	printf(
	    "# HELP sealpost_%s %s\n# TYPE sealpost_%s %s\nsealpost_%s %" PRIu64
	    "\n",
	    name, help, name, type, name, value);
}

static uint64_t
seconds(int64_t us)
{
	return (us > 0 ? (uint64_t)(us / SP_SECOND) : 0);
}

/* Causes are printable ASCII without quotes (alarms.c). */
static void
print_open_alarms(const struct sp_status *s)
{
	const json_t *x;
	size_t i;

	printf("# HELP sealpost_alarm_open Open alarms by cause\n"
	       "# TYPE sealpost_alarm_open gauge\n");
	json_array_foreach(s->open_alarms, i, x) printf(
	    "sealpost_alarm_open{cause=\"%s\",acknowledged=\"%s\"} 1\n",
	    json_string_value(json_object_get(x, "cause")),
	    json_is_true(json_object_get(x, "acknowledged")) ? "yes" : "no");
}

/* All numbers as metrics; where no service runs, `up` and what only the service
 * knows are 0. */
static void
print_prometheus(const struct sp_status *s)
{
	metric("entries", "gauge", "Entries in the log", s->entries);
	metric("messages", "gauge", "Messages in the log", s->messages);
	metric("last_received_timestamp_seconds", "gauge",
	    "When the last message came; 0: never", seconds(s->last_message));
	metric("checkpoint_timestamp_seconds", "gauge",
	    "When the last checkpoint was signed; 0: never",
	    seconds(s->checkpoint_at));
	metric("verify_timestamp_seconds", "gauge",
	    "When the archive was verified last; 0: never",
	    seconds(s->verified.at));
	metric("verify_ok", "gauge", "Whether that run verified it",
	    strcmp(s->verified.verdict, "verified") == 0);
	metric("sealed_entries", "gauge", "Entries in segments", s->sealed);
	metric("segments", "gauge", "Segments", s->segments);
	metric("checkpoint_size", "gauge", "Entries under the last checkpoint",
	    s->checkpoint);
	metric("index_lag", "gauge", "Entries not yet indexed",
	    s->entries - s->indexed);
	printf("# HELP sealpost_findings Messages with that flag\n"
	       "# TYPE sealpost_findings gauge\n");
	for (size_t i = 0; i < SP_FINDINGS; i++)
		printf("sealpost_findings{flag=\"%s\"} %" PRIu64 "\n",
		    sp_finding_flag[i], s->finding[i]);
	metric("disk_used_bytes", "gauge", "Bytes of the archive", s->bytes);
	metric("disk_free_bytes", "gauge", "Bytes free", s->free_bytes);
	metric("up", "gauge", "Whether the service runs", s->running);
	metric(
	    "accepted_total", "counter", "Messages answered 250", s->accepted);
	metric("refused_total", "counter", "5xx replies", s->refused);
	metric("deferred_total", "counter", "4xx replies", s->deferred);
	metric("sessions", "gauge", "SMTP sessions open", s->sessions);
	metric("alarms_total", "counter",
	    "Alarms that began since the start of the service",
	    s->alarms_begun);
	metric("alarms_unacknowledged", "gauge",
	    "Open alarms that nobody acknowledged", s->unacknowledged);
	print_open_alarms(s);
	sp_status_pull_prometheus(s);
	for (size_t i = 0; i < s->nworkers; i++)
		printf("sealpost_worker_restarts_total{worker=\"%s\"} %" PRIu64
		       "\n",
		    s->worker[i].name, s->worker[i].restarts);
}

/* Whether a verify since the service ended did not verify the archive: the next
 * start makes an alarm of it. */
static bool
verify_untold(const struct sp_status *s)
{
	return (!s->running && s->verified.status != 0 &&
		s->verified.at > s->serving.since &&
		s->verified.at > s->serving.alive);
}

/* Needs no lock, and no service. */
int
sp_cmd_status(struct sp_app *app, int argc, char **argv)
{
	static const char *const forms[] = { "text", "json", "prometheus" };
	const char *form = "text";
	bool offline_ok = false;
	const struct sp_option options[] = {
		{ "offline-ok", '\0', SP_OPT_FLAG, NULL,
		    "that no service runs is no reason for exit status 1",
		    &offline_ok },
		{ "format", '\0', SP_OPT_TEXT, "FORM",
		    "text, json or prometheus", &form },
	};
	const struct sp_usage usage = { "status", "[OPTION]...",
		"Entries, segments, index, disk, workers, alarms.  Exit status 1 while an alarm is open\n"
		"that nobody acknowledged, and where no service runs.",
		options, SP_COUNTOF(options), false };
	struct sp_status s;
	struct sp_err err;
	int first, status, f;

	status = sp_options_parse_max(&usage, argc, argv, 0, &first);
	if (status >= 0)
		return (status);
	f = sp_args_choice("format", form, forms, SP_COUNTOF(forms));
	if (f < 0)
		return (2);
	if (sp_app_open_reader(app, &err) != SP_OK ||
	    sp_status_get(app, &s, &err) != SP_OK)
		return (sp_app_fail(&err));
	if (f == 0)
		print_text(app, &s);
	else if (f == 1)
		print_json(&s);
	else
		print_prometheus(&s);
	status = s.unacknowledged > 0 || (!s.running && !offline_ok) ||
			 verify_untold(&s)
		     ? 1
		     : 0;
	sp_status_done(&s);
	return (status);
}
