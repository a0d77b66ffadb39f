/* Readers of the index: beside the writer, after its death, without rights. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/index/kit.h"

static uint64_t
reach(struct kit *k)
{
	struct sp_err err;
	uint64_t n = 0;

	sp_must(sp_index_reach(k->fx.dir, &n, &err), &err);
	return (n);
}

static void
test_two_indexers_exclude_each_other(void **state)
{
	struct sp_index *a = NULL, *b = NULL;
	struct kit k;
	struct sp_err err;

	(void)state;
	kit_init(&k, "2026-11-20T10:00:00Z");
	sp_must(sp_index_open(k.fx.dir, k.fx.cfg, 0, NULL, &a, &err), &err);
	assert_int_equal(
	    sp_index_open(k.fx.dir, k.fx.cfg, 0, NULL, &b, &err), SP_ELOCKED);
	sp_index_close(a);
	kit_done(&k);
}

/* In a child that may write nothing in the archive. */
static int
search_as_nobody(struct kit *k, const char *query, const char *want)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(77);
		_exit(strcmp(kit_ask(k, query), want) == 0 ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* An indexer that ends without closing anything. */
static void
index_and_die(struct kit *k)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct sp_index *ix = NULL;
		struct sp_err err;
		uint64_t behind;

		sp_must(sp_index_open(k->fx.dir, k->fx.cfg, 0, NULL, &ix, &err),
		    &err);
		sp_must(sp_index_update(ix, 0, &behind, &err), &err);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_a_reader_without_write_permission_can_search(void **state)
{
	struct kit k;
	struct sp_index *ix = NULL;
	struct sp_err err;
	uint64_t seq, behind;
	char want[32], *cmd;

	(void)state;
	if (geteuid() != 0)
		skip();
	kit_init(&k, "2026-11-20T10:00:00Z");
	kit_clock(&k, "2026-11-20T10:00:00Z");
	seq = kit_add(&k, "Subject: secret\r\n\r\nx\r\n");
	(void)snprintf(want, sizeof(want), "%" PRIu64, seq);
	kit_index(&k);
	cmd = sp_xasprintf("%s/index", k.fx.dir);
	assert_int_equal(chown(cmd, 0, 65534), 0);
	assert_int_equal(chmod(k.fx.root, 0755), 0);
	assert_int_equal(chmod(k.fx.dir, 0755), 0);
	free(cmd);
	for (size_t i = 0; i < 4; i++) {
		static const char *const names[] = { "index/2026-11.sqlite",
			"index/2026-11.sqlite-wal", "index/2026-11.sqlite-shm",
			"FORMAT" };
		char *path = sp_fixture_path(&k.fx, names[i]);

		assert_int_equal(chown(path, 0, 65534), 0);
		free(path);
	}
	/* the service is stopped */
	assert_int_equal(search_as_nobody(&k, "secret", want), 0);
	/* it runs, and has just written */
	sp_must(sp_index_open(k.fx.dir, k.fx.cfg, 0, NULL, &ix, &err), &err);
	(void)kit_add(&k, "Subject: more\r\n\r\nx\r\n");
	sp_must(sp_index_update(ix, 0, &behind, &err), &err);
	assert_int_equal(search_as_nobody(&k, "secret", want), 0);
	(void)snprintf(want, sizeof(want), "%" PRIu64, seq + 1);
	assert_int_equal(search_as_nobody(&k, "more", want), 0);
	sp_index_close(ix);
	assert_int_equal(search_as_nobody(&k, "more", want), 0);
	/* it was killed: the newest rows are only in the -wal file */
	(void)kit_add(&k, "Subject: third\r\n\r\nx\r\n");
	index_and_die(&k);
	(void)snprintf(want, sizeof(want), "%" PRIu64, seq + 2);
	assert_int_equal(search_as_nobody(&k, "third", want), 0);
	kit_index(&k);
	assert_string_equal(k.reported, "");
	/* a copy without the files beside the database */
	for (size_t i = 0; i < 2; i++) {
		char *path = sp_xasprintf("%s/index/2026-11.sqlite%s", k.fx.dir,
		    i == 0 ? "-wal" : "-shm");

		(void)unlink(path);
		free(path);
	}
	assert_int_equal(search_as_nobody(&k, "third", want), 0);
	kit_done(&k);
}

static void
test_a_search_sees_the_index_while_it_is_written(void **state)
{
	struct sp_index *ix = NULL;
	struct kit k;
	struct sp_err err;
	uint64_t behind, seq;
	char want[32];

	(void)state;
	kit_init(&k, "2026-11-20T10:00:00Z");
	kit_clock(&k, "2026-11-20T10:00:00Z");
	sp_must(sp_index_open(k.fx.dir, k.fx.cfg, 0, NULL, &ix, &err), &err);
	for (int i = 0; i < 5; i++) {
		seq = kit_add(&k, "Subject: now\r\n\r\nx\r\n");
		sp_must(sp_index_update(ix, 0, &behind, &err), &err);
		(void)snprintf(want, sizeof(want), "%" PRIu64, seq);
		assert_int_equal(
		    strncmp(kit_ask(&k, "subject:now"), want, strlen(want)), 0);
		assert_int_equal(reach(&k), seq + 1);
	}
	sp_index_close(ix);
	kit_done(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_indexers_exclude_each_other),
		cmocka_unit_test(
		    test_a_reader_without_write_permission_can_search),
		cmocka_unit_test(
		    test_a_search_sees_the_index_while_it_is_written),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
