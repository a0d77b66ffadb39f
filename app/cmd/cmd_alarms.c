/*
 * `sealpost alarms`: what is wrong now, and that somebody knows of it.
 *
 *	alarms [list] [--all]		those that are open; also those that ended
 *	alarms acknowledge CAUSE|ID...	they are not repeated, `status` is content
 *
 * Whoever acknowledges is named by an event `acknowledge` of the log, which the
 * kernel vouches for; it is durable before the alarm counts as acknowledged.
 */
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/cmd/alarm_lists.h"
#include "app/cmd/cmd.h"
#include "app/common/account.h"
#include "app/common/args.h"
#include "app/common/control.h"
#include "app/common/options.h"
#include "app/host/host.h"
#include "app/service/alarms.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/layout.h"

#define NOTE_MAX 1000 /* bytes of a note */

/* ---- list ---------------------------------------------------------------- */

/* Print the alarms of one list; returns how many there are. */
static size_t
print_list(const struct sp_app *app, const json_t *list, bool json)
{
	const json_t *x;
	size_t i;

	json_array_foreach(list, i, x)
	{
		char *line;

		if (!json) {
			sp_alarm_print(app, x);
			continue;
		}
		line = json_dumps(x, JSON_COMPACT);
		printf("%s\n", line == NULL ? "{}" : line);
		free(line);
	}
	return (json_array_size(list));
}

/* The open ones, and with ${all} those that ended, newest first. */
static int
list(struct sp_app *app, bool all, bool json)
{
	json_t *lists = NULL;
	struct sp_err err;
	size_t n;

	if (sp_alarm_lists(app, &lists, &err) != SP_OK)
		return (sp_app_fail(&err));
	n = print_list(app, json_object_get(lists, "open"), json);
	if (n == 0 && !json)
		printf("no alarm is open\n");
	if (all)
		(void)print_list(app, json_object_get(lists, "ended"), json);
	json_decref(lists);
	return (0);
}

/* ---- acknowledge --------------------------------------------------------- */

/* The open alarm of ${lists} that ${key}, a cause or a number, names; NULL:
 * there is none. */
static const json_t *
find(const json_t *lists, const char *key)
{
	const json_t *x;
	uint64_t number, id;
	size_t i;

	json_array_foreach(json_object_get(lists, "open"), i, x)
	{
		const char *cause =
		    json_string_value(json_object_get(x, "cause"));

		if (cause != NULL && strcmp(cause, key) == 0)
			return (x);
		if (sp_view_u64(sp_view_str(key), &number) &&
		    sp_json_get_u64(x, "id", &id) && id == number)
			return (x);
	}
	return (NULL);
}

/* The detail of the event: which alarms, and the note. */
static enum sp_code
event_detail(const json_t *lists, char **keys, int n, const char *note,
    struct sp_buf *out)
{
	struct sp_json j;
	uint64_t id = 0;

	sp_json_init(&j, out);
	sp_json_obj(&j, NULL);
	sp_json_arr(&j, "alarms");
	for (int i = 0; i < n; i++) {
		const json_t *x = find(lists, keys[i]);

		(void)sp_json_get_u64(x, "id", &id);
		sp_json_obj(&j, NULL);
		sp_json_u64(&j, "id", id);
		sp_json_cstr(&j, "cause",
		    json_string_value(json_object_get(x, "cause")));
		sp_json_cstr(&j, "since",
		    json_string_value(json_object_get(x, "since")));
		sp_json_obj_end(&j);
	}
	sp_json_arr_end(&j);
	if (note != NULL)
		sp_json_cstr(&j, "note", note);
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}

/* Without a service: change its file, with its lock held. */
static enum sp_code
acknowledge_in_file(struct sp_app *app, char **keys, int n, const char *note,
    struct sp_err *err)
{
	char *path = sp_layout_path(app->dir, "state/alarms");
	char *lock = sp_layout_path(app->dir, "state/serve.lock");
	const struct passwd *pw = getpwuid(getuid());
	struct sp_alarms *a = sp_alarms_new(app->dir);
	struct sp_account acct;
	struct sp_buf text;
	int fd = -1;
	enum sp_code rc = sp_account_find(app->dir, app->cfg, &acct, err);

	sp_buf_init(&text, SP_ALARMS_STATE_MAX);
	if (rc == SP_OK) {
		sp_account_enter(&acct);
		rc = sp_io_lock(lock, SP_APP_LOCK_WAIT_MS, &fd, err);
		if (rc == SP_OK)
			rc = sp_io_read_file(
			    path, SP_ALARMS_STATE_MAX, &text, err);
		if (rc == SP_OK)
			rc = sp_alarms_load(a, sp_buf_view(&text), err);
		for (int i = 0; rc == SP_OK && i < n; i++) {
			struct sp_alarm *x =
			    sp_alarms_find(a, sp_view_str(keys[i]));

			if (x != NULL)
				sp_alarms_acknowledge(a, x,
				    sp_view_str(pw == NULL ? "-" : pw->pw_name),
				    sp_view_str(note == NULL ? "" : note),
				    sp_clock_wall());
		}
		sp_buf_clear(&text);
		if (rc == SP_OK)
			rc = sp_alarms_save(a, &text);
		if (rc == SP_OK)
			rc = sp_io_replace(path, text.p, text.n, 0640, err);
		(void)sp_io_close(fd, NULL);
		sp_account_leave(&acct);
	}
	sp_buf_done(&text);
	sp_alarms_free(a);
	free(lock);
	free(path);
	return (rc);
}

/* Tell the service of each. */
static enum sp_code
acknowledge_in_service(const struct sp_app *app, char **keys, int n,
    const char *note, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	for (int i = 0; rc == SP_OK && i < n; i++) {
		char *line = sp_xasprintf(
		    "acknowledge %s %s", keys[i], note == NULL ? "" : note);
		struct sp_buf reply;

		sp_buf_init(&reply, SP_CONTROL_MAX);
		rc = sp_control_ask(app->dir, line, &reply, err);
		sp_buf_done(&reply);
		free(line);
	}
	return (rc);
}

/* The event first, then the state. */
static enum sp_code
record(struct sp_app *app, const json_t *lists, char **keys, int n,
    const char *note, struct sp_err *err)
{
	struct sp_host *host = NULL;
	struct sp_buf detail;
	bool service = false;
	uint64_t seq = 0;
	enum sp_code rc;

	sp_buf_init(&detail, 64u << 10);
	rc = event_detail(lists, keys, n, note, &detail);
	if (rc != SP_OK)
		rc = sp_err_set(err, rc, 0, "too many alarms at once");
	if (rc == SP_OK)
		rc = sp_host_open(app, &host, err);
	if (rc == SP_OK)
		rc = sp_host_event(
		    host, "acknowledge", sp_buf_view(&detail), &seq, err);
	if (rc == SP_OK) {
		service = sp_host_service(host);
		rc = sp_host_checkpoint(host, err);
	}
	sp_host_close(host);
	if (rc == SP_OK)
		rc = service ? acknowledge_in_service(app, keys, n, note, err)
			     : acknowledge_in_file(app, keys, n, note, err);
	if (rc == SP_OK && !app->quiet)
		printf("acknowledged, entry %" PRIu64 "\n", seq);
	sp_buf_done(&detail);
	return (rc);
}

/* 1: one of the ${keys} names no open alarm; then none is acknowledged. */
static int
acknowledge(struct sp_app *app, char **keys, int n, const char *note)
{
	json_t *lists = NULL;
	struct sp_err err;
	int status = 0;

	if (note != NULL &&
	    (strlen(note) > NOTE_MAX || strpbrk(note, "\r\n") != NULL ||
		!sp_view_is_utf8(sp_view_str(note))))
		return (sp_app_usage(
		    "--note: expected one line of UTF-8 of at most %d bytes",
		    NOTE_MAX));
	if (sp_alarm_lists(app, &lists, &err) != SP_OK)
		return (sp_app_fail(&err));
	for (int i = 0; i < n; i++) {
		if (find(lists, keys[i]) != NULL)
			continue;
		(void)fprintf(stderr,
		    "sealpost: no alarm \"%s\" is open; `sealpost alarms list` shows those that are\n",
		    keys[i]);
		status = 1;
	}
	if (status == 0 && record(app, lists, keys, n, note, &err) != SP_OK)
		status = sp_app_fail(&err);
	json_decref(lists);
	return (status);
}

/* Without a verb it lists. */
int
sp_cmd_alarms(struct sp_app *app, int argc, char **argv)
{
	static const char *const forms[] = { "text", "json" };
	const char *form = "text", *note = NULL, *verb;
	bool all = false;
	const struct sp_option options[] = {
		{ "all", '\0', SP_OPT_FLAG, NULL,
		    "list: also those that ended (the last 100)", &all },
		{ "format", '\0', SP_OPT_TEXT, "text|json",
		    "list: json is one object a line", &form },
		{ "note", '\0', SP_OPT_TEXT, "TEXT",
		    "acknowledge: what is known or done", &note },
	};
	const struct sp_usage usage = { "alarms",
		"[list] [OPTION]... | acknowledge [--note TEXT] CAUSE|ID...",
		"List the alarms that are open, or acknowledge some: they are then not repeated, and\n"
		"status does not fail for them.",
		options, SP_COUNTOF(options), false };
	struct sp_err err;
	int first, status, f;
	enum sp_code rc;

	status = sp_options_parse(&usage, argc, argv, &first);
	if (status >= 0)
		return (status);
	f = sp_args_choice("format", form, forms, SP_COUNTOF(forms));
	if (f < 0)
		return (2);
	verb = first < argc ? argv[first++] : "list";
	if (strcmp(verb, "list") != 0 && strcmp(verb, "acknowledge") != 0)
		return (sp_app_usage(
		    "no \"alarms %s\"; expected list or acknowledge", verb));
	if (strcmp(verb, "list") == 0 && (first < argc || note != NULL))
		return (
		    sp_app_usage("alarms list takes neither names nor --note"));
	if (strcmp(verb, "acknowledge") == 0 && (first == argc || all))
		return (sp_app_usage(
		    "alarms acknowledge: expected CAUSE or ID, as `sealpost alarms list` shows them"));
	/* Whoever is woken by `reload_failed` must be able to read it. */
	rc = strcmp(verb, "list") == 0 ? sp_app_open_reader(app, &err)
				       : sp_app_open(app, &err);
	if (rc != SP_OK)
		return (sp_app_fail(&err));
	return (strcmp(verb, "list") == 0
		    ? list(app, all, f == 1)
		    : acknowledge(app, argv + first, argc - first, note));
}
