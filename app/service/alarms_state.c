/*
 * The register of alarms as JSON: state/alarms, and the lists that `sealpost
 * alarms` shows.  The state is a cache that saves repetitions over restarts:
 *
 *	{"v":1,"last_id":N,"open":[ALARM...],"ended":[ALARM...],
 *	 "notices":[{"entry":{...},"mail":{...},"way":"all"}...]}
 *
 * An ALARM has id, cause, worker, text, count, the times begun, last, told and
 * ended as microseconds, and what acknowledged it.  A notice has "entry" as
 * long as it is not in the log, and "mail" as long as it is not told.
 */
#include <stdlib.h>
#include <string.h>

#include "app/service/alarms.h"
#include "base/time_text.h"

#define VERSION 1

/* ---- writing ------------------------------------------------------------- */

/* ${text} up to ${max} bytes, at the end of a character. */
static void
write_text(struct sp_json *j, const char *key, const char *text, size_t max)
{
	size_t n = strlen(text);
	char *cut;

	if (n <= max) {
		sp_json_cstr(j, key, text);
		return;
	}
	for (n = max; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
		;
	cut = sp_xasprintf("%.*s...", (int)n, text);
	sp_json_cstr(j, key, cut);
	free(cut);
}

/* An alarm as one object; the texts of people are short, the others are cut to
 * ${text_max}. */
static void
write_alarm(struct sp_json *j, const struct sp_alarm *x, size_t text_max)
{
	sp_json_obj(j, NULL);
	sp_json_u64(j, "id", x->id);
	sp_json_cstr(j, "cause", x->cause);
	sp_json_cstr(j, "state", x->ended != 0 ? "ended" : "open");
	sp_json_cstr(j, "worker", x->worker);
	write_text(j, "text", x->text, text_max);
	sp_json_u64(j, "count", x->count);
	sp_alarms_write_time(j, "since", x->begun);
	sp_alarms_write_time(j, "last", x->last);
	sp_alarms_write_time(j, "told", x->told);
	sp_alarms_write_time(j, "ended", x->ended);
	sp_json_u64(j, "returns", x->returns);
	sp_json_bool(j, "acknowledged", x->acknowledged);
	if (x->acknowledged) {
		sp_alarms_write_time(j, "acknowledged_at", x->acknowledged_at);
		write_text(j, "by", x->by, text_max);
		if (x->note != NULL)
			write_text(j, "note", x->note, text_max);
	}
	sp_json_obj_end(j);
}

void
sp_alarms_write_open(
    const struct sp_alarms *a, struct sp_json *j, size_t text_max)
{
	sp_json_arr(j, "open");
	for (const struct sp_alarm *x = a->open; x != NULL; x = x->next)
		write_alarm(j, x, text_max);
	sp_json_arr_end(j);
}

void
sp_alarms_write_lists(
    const struct sp_alarms *a, struct sp_json *j, size_t text_max)
{
	sp_alarms_write_open(a, j, text_max);
	sp_json_arr(j, "ended");
	for (const struct sp_alarm *x = a->ended; x != NULL; x = x->next)
		write_alarm(j, x, text_max);
	sp_json_arr_end(j);
}

/* Notices of which nothing is left to do are not there any more. */
enum sp_code
sp_alarms_save(const struct sp_alarms *a, struct sp_buf *out)
{
	struct sp_json j;
	enum sp_code rc;

	sp_json_init(&j, out);
	sp_json_obj(&j, NULL);
	sp_json_u64(&j, "v", VERSION);
	sp_json_u64(&j, "last_id", a->last_id);
	sp_alarms_write_lists(a, &j, SP_ALARMS_TEXT_MAX + 64);
	sp_json_arr(&j, "notices");
	for (const struct sp_alarm_notice *n = a->notices; n != NULL;
	     n = n->next) {
		sp_json_obj(&j, NULL);
		if (n->entry_due)
			sp_json_raw(&j, "entry", sp_view_str(n->entry));
		if (n->mail_due) {
			sp_json_raw(&j, "mail", sp_view_str(n->mail));
			sp_json_cstr(&j, "way", n->way);
		}
		sp_json_obj_end(&j);
	}
	sp_json_arr_end(&j);
	sp_json_obj_end(&j);
	rc = sp_json_end(&j);
	return (rc == SP_OK ? sp_buf_addc(out, '\n') : rc);
}

/* ---- reading ------------------------------------------------------------- */

static char *
read_text(const json_t *obj, const char *key)
{
	const char *text = json_string_value(json_object_get(obj, key));

	return (text == NULL ? NULL : sp_xstrdup(text));
}

static int64_t
read_time(const json_t *obj, const char *key)
{
	const char *text = json_string_value(json_object_get(obj, key));
	int64_t us = 0;

	if (text == NULL || !sp_time_parse(sp_view_str(text), &us))
		return (0);
	return (us);
}

/* Put the alarm of ${obj} at the end of ${list}; one that lacks what it needs
 * is left out. */
static void
read_alarm(const json_t *obj, bool ended, struct sp_alarm **list)
{
	const char *cause = json_string_value(json_object_get(obj, "cause"));
	struct sp_alarm *x;
	uint64_t returns = 0;

	if (cause == NULL || strlen(cause) >= SP_ALARMS_CAUSE_MAX ||
	    read_time(obj, "since") == 0)
		return;
	x = sp_xcalloc(1, sizeof(*x));
	(void)snprintf(x->cause, sizeof(x->cause), "%s", cause);
	(void)sp_json_get_u64(obj, "id", &x->id);
	(void)sp_json_get_u64(obj, "count", &x->count);
	(void)sp_json_get_u64(obj, "returns", &returns);
	x->returns = returns < 20 ? (unsigned)returns : 20;
	x->worker = read_text(obj, "worker");
	x->text = read_text(obj, "text");
	x->begun = read_time(obj, "since");
	x->last = read_time(obj, "last");
	x->told = read_time(obj, "told");
	x->ended = ended ? read_time(obj, "ended") : 0;
	x->acknowledged = json_is_true(json_object_get(obj, "acknowledged"));
	x->acknowledged_at = read_time(obj, "acknowledged_at");
	x->by = read_text(obj, "by");
	x->note = read_text(obj, "note");
	if (x->worker == NULL)
		x->worker = sp_xstrdup("-");
	if (x->text == NULL)
		x->text = sp_xstrdup("");
	if (x->by == NULL)
		x->by = sp_xstrdup("-");
	while (*list != NULL)
		list = &(*list)->next;
	*list = x;
}

/* A member that is an object, as JSON text; NULL if it is none. */
static char *
read_object(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);
	char *dumped, *text;

	if (!json_is_object(v))
		return (NULL);
	dumped = json_dumps(v, JSON_COMPACT);
	text = dumped == NULL ? NULL : sp_xstrdup(dumped);
	free(dumped);
	return (text);
}

static void
read_notice(const json_t *obj, struct sp_alarm_notice **list)
{
	static const char *const ways[] = { "all", "command", "mail" };
	const char *way = json_string_value(json_object_get(obj, "way"));
	struct sp_alarm_notice *n = sp_xcalloc(1, sizeof(*n));

	n->entry = read_object(obj, "entry");
	n->mail = read_object(obj, "mail");
	n->entry_due = n->entry != NULL;
	n->mail_due = n->mail != NULL;
	n->way = ways[0];
	for (size_t i = 0; way != NULL && i < SP_COUNTOF(ways); i++) {
		if (strcmp(way, ways[i]) == 0)
			n->way = ways[i];
	}
	while (*list != NULL)
		list = &(*list)->next;
	*list = n;
}

/* What is left out stays out: the next save forgets it. */
enum sp_code
sp_alarms_load(struct sp_alarms *a, struct sp_view text, struct sp_err *err)
{
	json_t *root = NULL;
	const json_t *v;
	uint64_t version = 0;
	size_t i;
	enum sp_code rc = sp_json_load(text, &root, err);

	if (rc != SP_OK)
		return (rc);
	if (!sp_json_get_u64(root, "v", &version) || version != VERSION) {
		json_decref(root);
		return (sp_err_set(err, SP_EFORMAT, 0, "unknown version"));
	}
	(void)sp_json_get_u64(root, "last_id", &a->last_id);
	json_array_foreach(json_object_get(root, "open"), i, v)
	    read_alarm(v, false, &a->open);
	json_array_foreach(json_object_get(root, "ended"), i, v)
	    read_alarm(v, true, &a->ended);
	json_array_foreach(json_object_get(root, "notices"), i, v)
	    read_notice(v, &a->notices);
	json_decref(root);
	return (SP_OK);
}
