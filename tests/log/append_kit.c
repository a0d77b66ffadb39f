/*
 * See append_kit.h.  A helper that fails ends the test with the error's text.
 */
#include "tests/log/append_kit.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "journal/log/intake_read.h"
#include "base/layout.h"
#include "base/sha256.h"

char ak_dir[64], ak_guard[80];
struct sp_config *ak_cfg;
struct sp_append *ak;
struct sp_append_opts ak_opts;
struct sp_intake_found ak_found;
struct sp_err ak_err;
unsigned ak_alarms, ak_ended;

void
ak_ok(enum sp_code rc)
{
	if (rc != SP_OK)
		fail_msg("%s: %s", sp_err_name(rc), ak_err.msg);
}

static void
on_alarm(void *ctx, const char *cause, const char *text)
{
	(void)ctx;
	(void)cause;
	ak_alarms += text != NULL;
	ak_ended += text == NULL;
}

int
ak_setup(void **state)
{
	static const char *const folders[] = { "intake", "state", "archive",
		"tree", "guard" };

	(void)state;
	(void)snprintf(ak_dir, sizeof(ak_dir), "%s/sp-append-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(ak_dir));
	for (size_t i = 0; i < SP_COUNTOF(folders); i++) {
		char *path = sp_layout_path(ak_dir, folders[i]);

		ak_ok(sp_io_mkdir(path, 0750, &ak_err));
		free(path);
	}
	ak_ok(sp_layout_write_format(ak_dir, AK_ORIGIN, &ak_err));
	(void)snprintf(ak_guard, sizeof(ak_guard), "%s/guard", ak_dir);
	ak_cfg = sp_config_default();
	ak_opts =
	    (struct sp_append_opts){ .by = "sealpost test", .alarm = on_alarm };
	ak_alarms = ak_ended = 0;
	sp_clock_set_for_test(AK_NOW, 0);
	return (0);
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return (remove(path));
}

int
ak_teardown(void **state)
{
	(void)state;
	sp_append_close(ak);
	ak = NULL;
	sp_config_free(ak_cfg);
	sp_clock_set_for_test(-1, 0);
	sp_fault_arm(NULL, 0);
	return (nftw(ak_dir, drop, 8, FTW_DEPTH | FTW_PHYS));
}

void
ak_start(void)
{
	ak_ok(
	    sp_append_open(ak_dir, ak_cfg, &ak_opts, &ak, &ak_found, &ak_err));
}

void
ak_stop(void)
{
	sp_append_close(ak);
	ak = NULL;
}

struct sp_append_item
ak_message(const char *text)
{
	static struct sp_facts facts;
	struct sp_append_item item = { .facts = &facts, .fd = -1 };

	facts.source = SP_VIEW_LIT("\"via\":\"smtp\",\"grade\":\"witnessed\"");
	item.msg = sp_view_str(text);
	sp_sha256_once(text, strlen(text), item.sha256);
	return (item);
}

enum sp_code
ak_put(const char *text)
{
	struct sp_append_item item = ak_message(text);

	return (sp_append_commit(ak, &item, 1, &ak_err));
}

struct sp_record
ak_record(uint64_t seq)
{
	struct sp_record r = { 0 };
	struct sp_intake_info *files;
	struct sp_buf rec, msg;
	size_t n;

	sp_buf_init(&rec, SP_RECORD_MAX);
	sp_buf_init(&msg, 1 << 20);
	ak_ok(sp_intake_list(ak_dir, &files, &n, &ak_err));
	for (size_t i = 0; i < n; i++) {
		struct sp_intake_file *f = NULL;
		struct sp_intake_item item;
		char path[256];

		(void)snprintf(
		    path, sizeof(path), "%s/intake/%s", ak_dir, files[i].name);
		ak_ok(sp_intake_file_open(path, files[i].limit, &f, &ak_err));
		if (sp_intake_file_seek(f, seq, &ak_err) == SP_OK &&
		    sp_intake_file_next(f, &item, &ak_err) == SP_OK) {
			uint8_t sum[SP_SHA256_LEN];

			ak_ok(
			    sp_intake_file_read(f, &item, &rec, &msg, &ak_err));
			ak_ok(sp_record_parse(sp_buf_view(&rec), &r, &ak_err));
			sp_sha256_once(msg.p, msg.n, sum);
			if (r.has_message)
				assert_memory_equal(r.sha256, sum, sizeof(sum));
			assert_int_equal(r.has_message, item.has_message);
		}
		sp_intake_file_close(f);
	}
	free(files);
	sp_buf_done(&rec);
	sp_buf_done(&msg);
	assert_non_null(r.json);
	return (r);
}

void
ak_assert_received(uint64_t seq, int64_t want)
{
	struct sp_record r = ak_record(seq);

	assert_int_equal(r.received, want);
	sp_record_done(&r);
}

void
ak_assert_event(uint64_t seq, const char *name, const char *what)
{
	struct sp_record r = ak_record(seq);
	const json_t *detail = json_object_get(r.json, "detail");

	assert_string_equal(r.event, name);
	if (what != NULL)
		assert_string_equal(
		    json_string_value(json_object_get(detail, "what")), what);
	assert_non_null(
	    json_object_get(json_object_get(r.json, "actor"), "uid"));
	sp_record_done(&r);
}

size_t
ak_files(void)
{
	struct sp_intake_info *files;
	size_t n;

	ak_ok(sp_intake_list(ak_dir, &files, &n, &ak_err));
	free(files);
	return (n);
}
