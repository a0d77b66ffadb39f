/*
 * sp_create: what is made with which rights, what is refused, and that an
 * interrupted run can be completed.
 */
#include <ftw.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/config/config.h"
#include "base/fault.h"
#include "base/io.h"
#include "base/record.h"
#include "journal/log/append.h"
#include "journal/sign/cms.h"
#include "journal/seal/create.h"
#include "base/layout.h"
#include "journal/tree/note.h"
#include "journal/log/reader.h"
#include "journal/seal/seal.h"

#define ORIGIN "test.example/create"

static char root[64];
static char *dir, *guard;

/* ${err} is the caller's. */
#define must(call)                                          \
	do {                                                \
		if ((call) != SP_OK)                        \
			fail_msg("%s: %s", #call, err.msg); \
	} while (0)

static int
setup(void **state)
{
	(void)state;
	(void)umask(022);
	/* On a memory file system if there is one: tests sync thousands of
	 * times. */
	(void)snprintf(root, sizeof(root), "%s/sp-create-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(root));
	dir = sp_layout_path(root, "archive");
	guard = sp_layout_path(root, "guard");
	return (0);
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return (remove(path));
}

static int
teardown(void **state)
{
	(void)state;
	sp_fault_arm(NULL, 0);
	free(dir);
	free(guard);
	return (nftw(root, drop, 16, FTW_DEPTH | FTW_PHYS));
}

static struct sp_create
plan(void)
{
	return ((struct sp_create){ .dir = dir,
	    .origin = ORIGIN,
	    .config = SP_VIEW_LIT("# nothing\n"),
	    .guard = guard,
	    .by = "sealpost test" });
}

static enum sp_code
create(struct sp_err *err)
{
	struct sp_create c = plan();

	err->msg[0] = '\0';
	return (sp_create(&c, err));
}

/* The text of a file in the archive; the caller frees it. */
static char *
text_of(const char *base, const char *name)
{
	char *path = sp_layout_path(base, name);
	struct sp_buf b;
	struct sp_err err;

	sp_buf_init(&b, 1 << 20);
	must(sp_io_read_file(path, 1 << 20, &b, &err));
	free(path);
	return (sp_buf_take(&b, NULL));
}

static void
test_everything_is_there_with_its_mode(void **state)
{
	static const struct {
		const char *name;
		mode_t mode;
	} files[] = {
		{ "", 0750 },
		{ "FORMAT", 0640 },
		{ "sealpost.conf", 0640 },
		{ "keys", 0750 },
		{ "keys/log.key", 0600 },
		{ "keys/log.vkey", 0640 },
		{ "keys/log.pub.pem", 0640 },
		{ "keys/seal.key", 0600 },
		{ "keys/seal.crt", 0640 },
		{ "keys/seal-all.crt", 0640 },
		{ "intake", 0750 },
		{ "archive", 0750 },
		{ "tree", 0750 },
		{ "tree/checkpoints", 0750 },
		{ "index", 0750 },
		{ "state", 0750 },
	};
	struct sp_err err;
	char *a, *b;

	(void)state;
	must(create(&err));
	for (size_t i = 0; i < SP_COUNTOF(files); i++) {
		char *path = sp_layout_path(dir, files[i].name);
		struct stat st;

		if (stat(path, &st) != 0 ||
		    (st.st_mode & 07777) != files[i].mode)
			fail_msg("%s", path);
		free(path);
	}
	a = sp_layout_path(dir, ".init");
	assert_false(sp_io_exists(a));
	free(a);
	a = text_of(dir, "FORMAT");
	assert_string_equal(a, "sealpost archive 1\n" ORIGIN "\n");
	free(a);
	a = text_of(dir, "keys/log.vkey");
	b = text_of(guard, "log.vkey");
	assert_string_equal(a, b);
	free(a);
	free(b);
	a = text_of(dir, "keys/seal.crt");
	b = text_of(dir, "keys/seal-all.crt");
	assert_string_equal(a, b);
	free(a);
	free(b);
}

static void
test_the_keys_can_be_loaded(void **state)
{
	struct sp_sealer *sealer = NULL;
	struct sp_signer *signer = NULL;
	struct sp_vkey k;
	struct sp_err err;
	char *log, *vkey, *key, *crt;

	(void)state;
	must(create(&err));
	log = sp_layout_path(dir, "keys/log.key");
	vkey = sp_layout_path(dir, "keys/log.vkey");
	key = sp_layout_path(dir, "keys/seal.key");
	crt = sp_layout_path(dir, "keys/seal.crt");
	must(sp_signer_load(log, ORIGIN, &signer, &err));
	must(sp_vkey_load(vkey, &k, &err));
	assert_memory_equal(&k, sp_signer_vkey(signer), sizeof(k));
	must(sp_sealer_load(key, crt, &sealer, &err));
	sp_signer_free(signer);
	sp_sealer_free(sealer);
	free(log);
	free(vkey);
	free(key);
	free(crt);
}

/* The writer starts and stops, as the service does after init: it marks what
 * is durable where init could not. */
static void
start_writer(void)
{
	const struct sp_append_opts opts = { .by = "sealpost test" };
	struct sp_config *cfg = sp_config_default();
	struct sp_intake_found found;
	struct sp_append *a = NULL;
	struct sp_err err;

	must(sp_append_open(dir, cfg, &opts, &a, &found, &err));
	sp_append_close(a);
	sp_config_free(cfg);
}

/* Entry 0, parsed. */
static void
entry_0(struct sp_record *out)
{
	struct sp_reader *r;
	struct sp_entry e;
	struct sp_err err;
	uint64_t end;

	must(sp_reader_open(dir, &r, &err));
	must(sp_reader_end(r, &end, &err));
	if (end != 1)
		fail_msg("%d entries", (int)end);
	must(sp_reader_get(r, 0, &e, &err));
	must(sp_record_parse(e.record, out, &err));
	sp_reader_close(r);
}

static void
test_entry_0_says_who_and_how(void **state)
{
	static const char *const names[] = { "archive", "entry", "record",
		"intake", "segment", "tree", "export" };
	struct sp_record r;
	const json_t *d;
	struct sp_err err;
	char *text;

	(void)state;
	must(create(&err));
	entry_0(&r);
	assert_string_equal(r.event, "init");
	d = json_object_get(r.json, "detail");
	assert_string_equal(
	    ORIGIN, json_string_value(json_object_get(d, "origin")));
	assert_string_equal(
	    "sealpost test", json_string_value(json_object_get(d, "software")));
	assert_string_equal(
	    "UTC", json_string_value(json_object_get(d, "time_zone")));
	text = text_of(dir, "keys/seal.crt");
	assert_string_equal(
	    text, json_string_value(json_object_get(d, "seal_crt")));
	free(text);
	text = text_of(dir, "keys/log.vkey");
	text[strcspn(text, "\n")] = '\0';
	assert_string_equal(
	    text, json_string_value(json_object_get(d, "vkey")));
	free(text);
	for (size_t i = 0; i < SP_COUNTOF(names); i++)
		assert_int_equal(
		    1, json_integer_value(json_object_get(
			   json_object_get(d, "formats"), names[i])));
	assert_null(json_object_get(d, "continues"));
	sp_record_done(&r);
}

/* ---- refusals --------------------------------------------------------- */

static void
touch(const char *base, const char *name)
{
	char *path = sp_layout_path(base, name);
	struct sp_err err;

	must(sp_io_mkdirs(base, 0700, &err));
	must(sp_io_replace(path, "x", 1, 0600, &err));
	free(path);
}

static void
refused(struct sp_create *c, enum sp_code want, const char *says)
{
	struct sp_err err = { .msg = "" };
	enum sp_code rc = sp_create(c, &err);

	if (rc != want || strstr(err.msg, says) == NULL)
		fail_msg("got %s: %s", sp_err_name(rc), err.msg);
}

static void
test_a_directory_that_is_not_empty_is_refused(void **state)
{
	struct sp_create c = plan();
	char *path;

	(void)state;
	touch(dir, "keys");
	refused(&c, SP_EEXISTS, "not empty (there is keys)");
	path = sp_layout_path(dir, "keys");
	assert_int_equal(0, unlink(path));
	assert_false(sp_io_exists(guard));
	free(path);
	/* An empty one is fine, also as a fresh file system. */
	path = sp_layout_path(dir, "lost+found");
	assert_int_equal(0, mkdir(path, 0700));
	refused(&c, SP_OK, "");
	refused(&c, SP_EEXISTS, "already an archive");
	free(path);
}

static void
test_bad_arguments_are_refused_before_anything_is_made(void **state)
{
	struct sp_create c = plan();
	char *inside = sp_layout_path(dir, "guard");

	(void)state;
	c.origin = "two words";
	refused(&c, SP_EUSAGE, "origin");
	c = plan();
	c.guard = inside;
	refused(&c, SP_EUSAGE, "outside of the archive");
	c.guard = dir;
	refused(&c, SP_EUSAGE, "outside of the archive");
	c = plan();
	c.user = "no-such-user-here";
	refused(&c, SP_EUSAGE, "no account");
	assert_false(sp_io_exists(dir));
	assert_false(sp_io_exists(guard));
	free(inside);
}

static void
test_a_guard_of_another_archive_is_refused(void **state)
{
	struct sp_create c = plan();
	char *path = sp_layout_path(guard, "checkpoint");

	(void)state;
	touch(guard, "checkpoint");
	refused(&c, SP_EEXISTS, "belongs to another archive");
	assert_int_equal(0, unlink(path));
	touch(guard, "log.vkey");
	refused(&c, SP_EEXISTS, "belongs to another archive");
	assert_false(sp_io_exists(dir));
	free(path);
}

static int
owned_by_nobody(
    const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const struct passwd *pw = getpwnam("nobody");

	(void)type;
	(void)ftw;
	if (st->st_uid != pw->pw_uid)
		fail_msg("%s is not given away", path);
	return (0);
}

static void
test_root_gives_all_of_it_to_the_user(void **state)
{
	struct sp_create c = plan();
	struct stat st;
	struct sp_err err;
	char *key = sp_layout_path(dir, "keys/log.key");

	(void)state;
	if (geteuid() != 0 || getpwnam("nobody") == NULL) {
		free(key);
		skip();
	}
	/* A group that somebody chose stays. */
	assert_int_equal(0, mkdir(dir, 0750));
	assert_int_equal(0, chown(dir, 0, 8));
	assert_int_equal(0, chmod(dir, 02750));
	c.user = "nobody";
	must(sp_create(&c, &err));
	assert_int_equal(0, nftw(dir, owned_by_nobody, 16, FTW_PHYS));
	assert_int_equal(0, nftw(guard, owned_by_nobody, 16, FTW_PHYS));
	assert_int_equal(0, stat(key, &st));
	assert_int_equal(8, st.st_gid);
	assert_int_equal(0600, st.st_mode & 07777);
	free(key);
}

/* ---- taking up -------------------------------------------------------- */

static void
test_an_interrupted_init_of_another_origin_is_not_taken_up(void **state)
{
	struct sp_create c = plan();
	struct sp_err err;

	(void)state;
#ifndef SP_FAULTS
	skip();
#endif
	sp_fault_arm("eio", 40);
	assert_int_not_equal(SP_OK, create(&err));
	assert_true(sp_fault_fired());
	sp_fault_arm(NULL, 0);
	c.origin = "test.example/other";
	refused(&c, SP_EEXISTS, "give the same --origin again");
	must(create(&err));
}

/* A failed call of any kind leaves what can be completed; the key that the
 * guard has is the archive's. */
static void
test_init_goes_on_after_a_failure_at_any_call(void **state)
{
	static const char *const kinds[] = { "eio", "enospc", "eio+" };

#ifndef SP_FAULTS
	skip();
#endif
	for (size_t k = 0; k < SP_COUNTOF(kinds); k++) {
		bool fired = true;

		for (uint64_t at = 1; fired; at++) {
			struct sp_err err;
			struct sp_record r;
			char *a, *b;

			sp_fault_arm(kinds[k], at);
			if (create(&err) != SP_OK)
				assert_true(err.msg[0] != '\0');
			fired = sp_fault_fired();
			sp_fault_arm(NULL, 0);
			if (create(&err) != SP_OK &&
			    strstr(err.msg, "already an archive") == NULL)
				fail_msg(
				    "%s:%d: %s", kinds[k], (int)at, err.msg);
			start_writer();
			entry_0(&r);
			sp_record_done(&r);
			a = text_of(dir, "keys/log.vkey");
			b = text_of(guard, "log.vkey");
			assert_string_equal(a, b);
			free(a);
			free(b);
			assert_int_equal(0, teardown(state));
			assert_int_equal(0, setup(state));
		}
	}
}

/* ---- continuing ------------------------------------------------------- */

/* Sign a checkpoint over what is there. */
static void
seal(const char *archive, const char *outside)
{
	struct sp_config *cfg = sp_config_default();
	struct sp_seal *s = NULL;
	struct sp_err err;
	uint64_t size;

	cfg->guard = outside == NULL ? NULL : sp_xstrdup(outside);
	must(sp_seal_open(archive, cfg, 1000, NULL, &s, &err));
	must(sp_seal_checkpoint(s, &size, &err));
	assert_true(size == 1);
	sp_seal_close(s);
	sp_config_free(cfg);
}

static void
test_a_new_archive_names_the_last_checkpoint_of_the_old(void **state)
{
	char *old = sp_layout_path(root, "old");
	char *old_guard = sp_layout_path(root, "old.guard");
	char *conf = sp_xasprintf("guard = \"%s\"\n", old_guard);
	struct sp_create c = plan();
	struct sp_record r;
	const json_t *d;
	struct sp_err err;
	char *note, *lost;

	(void)state;
	c.dir = old;
	c.guard = old_guard;
	c.config = sp_view_str(conf);
	must(sp_create(&c, &err));
	c = plan();
	c.origin = "test.example/next";
	c.continues = old;
	refused(&c, SP_ENOTFOUND, "has no checkpoint");
	seal(old, old_guard);
	note = text_of(old, "tree/checkpoint");
	/* The archive was set back; its guard still knows. */
	lost = sp_layout_path(old, "tree/checkpoint");
	assert_int_equal(0, unlink(lost));
	refused(&c, SP_OK, "");
	entry_0(&r);
	d = json_object_get(json_object_get(r.json, "detail"), "continues");
	assert_string_equal(
	    ORIGIN, json_string_value(json_object_get(d, "origin")));
	assert_int_equal(1, json_integer_value(json_object_get(d, "size")));
	assert_string_equal(
	    note, json_string_value(json_object_get(d, "checkpoint")));
	sp_record_done(&r);
	free(note);
	free(lost);
	free(conf);
	free(old_guard);
	free(old);
}

static void
test_a_new_archive_must_have_a_new_origin(void **state)
{
	char *old = sp_layout_path(root, "old");
	struct sp_create c = plan();
	struct sp_err err;

	(void)state;
	c.dir = old;
	c.guard = NULL;
	must(sp_create(&c, &err));
	seal(old, NULL);
	c = plan();
	c.continues = old;
	refused(&c, SP_EUSAGE, "another origin");
	c.continues = root;
	refused(&c, SP_ENOTFOUND, "not a Sealpost archive");
	c.continues = old;
	c.origin = "test.example/next";
	refused(&c, SP_OK, "");
	free(old);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_everything_is_there_with_its_mode),
		T(test_the_keys_can_be_loaded),
		T(test_entry_0_says_who_and_how),
		T(test_a_directory_that_is_not_empty_is_refused),
		T(test_bad_arguments_are_refused_before_anything_is_made),
		T(test_a_guard_of_another_archive_is_refused),
		T(test_root_gives_all_of_it_to_the_user),
		T(test_an_interrupted_init_of_another_origin_is_not_taken_up),
		T(test_init_goes_on_after_a_failure_at_any_call),
		T(test_a_new_archive_names_the_last_checkpoint_of_the_old),
		T(test_a_new_archive_must_have_a_new_origin),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
