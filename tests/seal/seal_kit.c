/* See seal_kit.h. */
#include "tests/seal/seal_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/line.h"
#include "base/record.h"
#include "journal/log/reader.h"
#include "journal/segment/segment_list.h"
#include "journal/tree/tree.h"

struct sp_fixture fx;
struct reported reported;

static void
on_report(void *ctx, const char *what, const char *text SP_UNUSED)
{
	struct reported *t = ctx;

	if (strcmp(what, "checkpoint") == 0)
		t->checkpoints++;
	else if (strcmp(what, "sealed") == 0)
		t->sealed++;
}

static void
on_alarm(void *ctx, const char *cause, const char *text)
{
	struct reported *t = ctx;

	if (text == NULL) {
		t->ended++;
		return;
	}
	t->alarms++;
	(void)snprintf(t->cause, sizeof(t->cause), "%s", cause);
	(void)snprintf(t->alarm, sizeof(t->alarm), "%s", text);
}

const struct sp_seal_report report = { on_report, on_alarm, &reported };

int
kit_setup(void **state)
{
	(void)state;
	reported = (struct reported){ 0 };
	sp_fixture_init(&fx);
	return (0);
}

int
kit_teardown(void **state)
{
	(void)state;
	sp_fixture_done(&fx);
	return (0);
}

struct sp_seal *
open_seal(void)
{
	struct sp_seal *s = NULL;

	must(sp_seal_open(fx.dir, fx.cfg, 1000, &report, &s, &err_));
	return (s);
}

uint64_t
checkpoint(struct sp_seal *s)
{
	uint64_t size = 0;

	must(sp_seal_checkpoint(s, &size, &err_));
	return (size);
}

unsigned
pack_all(struct sp_seal *s)
{
	unsigned n = 0;
	bool did = true;

	for (;; n++) {
		must(sp_seal_pack(s, &did, &err_));
		if (!did)
			return (n);
	}
}

size_t
count(const char *sub, const char *suffix)
{
	char *dir = sp_fixture_path(&fx, sub), **names;
	size_t n, k = 0;

	must(sp_io_list(dir, &names, &n, &err_));
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(names[i]);

		k += len >= strlen(suffix) &&
		     strcmp(names[i] + len - strlen(suffix), suffix) == 0;
	}
	sp_io_names_free(names, n);
	free(dir);
	return (k);
}

size_t
segments(void)
{
	struct sp_segment_file *v;
	size_t n;

	must(sp_segment_list(fx.dir, &v, &n, &err_));
	free(v);
	return (n);
}

/* The only segment's path. */
char *
segment_path(void)
{
	struct sp_segment_file *v;
	size_t n;
	char *path;

	must(sp_segment_list(fx.dir, &v, &n, &err_));
	assert_int_equal(n, 1);
	path = sp_fixture_path(&fx, v[0].path);
	free(v);
	return (path);
}

void
check_all(uint64_t messages)
{
	struct sp_reader *r;
	struct sp_tree *t;
	struct sp_entry e;
	struct sp_err err;
	struct sp_buf want;
	uint64_t end, n = 0, seed = 1;
	enum sp_code rc;

	sp_buf_init(&want, MAX);
	must(sp_tree_open(fx.dir, &t, &err_));
	must(sp_reader_open(fx.dir, &r, &err_));
	must(sp_reader_end(r, &end, &err_));
	for (uint64_t seq = 0;; seq++) {
		struct sp_record rec;
		struct sp_line line;
		struct sp_view leaf;
		char text[SP_LINE_MAX];

		rc = sp_reader_next(r, &e, &err);
		if (rc == SP_EEND) {
			assert_int_equal(seq, end);
			break;
		}
		if (rc != SP_OK)
			fail_msg("%s", err.msg);
		assert_int_equal(e.seq, seq);
		must(sp_record_parse(e.record, &rec, &err_));
		assert_int_equal(rec.seq, seq);
		assert_int_equal(rec.has_message, e.has_message);
		if (e.has_message) {
			sp_fixture_message(seed++, &want);
			assert_int_equal(e.msg.n, want.n);
			if (want.n > 0)
				assert_memory_equal(e.msg.p, want.p, want.n);
			n++;
		}
		if (seq < sp_tree_size(t)) {
			sp_line_of_record(&rec, e.record, &line);
			must(sp_tree_line(t, seq, &leaf, &err_));
			assert_true(sp_view_eq(leaf,
			    sp_view_mem(text, sp_line_format(&line, text))));
		}
		sp_record_done(&rec);
	}
	assert_int_equal(n, messages);
	/* And once more from the far end. */
	while (end-- > 0)
		must(sp_reader_get(r, end, &e, &err_));
	sp_reader_close(r);
	sp_tree_close(t);
	sp_buf_done(&want);
}
