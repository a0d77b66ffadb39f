/*
 * bench_index CORPUS COUNT [DIR]: an archive of COUNT messages, made of the
 * .eml files below CORPUS again and again with changed Message-IDs, indexed
 * and searched.  Prints messages and megabytes a second, bytes of index for
 * bytes of mail, and what searches take.  With DIR the archive is made there
 * and kept, and used again if it is there; give COUNT 0 to search only.
 */
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/sha256.h"
#include "index/index.h"
#include "index/search.h"
#include "tests/lib/fixture.h"

#define FILES_MAX 20000u
#define FILE_MAX  ((size_t)256 << 10)
#define BATCH	  200u
#define RUNS	  101u

static char *files[FILES_MAX];
static size_t nfiles;

static int
add_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t n = strlen(path);

	(void)ftw;
	if (type == FTW_F && nfiles < FILES_MAX && n > 4 &&
	    strcmp(path + n - 4, ".eml") == 0 && (size_t)st->st_size < FILE_MAX)
		files[nfiles++] = sp_xstrdup(path);
	return (0);
}

/* The message with its own Message-ID put aside and a new one in front. */
static void
renew(const struct sp_buf *raw, uint64_t n, struct sp_buf *out)
{
	char *p, *end;
	struct sp_err err;

	sp_buf_clear(out);
	sp_must(
	    sp_buf_addf(out, "Message-ID: <%" PRIu64 "@bench.example>\n", n),
	    &err);
	sp_must(sp_buf_addv(out, sp_buf_view(raw)), &err);
	p = out->p + 12;
	end = out->p + (out->n < 8192 ? out->n : 8192);
	for (; p + 12 < end; p++)
		if (p[0] == '\n' && strncasecmp(p + 1, "message-id:", 11) == 0)
			p[1] = 'X';
}

/* Append ${count} messages in batches; the bytes of all of them. */
static uint64_t
fill(struct sp_fixture *fx, size_t count)
{
	static struct sp_append_item items[BATCH];
	static struct sp_buf msgs[BATCH], raws[FILES_MAX];
	const struct sp_rcpt to = { .addr = SP_VIEW_LIT(
					"journal@archive.example") };
	const struct sp_facts f = { .from = SP_VIEW_LIT("alice@corp.example"),
		.has_envelope = true,
		.to = &to,
		.nto = 1,
		.source =
		    SP_VIEW_LIT("\"via\":\"smtp\",\"grade\":\"witnessed\"") };
	uint64_t bytes = 0;
	struct sp_err err;

	for (size_t i = 0; i < nfiles; i++) {
		sp_buf_init(&raws[i], FILE_MAX);
		sp_must(
		    sp_io_read_file(files[i], FILE_MAX, &raws[i], &err), &err);
	}
	for (size_t i = 0; i < BATCH; i++)
		sp_buf_init(&msgs[i], FILE_MAX + 4096);
	sp_fixture_open(fx);
	for (size_t done = 0; done < count;) {
		size_t n = 0;

		for (; n < BATCH && done < count; n++, done++) {
			renew(&raws[done % nfiles], done, &msgs[n]);
			items[n] = (struct sp_append_item){ .facts = &f,
				.msg = sp_buf_view(&msgs[n]),
				.fd = -1 };
			sp_sha256_once(msgs[n].p, msgs[n].n, items[n].sha256);
			bytes += msgs[n].n;
		}
		sp_must(sp_append_commit(fx->append, items, n, &err), &err);
		if (done % 20000 < BATCH)
			sp_must(sp_append_rotate(fx->append, &err), &err);
	}
	sp_fixture_close(fx);
	return (bytes);
}

/* Bytes of the files of the index, without SQLite's shared memory. */
static uint64_t
index_bytes(const char *dir)
{
	char *path = sp_xasprintf("%s/index", dir), **names = NULL;
	uint64_t sum = 0;
	size_t n = 0;

	if (sp_io_list(path, &names, &n, NULL) != SP_OK)
		abort();
	for (size_t i = 0; i < n; i++) {
		char *file = sp_xasprintf("%s/%s", path, names[i]);
		struct stat st;

		if (stat(file, &st) == 0 && strstr(names[i], "-shm") == NULL)
			sum += (uint64_t)st.st_size;
		free(file);
	}
	sp_io_names_free(names, n);
	free(path);
	return (sum);
}

/* Index what is new and print how fast that was; nothing if there is nothing.
 * */
static void
measure_index(const char *dir, uint64_t bytes)
{
	struct sp_index *ix = NULL;
	uint64_t behind = 0, from;
	struct sp_err err;
	int64_t start;
	double s;

	sp_must(sp_index_open(dir, NULL, 0, NULL, &ix, &err), &err);
	from = sp_index_cursor(ix);
	start = sp_clock_boot();
	sp_must(sp_index_update(ix, 0, &behind, &err), &err);
	s = (double)(sp_clock_boot() - start) / 1e6;
	from = sp_index_cursor(ix) - from;
	sp_index_close(ix);
	if (from == 0)
		return;
	(void)printf(
	    "indexed %" PRIu64
	    " entries in %.2f s: %.0f/s, %.1f MB/s, mail %.1f MB, index %.1f MB = %.3f\n",
	    from, s, (double)from / s, (double)bytes / s / 1e6,
	    (double)bytes / 1e6, (double)index_bytes(dir) / 1e6,
	    bytes == 0 ? 0.0 : (double)index_bytes(dir) / (double)bytes);
}

static int
by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

/* Run one query RUNS times and print the median and the 99th percentile. */
static void
measure_search(const char *dir, const char *query, bool total, bool rows)
{
	struct sp_search_opts o = { .query = query,
		.limit = 50,
		.with_rows = rows,
		.no_total = !total };
	struct sp_search_result r = { 0 };
	int64_t took[RUNS];
	struct sp_err err;

	for (size_t i = 0; i < RUNS; i++) {
		int64_t start = sp_clock_boot();

		sp_must(sp_search(dir, &o, NULL, NULL, &r, &err), &err);
		took[i] = sp_clock_boot() - start;
	}
	qsort(took, RUNS, sizeof(took[0]), by_value);
	(void)printf("%-44s %9" PRIu64 " %s%s p50 %7.2f ms  p99 %7.2f ms\n",
	    query, r.total, total ? "total" : "page ", rows ? "+rows" : "     ",
	    (double)took[RUNS / 2] / 1e3, (double)took[RUNS - 2] / 1e3);
}

int
main(int argc, char **argv)
{
	static const char *const queries[] = { "", "linux", "spam filter",
		"the is", "\"free software\"", "\"of the\"",
		"from:alice@corp.example", "rcpt:journal@archive.example",
		"from:@example.com", "rcpt:@archive.example linux",
		"subject:re has:attachment", "linux -windows",
		"date:2002-08 linux", "msgid:5@bench.example", "exmh*" };
	struct sp_fixture fx = { 0 };
	uint64_t bytes = 0, count;

	if (argc < 3 || !sp_view_u64(sp_view_str(argv[2]), &count)) {
		(void)fprintf(
		    stderr, "usage: bench_index CORPUS COUNT [DIR]\n");
		return (2);
	}
	if (nftw(argv[1], add_file, 16, FTW_PHYS) != 0 || nfiles == 0) {
		(void)fprintf(stderr, "%s: no .eml files\n", argv[1]);
		return (2);
	}
	if (argc > 3 && sp_io_exists(argv[3])) {
		fx.dir = argv[3];
	} else {
		sp_fixture_init(&fx);
		bytes = fill(&fx, count);
	}
	measure_index(fx.dir, bytes);
	for (size_t i = 0; i < SP_COUNTOF(queries); i++) {
		measure_search(fx.dir, queries[i], false, true);
		measure_search(fx.dir, queries[i], true, false);
	}
	if (argc > 3 && bytes > 0) {
		if (rename(fx.dir, argv[3]) != 0)
			perror(argv[3]);
		sp_fixture_done(&fx);
	} else if (bytes > 0) {
		sp_fixture_done(&fx);
	}
	return (0);
}
