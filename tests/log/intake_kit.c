/* See intake_kit.h. */
#include "tests/log/intake_kit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/io.h"
#include "base/record.h"

#define BATCH_MAX 4096

void
kit_ok(enum sp_code rc, const struct sp_err *err)
{
	if (rc != SP_OK)
		fail_msg("%s: %s", sp_err_name(rc), err->msg);
}

static void
in_intake(const struct kit *k, const char *name, char out[256])
{
	(void)snprintf(out, 256, "%s/intake/%s", k->dir, name);
}

void
kit_init(struct kit *k)
{
	char path[256];

	*k = (struct kit){ 0 };
	/* On a memory file system if there is one: tests sync thousands of
	 * times. */
	(void)snprintf(k->dir, sizeof(k->dir), "%s/sp-intake-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(k->dir));
	in_intake(k, "", path);
	kit_ok(sp_io_mkdir(path, 0750, &k->err), &k->err);
}

static void
empty(struct kit *k)
{
	char path[256], **names;
	size_t n;

	in_intake(k, "", path);
	kit_ok(sp_io_list(path, &names, &n, &k->err), &k->err);
	for (size_t i = 0; i < n; i++) {
		in_intake(k, names[i], path);
		kit_ok(sp_io_unlink(path, &k->err), &k->err);
	}
	sp_io_names_free(names, n);
}

void
kit_done(struct kit *k)
{
	char path[256];

	kit_close(k);
	empty(k);
	in_intake(k, "", path);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(k->dir), 0);
}

enum sp_code
kit_open(struct kit *k)
{
	return (
	    sp_intake_open(k->dir, KIT_ORIGIN, 0, &k->in, &k->found, &k->err));
}

void
kit_must_open(struct kit *k)
{
	kit_ok(kit_open(k), &k->err);
}

void
kit_close(struct kit *k)
{
	sp_intake_close(k->in);
	k->in = NULL;
}

bool
kit_entry(uint64_t seq, struct sp_buf *record, struct sp_buf *msg)
{
	const struct sp_stamp st = {
		.seq = seq,
		.received = KIT_TIME + (int64_t)seq,
		.clock = KIT_TIME + (int64_t)seq,
		.by = "t",
	};
	const struct sp_event ev = { .name = "test" };

	sp_buf_clear(record);
	sp_buf_clear(msg);
	assert_int_equal(sp_record_format_event(record, &st, &ev), SP_OK);
	if (seq % 3 == 2)
		return (false);
	for (uint64_t i = 0; i < seq % 7; i++)
		assert_int_equal(
		    sp_buf_addf(
			msg, "mail %" PRIu64 " line %" PRIu64 "\r\n", seq, i),
		    SP_OK);
	return (true);
}

static int
spool(struct kit *k, const struct sp_buf *b)
{
	int fd = -1;

	kit_ok(sp_io_tmpfile(k->dir, &fd, &k->err), &k->err);
	kit_ok(sp_io_write(fd, b->p, b->n, &k->err), &k->err);
	return (fd);
}

enum sp_code
kit_commit(struct kit *k, size_t n)
{
	static struct sp_intake_entry e[BATCH_MAX];
	static struct sp_buf rec[BATCH_MAX], msg[BATCH_MAX];
	enum sp_code rc;

	assert_true(n <= BATCH_MAX);
	for (size_t i = 0; i < n; i++) {
		sp_buf_init(&rec[i], 1 << 16);
		sp_buf_init(&msg[i], 1 << 16);
		e[i] = (struct sp_intake_entry){ .fd = -1 };
		e[i].seq = sp_intake_next_seq(k->in) + i;
		e[i].has_message = kit_entry(e[i].seq, &rec[i], &msg[i]);
		e[i].record = sp_buf_view(&rec[i]);
		e[i].msg = sp_buf_view(&msg[i]);
		if (k->in_files && msg[i].n > 0) {
			e[i].fd = spool(k, &msg[i]);
			e[i].msg.p = NULL;
		}
	}
	if (k->fault != NULL)
		sp_fault_arm(k->fault, k->at);
	k->fault = NULL;
	rc = sp_intake_commit(k->in, e, n, &k->err);
	for (size_t i = 0; i < n; i++) {
		(void)sp_io_close(e[i].fd, NULL);
		sp_buf_done(&rec[i]);
		sp_buf_done(&msg[i]);
	}
	return (rc);
}

void
kit_must_commit(struct kit *k, size_t n)
{
	kit_ok(kit_commit(k, n), &k->err);
}

/* Read one entry and compare it; an error of reading is the result. */
static enum sp_code
check_item(struct kit *k, struct sp_intake_file *f,
    const struct sp_intake_item *item, uint64_t seq)
{
	struct sp_buf rec, msg, want_rec, want_msg;
	enum sp_code rc;

	sp_buf_init(&rec, 1 << 16);
	sp_buf_init(&msg, 1 << 16);
	sp_buf_init(&want_rec, 1 << 16);
	sp_buf_init(&want_msg, 1 << 16);
	rc = sp_intake_file_read(f, item, &rec, &msg, &k->err);
	if (rc == SP_OK) {
		assert_int_equal(item->seq, seq);
		assert_int_equal(
		    item->has_message, kit_entry(seq, &want_rec, &want_msg));
		assert_true(
		    sp_view_eq(sp_buf_view(&rec), sp_buf_view(&want_rec)));
		assert_true(
		    sp_view_eq(sp_buf_view(&msg), sp_buf_view(&want_msg)));
	}
	sp_buf_done(&rec);
	sp_buf_done(&msg);
	sp_buf_done(&want_rec);
	sp_buf_done(&want_msg);
	return (rc);
}

enum sp_code
kit_read(struct kit *k, uint64_t *n)
{
	struct sp_intake_info *files;
	enum sp_code rc;
	size_t count;

	*n = 0;
	rc = sp_intake_list(k->dir, &files, &count, &k->err);
	if (rc != SP_OK)
		return (rc);
	for (size_t i = 0; i < count && rc == SP_OK; i++) {
		struct sp_intake_file *f = NULL;
		struct sp_intake_item item;
		char path[256];

		in_intake(k, files[i].name, path);
		assert_int_equal(files[i].head.first, *n);
		assert_int_equal(files[i].finished, i + 1 < count);
		rc = sp_intake_file_open(path, files[i].limit, &f, &k->err);
		while (rc == SP_OK) {
			rc = sp_intake_file_next(f, &item, &k->err);
			if (rc == SP_OK)
				rc = check_item(k, f, &item, (*n)++);
		}
		if (rc == SP_EEND)
			rc = SP_OK;
		sp_intake_file_close(f);
	}
	free(files);
	return (rc);
}

const char *
kit_newest(struct kit *k)
{
	static char path[256];
	struct sp_intake_info *files;
	size_t n;

	kit_ok(sp_intake_list(k->dir, &files, &n, &k->err), &k->err);
	assert_true(n > 0);
	in_intake(k, files[n - 1].name, path);
	free(files);
	return (path);
}

void
kit_slurp(const char *path, struct sp_buf *out)
{
	struct sp_err err;

	sp_buf_init(out, 64 << 20);
	kit_ok(sp_io_read_file(path, 64 << 20, out, &err), &err);
}

void
kit_spill(const char *path, const void *p, size_t n)
{
	struct sp_err err;
	int fd = -1;

	kit_ok(sp_io_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640, &fd, &err),
	    &err);
	kit_ok(sp_io_write(fd, p, n, &err), &err);
	kit_ok(sp_io_close(fd, &err), &err);
}

void
kit_restore(
    struct kit *k, const char *path, const struct sp_buf *bytes, size_t n)
{
	char copy[256];

	(void)snprintf(copy, sizeof(copy), "%s", path);
	empty(k);
	kit_spill(copy, bytes->p, n);
}
