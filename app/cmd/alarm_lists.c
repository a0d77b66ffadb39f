/*
 * The alarms as the commands see them (alarm_lists.h): where they are had from,
 * and the line that a person gets of one.  Nothing is taken from a file while a
 * service runs, since what it knows may not fit on the disk.
 */
#include "app/cmd/alarm_lists.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/common/cell.h"
#include "app/common/control.h"
#include "app/service/alarms.h"
#include "base/io.h"
#include "base/json.h"
#include "base/layout.h"
#include "base/time_text.h"

/* The lists of state/alarms. */
static enum sp_code
read_file(const char *dir, struct sp_buf *out, struct sp_err *err)
{
	char *path = sp_layout_path(dir, "state/alarms");
	enum sp_code rc = sp_io_read_file(path, SP_ALARMS_STATE_MAX, out, err);

	free(path);
	if (rc == SP_EIO && (err->errnum == EACCES || err->errnum == EPERM))
		rc = SP_EPERM;
	if (rc == SP_ENOTFOUND)
		return (sp_buf_adds(out, "{\"open\":[],\"ended\":[]}"));
	return (rc);
}

enum sp_code
sp_alarm_lists(const struct sp_app *app, json_t **out, struct sp_err *err)
{
	struct sp_buf text;
	enum sp_code rc;

	sp_buf_init(&text, SP_ALARMS_STATE_MAX);
	rc = sp_control_ask(app->dir, "alarms", &text, err);
	if (rc == SP_ENOTFOUND) {
		sp_buf_clear(&text);
		rc = read_file(app->dir, &text, err);
	}
	if (rc == SP_OK && sp_json_load(sp_buf_view(&text), out, err) != SP_OK)
		*out = json_pack("{s:[],s:[]}", "open", "ended");
	sp_buf_done(&text);
	return (rc);
}

/* A time of the alarm as a person reads it; "" if it has none. */
static void
read_time(const struct sp_app *app, const json_t *alarm, const char *key,
    char out[32])
{
	const char *text = json_string_value(json_object_get(alarm, key));
	int64_t us;

	out[0] = '\0';
	if (text != NULL && sp_time_parse(sp_view_str(text), &us))
		sp_time_local(us, app->tz, out);
}

static const char *
text_of(const json_t *alarm, const char *key)
{
	const char *text = json_string_value(json_object_get(alarm, key));

	return (text == NULL ? "" : text);
}

/* Causes and texts are printable already where the service made them, but the
 * file could have been changed. */
void
sp_alarm_print(const struct sp_app *app, const json_t *alarm)
{
	char since[32], ended[32];
	uint64_t id = 0, count = 0;

	(void)sp_json_get_u64(alarm, "id", &id);
	(void)sp_json_get_u64(alarm, "count", &count);
	read_time(app, alarm, "since", since);
	read_time(app, alarm, "ended", ended);
	printf("%" PRIu64 "  ", id);
	sp_cell_print(text_of(alarm, "cause"), 0, true);
	printf("  since %s", since);
	if (ended[0] != '\0')
		printf(" until %s", ended);
	if (count > 1)
		printf(", %" PRIu64 " times", count);
	if (json_is_true(json_object_get(alarm, "acknowledged"))) {
		printf(", acknowledged by ");
		sp_cell_print(text_of(alarm, "by"), 0, true);
		if (text_of(alarm, "note")[0] != '\0') {
			printf(" (");
			sp_cell_print(text_of(alarm, "note"), 0, true);
			(void)fputc(')', stdout);
		}
	}
	printf(": ");
	sp_cell_print(text_of(alarm, "text"), 0, true);
	(void)fputc('\n', stdout);
}
