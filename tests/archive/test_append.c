/* The acceptance path: what is promised of seq, time, salts, clock, silence,
 * rotation and rollback. */
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "journal/archive/append.h"
#include "journal/archive/append_clock.h"
#include "journal/archive/guard.h"
#include "journal/archive/intake_read.h"
#include "journal/archive/layout.h"
#include "journal/archive/note.h"
#include "journal/archive/tree.h"

#define ORIGIN "archive.test.example/append"
#define NOW    INT64_C(1795451462000000)
#define MINUTE (60 * SP_SECOND)
#define DAY    (86400 * SP_SECOND)

static char dir[64], guard[80];
static struct sp_config *cfg;
static struct sp_append *a;
static struct sp_append_opts opts;
static struct sp_intake_found found;
static struct sp_err err;
static unsigned alarms;
static char last_alarm[512];

static void
ok(enum sp_code rc)
{
	if (rc != SP_OK)
		fail_msg("%s: %s", sp_err_name(rc), err.msg);
}

static void
on_alarm(void *ctx, const char *text)
{
	(void)ctx;
	alarms++;
	(void)snprintf(last_alarm, sizeof(last_alarm), "%s", text);
}

static int
setup(void **state)
{
	static const char *const folders[] = { "intake", "state", "archive",
		"tree", "guard" };

	(void)state;
	(void)snprintf(dir, sizeof(dir), "%s/sp-append-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < SP_COUNTOF(folders); i++) {
		char *path = sp_layout_path(dir, folders[i]);

		ok(sp_io_mkdir(path, 0750, &err));
		free(path);
	}
	ok(sp_layout_write_format(dir, ORIGIN, &err));
	(void)snprintf(guard, sizeof(guard), "%s/guard", dir);
	cfg = sp_config_default();
	opts =
	    (struct sp_append_opts){ .by = "sealpost test", .alarm = on_alarm };
	alarms = 0;
	sp_clock_set_for_test(NOW, 0);
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

static int
teardown(void **state)
{
	(void)state;
	sp_append_close(a);
	a = NULL;
	sp_config_free(cfg);
	sp_clock_set_for_test(-1, 0);
	sp_fault_arm(NULL, 0);
	return (nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS));
}

static void
start(void)
{
	ok(sp_append_open(dir, cfg, &opts, &a, &found, &err));
}

static void
stop(void)
{
	sp_append_close(a);
	a = NULL;
}

static struct sp_append_item
message(const char *text)
{
	static struct sp_facts facts;
	struct sp_append_item item = { .facts = &facts, .fd = -1 };

	facts.source = SP_VIEW_LIT("\"via\":\"smtp\",\"grade\":\"witnessed\"");
	item.msg = sp_view_str(text);
	sp_sha256_once(text, strlen(text), item.sha256);
	return (item);
}

static enum sp_code
put(const char *text)
{
	struct sp_append_item item = message(text);

	return (sp_append_commit(a, &item, 1, &err));
}

/* The record of ${seq}, from the log. */
static struct sp_record
record_of(uint64_t seq)
{
	struct sp_record r = { 0 };
	struct sp_intake_info *files;
	struct sp_buf rec, msg;
	size_t n;

	sp_buf_init(&rec, SP_RECORD_MAX);
	sp_buf_init(&msg, 1 << 20);
	ok(sp_intake_list(dir, &files, &n, &err));
	for (size_t i = 0; i < n; i++) {
		struct sp_intake_file *f = NULL;
		struct sp_intake_item item;
		char path[256];

		(void)snprintf(
		    path, sizeof(path), "%s/intake/%s", dir, files[i].name);
		ok(sp_intake_file_open(path, files[i].limit, &f, &err));
		if (sp_intake_file_seek(f, seq, &err) == SP_OK &&
		    sp_intake_file_next(f, &item, &err) == SP_OK) {
			uint8_t sum[SP_SHA256_LEN];

			ok(sp_intake_file_read(f, &item, &rec, &msg, &err));
			ok(sp_record_parse(sp_buf_view(&rec), &r, &err));
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

static void
assert_received(uint64_t seq, int64_t want)
{
	struct sp_record r = record_of(seq);

	assert_int_equal(r.received, want);
	sp_record_done(&r);
}

static void
assert_event(uint64_t seq, const char *name, const char *what)
{
	struct sp_record r = record_of(seq);
	const json_t *detail = json_object_get(r.json, "detail");

	assert_string_equal(r.event, name);
	if (what != NULL)
		assert_string_equal(
		    json_string_value(json_object_get(detail, "what")), what);
	assert_non_null(
	    json_object_get(json_object_get(r.json, "actor"), "uid"));
	sp_record_done(&r);
}

static size_t
count_files(void)
{
	struct sp_intake_info *files;
	size_t n;

	ok(sp_intake_list(dir, &files, &n, &err));
	free(files);
	return (n);
}

/* ---- entries ---------------------------------------------------------- */

static void
test_a_batch_gets_consecutive_seqs_one_time_and_salts_of_its_own(void **state)
{
	struct sp_append_item items[5];
	struct sp_event event = { .name = "hold" };
	uint8_t salts[5][SP_SALT_LEN];

	(void)state;
	start();
	for (size_t i = 0; i < 5; i++)
		items[i] = message(i % 2 == 0 ? "hello\r\n" : "");
	items[3] = (struct sp_append_item){ .event = &event, .fd = -1 };
	ok(sp_append_commit(a, items, 5, &err));
	assert_int_equal(sp_append_next_seq(a), 5);
	for (size_t i = 0; i < 5; i++) {
		struct sp_record r = record_of(i);

		assert_int_equal(items[i].seq, i);
		assert_int_equal(items[i].received, NOW);
		assert_int_equal(r.seq, i);
		assert_int_equal(r.received, NOW);
		assert_null(json_object_get(r.json, "clock"));
		assert_int_equal(r.has_message, i != 3);
		memcpy(salts[i], r.msalt, SP_SALT_LEN);
		if (i == 2)
			assert_memory_not_equal(
			    salts[0], salts[2], SP_SALT_LEN);
		sp_record_done(&r);
	}
}

static void
test_a_message_in_a_file_is_appended(void **state)
{
	struct sp_append_item item = message("from a file\r\n");

	(void)state;
	start();
	ok(sp_io_tmpfile(dir, &item.fd, &err));
	ok(sp_io_write(item.fd, item.msg.p, item.msg.n, &err));
	item.msg.p = NULL;
	ok(sp_append_commit(a, &item, 1, &err));
	(void)sp_io_close(item.fd, NULL);
	struct sp_record r = record_of(0);

	assert_int_equal(r.size, 13);
	sp_record_done(&r);
}

static void
test_a_record_that_is_too_large_takes_nothing(void **state)
{
	struct sp_event event = { .name = "hold" };
	struct sp_append_item items[2] = { message("x"), { .fd = -1 } };
	char *p = sp_xmalloc(SP_RECORD_MAX + 2);

	(void)state;
	start();
	memset(p, ' ', SP_RECORD_MAX + 2);
	p[0] = '{';
	p[SP_RECORD_MAX + 1] = '}';
	event.detail = sp_view_mem(p, SP_RECORD_MAX + 2);
	items[1].event = &event;
	assert_int_equal(sp_append_commit(a, items, 2, &err), SP_ELIMIT);
	assert_int_equal(sp_append_next_seq(a), 0);
	ok(put("x"));
	free(p);
}

static void
test_only_one_may_hold_the_role(void **state)
{
	struct sp_append *b;

	(void)state;
	start();
	assert_int_equal(
	    sp_append_open(dir, cfg, &opts, &b, &found, &err), SP_ELOCKED);
	stop();
	start();
}

static void
test_a_directory_that_is_no_archive_is_left_alone(void **state)
{
	char *path = sp_layout_path(dir, "FORMAT");
	char *lock = sp_layout_path(dir, "state/receive.lock");

	(void)state;
	ok(sp_io_unlink(path, &err));
	assert_int_equal(
	    sp_append_open(dir, cfg, &opts, &a, &found, &err), SP_ENOTFOUND);
	assert_false(sp_io_exists(lock));
	free(path);
	free(lock);
}

static void
test_a_full_disk_leaves_seq_and_clock_as_they_were(void **state)
{
	(void)state;
	start();
	ok(put("one"));
	sp_clock_set_for_test(NOW + 2 * MINUTE, 0);
	sp_fault_arm("enospc", 1);
	assert_int_equal(put("two"), SP_ENOSPC);
	sp_fault_arm(NULL, 0);
	assert_int_equal(sp_append_next_seq(a), 1);
	assert_int_equal(alarms, 0);
	/* The step is still news. */
	ok(put("two"));
	assert_int_equal(sp_append_next_seq(a), 3);
	assert_int_equal(alarms, 1);
}

/* ---- the clock -------------------------------------------------------- */

static void
test_time_never_goes_back_and_the_raw_clock_is_kept(void **state)
{
	struct sp_record r;
	const json_t *clock;

	(void)state;
	start();
	ok(put("one"));
	sp_clock_set_for_test(NOW - 30 * SP_SECOND, 0);
	ok(put("two"));
	r = record_of(1);
	assert_int_equal(r.received, NOW);
	clock = json_object_get(r.json, "clock");
	assert_string_equal(
	    json_string_value(clock), "2026-11-23T16:30:32.000000Z");
	sp_record_done(&r);
	assert_int_equal(alarms, 0);
	stop();
	/* Also over a start. */
	start();
	assert_int_equal(found.last_received, NOW);
	ok(put("three"));
	r = record_of(2);
	assert_int_equal(r.received, NOW);
	sp_record_done(&r);
}

static void
test_a_step_of_more_than_a_minute_is_logged_before_the_message(void **state)
{
	struct sp_append_item item = message("two");

	(void)state;
	start();
	ok(put("one"));
	sp_clock_set_for_test(NOW + 59 * SP_SECOND, 0);
	ok(put("small"));
	assert_int_equal(alarms, 0);
	sp_clock_set_for_test(NOW + 2 * MINUTE, 0);
	ok(sp_append_commit(a, &item, 1, &err));
	assert_int_equal(item.seq, 3);
	assert_int_equal(item.received, NOW + 2 * MINUTE);
	assert_event(2, "clock", "step");
	assert_int_equal(alarms, 1);
	/* Once. */
	ok(put("three"));
	assert_int_equal(sp_append_next_seq(a), 5);
	sp_clock_set_for_test(NOW - 2 * MINUTE, 0);
	ok(put("back"));
	assert_event(5, "clock", "step");
	assert_int_equal(alarms, 2);
}

static void
test_a_leap_of_more_than_a_day_is_refused_until_the_clock_is_back(void **state)
{
	(void)state;
	start();
	ok(put("one"));
	sp_clock_set_for_test(NOW + DAY + MINUTE, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(put("two"), SP_ECLOCK);
		ok(sp_append_tick(a, &err));
	}
	assert_non_null(strstr(err.msg, "--accept-clock"));
	assert_int_equal(alarms, 1);
	assert_int_equal(sp_append_next_seq(a), 1);
	sp_clock_set_for_test(NOW + SP_SECOND, 0);
	ok(put("two"));
	assert_int_equal(sp_append_next_seq(a), 2);
}

static void
test_an_accepted_leap_is_logged(void **state)
{
	(void)state;
	start();
	ok(put("one"));
	sp_clock_set_for_test(NOW + 2 * DAY, 0);
	assert_int_equal(put("two"), SP_ECLOCK);
	sp_append_accept_clock(a);
	ok(put("two"));
	assert_event(1, "clock", "leap");
	assert_int_equal(sp_append_next_seq(a), 3);
	/* It was that leap, not every leap. */
	sp_clock_set_for_test(NOW + 4 * DAY, 0);
	assert_int_equal(put("three"), SP_ECLOCK);
}

static void
test_a_leap_since_the_last_entry_is_refused_at_start(void **state)
{
	(void)state;
	start();
	ok(put("one"));
	stop();
	sp_clock_set_for_test(NOW + DAY + SP_SECOND, 0);
	start();
	ok(sp_append_tick(a, &err));
	assert_int_equal(put("two"), SP_ECLOCK);
	assert_int_equal(alarms, 1);
	stop();
	opts.accept_clock = true;
	start();
	ok(put("two"));
	assert_event(1, "clock", "leap");
	stop();
	opts.accept_clock = false;
	start();
	ok(put("three"));
	assert_int_equal(sp_append_next_seq(a), 4);
}

static void
test_accepting_without_a_leap_accepts_no_later_one(void **state)
{
	(void)state;
	opts.accept_clock = true;
	start();
	ok(put("one"));
	sp_clock_set_for_test(NOW + 2 * DAY, 0);
	assert_int_equal(put("two"), SP_ECLOCK);
}

static void
test_a_clock_far_behind_the_last_entry_is_logged_at_start(void **state)
{
	(void)state;
	start();
	ok(put("one"));
	stop();
	sp_clock_set_for_test(NOW - DAY, 0);
	start();
	ok(put("two"));
	assert_event(1, "clock", "step");
	assert_received(2, NOW);
}

/* {step in a running clock, last entry -> now at start, want} */
static void
test_the_clock_rules_at_their_limits(void **state)
{
	static const struct {
		const char *name;
		bool running, synchronised, accepted;
		int64_t step;
		enum sp_clock_word want;
	} t[] = {
		{ "a minute", true, false, false, MINUTE, SP_CLOCK_FINE },
		{ "over a minute", true, false, false, MINUTE + 1,
		    SP_CLOCK_STEPPED },
		{ "a minute back", true, false, false, -MINUTE, SP_CLOCK_FINE },
		{ "over a minute back", true, false, false, -MINUTE - 1,
		    SP_CLOCK_STEPPED },
		{ "a day", true, false, false, DAY, SP_CLOCK_STEPPED },
		{ "over a day", true, false, false, DAY + 1, SP_CLOCK_REFUSED },
		{ "over a day, synchronised", true, true, false, DAY + 1,
		    SP_CLOCK_ACCEPTED },
		{ "over a day, accepted", true, false, true, DAY + 1,
		    SP_CLOCK_ACCEPTED },
		{ "days back", true, false, false, -9 * DAY, SP_CLOCK_STEPPED },
		{ "start, a day later", false, false, false, DAY,
		    SP_CLOCK_FINE },
		{ "start, over a day later", false, false, false, DAY + 1,
		    SP_CLOCK_REFUSED },
		{ "start, years later, synchronised", false, true, false,
		    900 * DAY, SP_CLOCK_ACCEPTED },
		{ "start, a minute before", false, false, false, -MINUTE,
		    SP_CLOCK_FINE },
		{ "start, over a minute before", false, false, false,
		    -MINUTE - 1, SP_CLOCK_STEPPED },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(t); i++) {
		struct sp_append_clock c = { .last = NOW,
			.accepted = t[i].accepted };
		struct sp_clock_look l;

		if (t[i].running) {
			c.running = true;
			c.wall = NOW;
			c.boot = 1000;
		}
		/* Five seconds later by the boot clock. */
		sp_append_clock_look(&c,
		    NOW + t[i].step + (t[i].running ? 5 * SP_SECOND : 0),
		    1000 + 5 * SP_SECOND, t[i].synchronised, &l);
		if (l.word != t[i].want)
			fail_msg("%s: got %d, want %d", t[i].name, (int)l.word,
			    (int)t[i].want);
	}
}

static void
test_slewing_is_no_step(void **state)
{
	struct sp_append_clock c = { .last = NOW };
	int64_t wall = NOW, boot = 0;
	struct sp_clock_look l;

	(void)state;
	/* A month of 500 ppm, looked at every second and a half hour. */
	for (int i = 0; i < 3000; i++) {
		const int64_t by = (i % 2 == 0 ? 1 : 1800) * SP_SECOND;

		sp_append_clock_look(&c, wall, boot, false, &l);
		assert_int_equal(l.word, SP_CLOCK_FINE);
		sp_append_clock_take(&c, &l);
		boot += by;
		wall += by + by / 2000;
	}
}

/* ---- silence and rotation --------------------------------------------- */

static void
test_silence_is_broken_by_a_heartbeat(void **state)
{
	(void)state;
	cfg->heartbeat = 3600;
	start();
	ok(sp_append_tick(a, &err));
	assert_int_equal(sp_append_next_seq(a), 0);
	ok(put("one"));
	ok(sp_append_tick(a, &err));
	assert_int_equal(sp_append_next_seq(a), 1);
	stop();
	/* The pause before a start is silence too. */
	sp_clock_set_for_test(NOW + 2 * 3600 * SP_SECOND, 0);
	start();
	ok(sp_append_tick(a, &err));
	assert_int_equal(sp_append_next_seq(a), 2);
	assert_event(1, "heartbeat", NULL);
	ok(sp_append_tick(a, &err));
	assert_int_equal(sp_append_next_seq(a), 2);
}

static void
test_a_file_is_finished_at_its_size(void **state)
{
	char big[3000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	cfg->seal_size = 12000;
	start();
	for (int i = 0; i < 4; i++)
		ok(put(big));
	assert_int_equal(count_files(), 1);
	ok(put(big));
	assert_int_equal(count_files(), 2);
	ok(sp_append_rotate(a, &err));
	assert_int_equal(count_files(), 3);
	ok(sp_append_rotate(a, &err));
	assert_int_equal(count_files(), 3);
}

static void
test_a_file_is_finished_at_its_age_but_never_empty(void **state)
{
	(void)state;
	cfg->seal_age = 7200;
	cfg->heartbeat = 0;
	start();
	ok(put("one"));
	stop();
	sp_clock_set_for_test(NOW + 7199 * SP_SECOND, 0);
	start();
	ok(sp_append_tick(a, &err));
	assert_int_equal(count_files(), 1);
	stop();
	sp_clock_set_for_test(NOW + 7200 * SP_SECOND, 0);
	start();
	for (int i = 0; i < 3; i++)
		ok(sp_append_tick(a, &err));
	assert_int_equal(count_files(), 2);
	assert_int_equal(sp_append_next_seq(a), 1);
}

/* ---- rollback --------------------------------------------------------- */

/* Tree and checkpoint over the first ${n} entries; the note to ${out}. */
static void
sign(uint64_t n, char tag, struct sp_buf *out)
{
	static const uint8_t seed[32] = { 7 };
	struct sp_checkpoint c = { .origin = ORIGIN, .size = n };
	struct sp_signer *s = NULL;
	struct sp_tree *t = NULL;
	struct sp_buf text;
	char vkey[300], *path = sp_layout_path(dir, "tree/checkpoint");
	char *key = sp_layout_path(guard, "log.vkey");

	ok(sp_tree_open(dir, &t, &err));
	for (uint64_t i = sp_tree_size(t); i < n; i++) {
		struct sp_line l = { .seq = i, .received = NOW };
		char line[SP_LINE_MAX];
		size_t len;

		l.record[0] = (uint8_t)tag;
		len = sp_line_format(&l, line);
		ok(sp_tree_add(t, sp_view_mem(line, len), &err));
	}
	ok(sp_tree_commit(t, &err));
	ok(sp_tree_root(t, n, &c.root, &err));
	sp_tree_close(t);
	ok(sp_signer_new(ORIGIN, seed, &s, &err));
	sp_buf_init(&text, SP_NOTE_MAX);
	assert_int_equal(sp_checkpoint_format(&c, &text), SP_OK);
	sp_buf_clear(out);
	ok(sp_note_sign(sp_buf_view(&text), s, out, &err));
	sp_vkey_format(sp_signer_vkey(s), vkey);
	ok(sp_io_replace(key, vkey, strlen(vkey), 0644, &err));
	ok(sp_io_replace(path, out->p, out->n, 0644, &err));
	sp_signer_free(s);
	sp_buf_done(&text);
	free(path);
	free(key);
}

static void
forget_tree(void)
{
	char *tail = sp_layout_path(dir, "tree/tail");
	char *checkpoint = sp_layout_path(dir, "tree/checkpoint");

	ok(sp_io_unlink(tail, &err));
	ok(sp_io_unlink(checkpoint, &err));
	free(tail);
	free(checkpoint);
}

static void
assert_rolled_back(uint64_t next, enum sp_code want, const char *words)
{
	assert_int_equal(sp_guard_check(dir, guard, next, &err), want);
	if (want == SP_OK)
		return;
	if (strstr(err.msg, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", err.msg, words);
	if (want == SP_EROLLBACK)
		assert_non_null(strstr(err.msg, "init --continues"));
}

static void
test_an_archive_without_checkpoints_was_not_rolled_back(void **state)
{
	(void)state;
	assert_rolled_back(0, SP_OK, "");
	assert_rolled_back(9, SP_OK, "");
}

static void
test_an_intake_log_shorter_than_what_was_signed_is_a_rollback(void **state)
{
	struct sp_buf note;

	(void)state;
	sp_buf_init(&note, SP_NOTE_MAX);
	sign(5, 'a', &note);
	assert_rolled_back(4, SP_EROLLBACK, "intake log ends after 4 entries");
	assert_rolled_back(5, SP_OK, "");
	assert_rolled_back(6, SP_OK, "");
	sp_buf_done(&note);
}

static void
test_a_tree_older_than_the_guard_is_a_rollback(void **state)
{
	struct sp_buf note;

	(void)state;
	sp_buf_init(&note, SP_NOTE_MAX);
	sign(5, 'a', &note);
	ok(sp_guard_put(guard, sp_buf_view(&note), &err));
	assert_rolled_back(5, SP_OK, "");
	forget_tree();
	sign(3, 'a', &note);
	assert_rolled_back(5, SP_EROLLBACK, "tree/tail covers 3 entries");
	assert_rolled_back(3, SP_EROLLBACK, "guard directory");
	sp_buf_done(&note);
}

static void
test_another_history_than_the_guards_is_a_rollback(void **state)
{
	struct sp_buf note;

	(void)state;
	sp_buf_init(&note, SP_NOTE_MAX);
	sign(5, 'a', &note);
	ok(sp_guard_put(guard, sp_buf_view(&note), &err));
	forget_tree();
	sign(9, 'b', &note);
	assert_rolled_back(9, SP_EROLLBACK, "not those that were signed");
	sp_buf_done(&note);
}

static void
test_a_guard_that_nobody_signed_is_refused(void **state)
{
	struct sp_buf note;

	(void)state;
	sp_buf_init(&note, SP_NOTE_MAX);
	sign(5, 'a', &note);
	note.p[note.n - 9] ^= 1;
	ok(sp_guard_put(guard, sp_buf_view(&note), &err));
	assert_int_not_equal(sp_guard_check(dir, guard, 5, &err), SP_OK);
	assert_non_null(strstr(err.msg, "guard"));
	sp_buf_done(&note);
}

static void
test_a_rolled_back_archive_takes_nothing(void **state)
{
	struct sp_buf note;

	(void)state;
	sp_buf_init(&note, SP_NOTE_MAX);
	cfg->guard = sp_xstrdup(guard);
	start();
	for (int i = 0; i < 5; i++)
		ok(put("x"));
	stop();
	sign(5, 'a', &note);
	ok(sp_guard_put(guard, sp_buf_view(&note), &err));
	start();
	stop();
	sign(6, 'a', &note);
	ok(sp_guard_put(guard, sp_buf_view(&note), &err));
	assert_int_equal(
	    sp_append_open(dir, cfg, &opts, &a, &found, &err), SP_EROLLBACK);
	sp_buf_done(&note);
}

/* The intake log holds no entry any more: time comes from the tree. */
static void
test_time_goes_on_after_everything_was_packed(void **state)
{
	struct sp_intake_info *files;
	struct sp_buf note;
	char path[256];
	size_t n;

	(void)state;
	sp_buf_init(&note, SP_NOTE_MAX);
	start();
	ok(put("x"));
	ok(sp_append_rotate(a, &err));
	stop();
	sign(1, 'a', &note);
	ok(sp_intake_list(dir, &files, &n, &err));
	assert_int_equal(n, 2);
	(void)snprintf(path, sizeof(path), "%s/intake/%s", dir, files[0].name);
	free(files);
	ok(sp_io_unlink(path, &err));
	sp_clock_set_for_test(NOW - 10 * SP_SECOND, 0);
	start();
	assert_int_equal(found.last_received, NOW);
	assert_int_equal(found.next_seq, 1);
	ok(put("y"));
	assert_received(1, NOW);
	sp_buf_done(&note);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_batch_gets_consecutive_seqs_one_time_and_salts_of_its_own),
		T(test_a_message_in_a_file_is_appended),
		T(test_a_record_that_is_too_large_takes_nothing),
		T(test_only_one_may_hold_the_role),
		T(test_a_directory_that_is_no_archive_is_left_alone),
		T(test_a_full_disk_leaves_seq_and_clock_as_they_were),
		T(test_time_never_goes_back_and_the_raw_clock_is_kept),
		T(test_a_step_of_more_than_a_minute_is_logged_before_the_message),
		T(test_a_leap_of_more_than_a_day_is_refused_until_the_clock_is_back),
		T(test_an_accepted_leap_is_logged),
		T(test_a_leap_since_the_last_entry_is_refused_at_start),
		T(test_accepting_without_a_leap_accepts_no_later_one),
		T(test_a_clock_far_behind_the_last_entry_is_logged_at_start),
		T(test_the_clock_rules_at_their_limits),
		T(test_slewing_is_no_step),
		T(test_silence_is_broken_by_a_heartbeat),
		T(test_a_file_is_finished_at_its_size),
		T(test_a_file_is_finished_at_its_age_but_never_empty),
		T(test_an_archive_without_checkpoints_was_not_rolled_back),
		T(test_an_intake_log_shorter_than_what_was_signed_is_a_rollback),
		T(test_a_tree_older_than_the_guard_is_a_rollback),
		T(test_another_history_than_the_guards_is_a_rollback),
		T(test_a_guard_that_nobody_signed_is_refused),
		T(test_a_rolled_back_archive_takes_nothing),
		T(test_time_goes_on_after_everything_was_packed),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
