/*
 * What `status` prints, collected without any lock: from the archive's files,
 * the index, and, if it runs, the service, which is asked over state/control.
 * What changes meanwhile may be counted before or after. cmd_status.c and
 * status_pull.c print it.
 */
#include "app/cmd/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/cmd/alarm_lists.h"
#include "app/common/control.h"
#include "app/host/message_count.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/time_text.h"
#include "index/index.h"
#include "index/search.h"
#include "journal/log/reader.h"
#include "journal/tree/tree.h"

/* The names that the query language has for them (flag:NAME). */
const char *const sp_finding_flag[SP_FINDINGS] = {
	[SP_FINDING_MSGID] = "msgid_conflict",
	[SP_FINDING_MALFORMED] = "journal_malformed",
	[SP_FINDING_UNTRUSTED] = "journal_untrusted",
	[SP_FINDING_TRUNCATED] = "journal_truncated",
};

/* When the file ${name} of the archive was written, wall clock, us; 0: there is
 * none. */
static int64_t
changed_at(const char *dir, const char *name)
{
	char *path = sp_layout_path(dir, name);
	struct stat st;
	int64_t at = 0;

	if (stat(path, &st) == 0)
		at = (int64_t)st.st_mtim.tv_sec * SP_SECOND +
		     st.st_mtim.tv_nsec / 1000;
	free(path);
	return (at);
}

/* Add the segments ${depth} folders below ${dir}: how many there are, and one
 * past the last entry in them. */
static enum sp_code
count_segments(
    const char *dir, unsigned depth, struct sp_status *out, struct sp_err *err)
{
	char **names = NULL;
	size_t n = 0;
	enum sp_code rc = sp_io_list(dir, &names, &n, err);

	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		struct sp_segment_name s;

		if (depth > 0) {
			char *sub = sp_layout_path(dir, names[i]);

			rc = count_segments(sub, depth - 1, out, err);
			free(sub);
		} else if (sp_layout_parse_segment(names[i], &s)) {
			out->segments++;
			if (s.last + 1 > out->sealed)
				out->sealed = s.last + 1;
		}
	}
	sp_io_names_free(names, n);
	return (rc);
}

/* Bytes on disk below ${dir}; what cannot be read counts as nothing. */
static uint64_t
disk_usage(const char *dir, unsigned depth)
{
	char **names = NULL;
	uint64_t sum = 0;
	size_t n = 0;

	if (depth > 8 || sp_io_list(dir, &names, &n, NULL) != SP_OK)
		return (0);
	for (size_t i = 0; i < n; i++) {
		char *path = sp_layout_path(dir, names[i]);
		struct stat st;

		if (lstat(path, &st) == 0) {
			if (S_ISDIR(st.st_mode))
				sum += disk_usage(path, depth + 1);
			else
				sum += (uint64_t)st.st_blocks * 512;
		}
		free(path);
	}
	sp_io_names_free(names, n);
	return (sum);
}

/* A worker of the service's reply; more than there is room for are left out. */
static void
read_worker(const json_t *w, struct sp_status *out)
{
	const char *name = json_string_value(json_object_get(w, "name"));

	if (name == NULL || out->nworkers == SP_COUNTOF(out->worker))
		return;
	(void)snprintf(out->worker[out->nworkers].name,
	    sizeof(out->worker[0].name), "%.15s", name);
	(void)sp_json_get_u64(w, "pid", &out->worker[out->nworkers].pid);
	(void)sp_json_get_u64(
	    w, "restarts", &out->worker[out->nworkers].restarts);
	out->nworkers++;
}

/* The service's reply (clients.c of app/service writes it). */
static void
read_service(const json_t *j, struct sp_status *out)
{
	const json_t *receive = json_object_get(j, "receive"), *w;
	const char *text;
	size_t i;

	out->running = true;
	(void)sp_json_get_u64(j, "pid", &out->pid);
	(void)sp_json_get_u64(j, "alarms_begun", &out->alarms_begun);
	text = json_string_value(json_object_get(j, "since"));
	(void)sp_time_parse(sp_view_str(text), &out->since);
	json_array_foreach(json_object_get(j, "workers"), i, w)
	    read_worker(w, out);
	sp_status_pull_read(json_object_get(j, "pull"), out);
	(void)sp_json_get_u64(receive, "accepted", &out->accepted);
	(void)sp_json_get_u64(receive, "refused", &out->refused);
	(void)sp_json_get_u64(receive, "deferred", &out->deferred);
	(void)sp_json_get_u64(receive, "sessions", &out->sessions);
}

/* No service, or one that this user may not ask, is no error: running stays
 * false. */
static enum sp_code
ask_service(const struct sp_app *app, struct sp_status *out, struct sp_err *err)
{
	struct sp_buf reply;
	json_t *j = NULL;
	enum sp_code rc;

	sp_buf_init(&reply, SP_CONTROL_MAX);
	rc = sp_control_ask(app->dir, "status", &reply, err);
	if (rc == SP_OK)
		rc = sp_json_load(sp_buf_view(&reply), &j, err);
	if (rc == SP_OK)
		read_service(j, out);
	json_decref(j);
	sp_buf_done(&reply);
	return (rc == SP_ENOTFOUND || rc == SP_EPERM ? SP_OK : rc);
}

/* Take over the lists of alarms (alarms.h), of the service or of its file. */
static void
read_alarms(json_t *lists, struct sp_status *out)
{
	const json_t *x;
	const char *text;
	size_t i;

	out->open_alarms = json_incref(json_object_get(lists, "open"));
	out->alarms = json_array_size(out->open_alarms);
	json_array_foreach(out->open_alarms, i, x)
	{
		if (!json_is_true(json_object_get(x, "acknowledged")))
			out->unacknowledged++;
		text = json_string_value(json_object_get(x, "text"));
		if (i == 0 && text != NULL)
			out->last_alarm = sp_xstrdup(text);
	}
}

/* The alarms that are open: the service knows; where none runs, its file has
 * those of its end.  Who may not ask sees none. */
static enum sp_code
ask_alarms(const struct sp_app *app, struct sp_status *out, struct sp_err *err)
{
	json_t *lists = NULL;
	enum sp_code rc = sp_alarm_lists(app, &lists, err);

	if (rc == SP_OK)
		read_alarms(lists, out);
	json_decref(lists);
	return (rc == SP_EPERM ? SP_OK : rc);
}

/* The messages of the log, counted there; where the tree cannot be read, those
 * of the index. */
static void
count_messages(const struct sp_app *app, struct sp_status *out)
{
	struct sp_message_count count;

	if (sp_message_count_all(app->dir, out->entries, &count, NULL) != SP_OK)
		return;
	out->messages = count.messages;
	out->last_message = count.last;
}

/* How many messages the index has, how far it reaches, and how many messages a
 * person should look at. */
static enum sp_code
ask_index(const struct sp_app *app, struct sp_status *out, struct sp_err *err)
{
	const struct sp_search_opts all = { .query = "", .count_only = true };
	struct sp_search_result result = { 0 };
	enum sp_code rc;

	rc = sp_search(app->dir, &all, NULL, NULL, &result, err);
	if (rc != SP_OK)
		return (rc);
	out->messages = result.total;
	out->indexed =
	    result.cursor < out->entries ? result.cursor : out->entries;
	for (size_t i = 0; rc == SP_OK && i < SP_FINDINGS; i++) {
		char query[64];
		const struct sp_search_opts one = { .query = query,
			.count_only = true };

		(void)snprintf(
		    query, sizeof(query), "flag:%s", sp_finding_flag[i]);
		rc = sp_search(app->dir, &one, NULL, NULL, &result, err);
		if (rc == SP_OK)
			out->finding[i] = result.total;
	}
	return (rc);
}

/* The number of entries is read first, so that the index cannot seem to be
 * ahead of the log. */
enum sp_code
sp_status_get(
    const struct sp_app *app, struct sp_status *out, struct sp_err *err)
{
	struct sp_reader *reader = NULL;
	struct sp_checkpoint c;
	struct sp_buf note;
	char *segments = sp_layout_path(app->dir, "archive");
	uint64_t inodes;
	enum sp_code rc;

	memset(out, 0, sizeof(*out));
	sp_buf_init(&note, SP_NOTE_MAX);
	rc = sp_layout_read_format(app->dir, out->origin, err);
	if (rc == SP_OK)
		rc = sp_reader_open(app->dir, &reader, err);
	if (rc == SP_OK)
		rc = sp_reader_end(reader, &out->entries, err);
	if (rc == SP_OK)
		rc = count_segments(segments, 2, out, err);
	if (rc == SP_OK) {
		rc = sp_tree_checkpoint(app->dir, &note, &c, err);
		out->have_checkpoint = rc == SP_OK;
		out->checkpoint = rc == SP_OK ? c.size : 0;
		rc = rc == SP_ENOTFOUND ? SP_OK : rc;
	}
	if (rc == SP_OK)
		rc = ask_index(app, out, err);
	if (rc == SP_OK)
		rc = sp_io_space(app->dir, &out->free_bytes, &inodes, err);
	if (rc == SP_OK)
		rc = ask_service(app, out, err);
	if (rc == SP_OK && !out->running)
		sp_status_pull_offline(app, out);
	if (rc == SP_OK)
		rc = ask_alarms(app, out, err);
	if (rc == SP_OK)
		count_messages(app, out);
	sp_serving_read(app->dir, &out->serving);
	sp_verified_read(app->dir, &out->verified);
	out->checkpoint_at = changed_at(app->dir, "tree/checkpoint");
	out->bytes = disk_usage(app->dir, 0);
	sp_reader_close(reader);
	sp_buf_done(&note);
	free(segments);
	return (rc);
}

void
sp_status_done(struct sp_status *s)
{
	json_decref(s->pull_json);
	s->pull_json = NULL;
	json_decref(s->open_alarms);
	s->open_alarms = NULL;
	free(s->last_alarm);
	s->last_alarm = NULL;
}
