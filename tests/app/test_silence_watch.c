/* Silence over a real index: told once, over restarts, and told when over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/service/silence_watch.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/time_text.h"
#include "tests/index/kit.h"

#define SOURCE "\"via\":\"smtp\",\"grade\":\"witnessed\",\"listener\":\"mta\""
#define PULLED                                               \
	"\"via\":\"imap\",\"grade\":\"pulled\",\"account\":" \
	"\"box\""
#define IMPORTED "\"via\":\"eml\",\"grade\":\"imported\",\"listener\":\"old\""
#define HOUR	 (3600 * SP_SECOND)

static struct kit k;
static struct sp_app app;
static struct sp_config *cfg;
static char said[4096];

static void
say(void *ctx, const char *cause, bool begins, const char *text)
{
	(void)ctx;
	(void)snprintf(said + strlen(said), sizeof(said) - strlen(said),
	    "%s %s: %s\n", cause, begins ? "begins" : "ends",
	    text == NULL ? "" : text);
}

/* Each look is one after a restart. */
static const char *
look_since(int64_t started, int64_t now)
{
	struct sp_silence_watch *w;
	struct sp_err err;

	said[0] = '\0';
	w = sp_silence_watch_new(&app, started, say, NULL);
	if (sp_silence_watch_look(w, now, &err) != SP_OK)
		fail_msg("%s", err.msg);
	sp_silence_watch_free(w);
	return (said);
}

static const char *
look(int64_t now)
{
	return (look_since(0, now));
}

static void
add(const char *time, const char *from, const char *source)
{
	kit_clock(&k, time);
	(void)kit_add_with(&k, "From: x@y.example\r\n\r\nb\r\n", from,
	    "j@archive.example", source, NULL);
}

/* Twelve days of a message each hour, the last on 2026-01-12 at 23:30. */
static void
fill(void)
{
	char time[64];

	kit_init(&k, "2026-01-01T00:00:00Z");
	for (int day = 1; day <= 12; day++) {
		for (int hour = 0; hour < 24; hour++) {
			(void)snprintf(time, sizeof(time),
			    "2026-01-%02dT%02d:30:00Z", day, hour);
			add(time, "ann@Corp.Example", SOURCE);
			add(time, "<>", PULLED);
			/* Would be a line of its own in state/silence. */
			add(time, "eve@e.example\n0 99 evil", SOURCE);
			add(time, "old@import.example", IMPORTED);
		}
	}
	kit_index(&k);
}

/* state/silence */
static const char *
app_state(void)
{
	static char path[4200];

	(void)snprintf(path, sizeof(path), "%s/state/silence", k.fx.dir);
	return (path);
}

static int64_t
at(const char *time)
{
	int64_t from, end;
	struct sp_err err;

	if (sp_time_parse_human(time, NULL, 0, &from, &end, &err) != SP_OK)
		fail_msg("%s", err.msg);
	return (from);
}

static void
config(void)
{
	static const char text[] =
	    "listen mta {\naddress = \"127.0.0.1:2525\"\n"
	    "}\npull box {\nserver = imap.corp.example\nuser = j\n"
	    "type = imap\npassword_file = /dev/null\n}\n"
	    "watch {\nlearn = 28d\n}\n";
	struct sp_err err;

	if (sp_config_parse("f", sp_view_str(text), &cfg, &err) != SP_OK)
		fail_msg("%s", err.msg);
	app.cfg = cfg;
	app.dir = k.fx.dir;
}

static void
test_a_silence_is_told_once_and_so_is_its_end(void **state)
{
	struct sp_buf empty;

	(void)state;
	sp_buf_init(&empty, 1);
	fill();
	config();
	assert_string_equal(look(at("2026-01-13T03:00:00Z")), "");
	/* Just started: what was sent meanwhile is still on its way. */
	assert_string_equal(
	    look_since(at("2026-01-13T22:40:00Z"), at("2026-01-13T23:00:00Z")),
	    "");
	/* A day without: 24 messages are missed. */
	(void)look(at("2026-01-13T23:00:00Z"));
	if (strstr(said, "silence:mta begins: nothing from listener mta since "
			 "2026-01-12T23:30") == NULL ||
	    strstr(said, "sender domain corp.example since") == NULL ||
	    strstr(said, "account box since") == NULL)
		fail_msg("said: %s", said);
	assert_null(strstr(said, "old"));
	assert_null(strstr(said, "evil"));
	assert_null(strstr(said, "import.example"));
	assert_string_equal(look(at("2026-01-14T01:00:00Z")), "");
	add("2026-01-14T02:00:00Z", "ann@corp.example", SOURCE);
	kit_index(&k);
	(void)look(at("2026-01-14T02:10:00Z"));
	if (strstr(said, "silence:mta ends: listener mta is back: nothing came "
			 "from 2026-01-12T23:30") == NULL ||
	    strstr(said, "account box is back") != NULL)
		fail_msg("said: %s", said);
	assert_string_equal(look(at("2026-01-14T02:20:00Z")), "");
	/* And silent again. */
	(void)look(at("2026-01-15T20:00:00Z"));
	assert_non_null(strstr(said, "listener mta since 2026-01-14T02:00"));
	/* Long gone: nothing is kept of it, and no alarm stays open. */
	(void)look(at("2026-03-01T00:00:00Z"));
	assert_non_null(strstr(said, "silence:mta ends: \n"));
	assert_non_null(strstr(said, "silence:domain:corp.example ends: \n"));
	assert_null(strstr(said, "begins"));
	assert_int_equal(sp_io_read_file(app_state(), 1, &empty, NULL), SP_OK);
	assert_int_equal(empty.n, 0);
	sp_buf_done(&empty);
	sp_config_free(cfg);
	kit_done(&k);
}

static void
test_a_rebuilt_index_has_the_same_traffic(void **state)
{
	struct sp_index *ix = NULL;
	struct sp_err err;

	(void)state;
	fill();
	config();
	if (sp_index_open(k.fx.dir, k.fx.cfg, 0, &(struct sp_index_report){ 0 },
		&ix, &err) != SP_OK ||
	    sp_index_drop(ix, 0, &err) != SP_OK)
		fail_msg("%s", err.msg);
	sp_index_close(ix);
	assert_string_equal(look(at("2026-01-13T23:00:00Z")), "");
	kit_index(&k);
	(void)look(at("2026-01-13T23:00:00Z"));
	assert_non_null(strstr(said, "about 2")); /* 23 or so, not twice that */
	assert_non_null(strstr(said, "listener mta"));
	sp_config_free(cfg);
	kit_done(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_silence_is_told_once_and_so_is_its_end),
		cmocka_unit_test(test_a_rebuilt_index_has_the_same_traffic),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
