/*
 * bench_segment [MIB [LEVEL [FRAME]]]: one core's MB/s (of messages) of
 * writing a segment, walking it as a stranger, and reading it by its table,
 * over synthetic text messages of 4 KiB and 50 KiB.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "journal/segment/segment.h"

#define TIME INT64_C(1795451462123456)
#define POOL (64u << 20)

static char *pool;

static void
must(enum sp_code rc, const struct sp_err *err)
{
	if (rc == SP_OK)
		return;
	(void)fprintf(stderr, "bench_segment: %s\n", err->msg);
	exit(2);
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return ((double)t.tv_sec + 1e-9 * (double)t.tv_nsec);
}

/* Words with a skewed choice, so that it compresses as mail does. */
static void
fill_pool(void)
{
	uint64_t x = 88172645463325252u;
	static char words[4096][12];
	static unsigned len[4096];
	size_t n = 0;

	pool = sp_xmalloc(POOL + 16);
	for (size_t i = 0; i < 4096; i++) {
		len[i] = 2 + (unsigned)(i % 9);
		for (unsigned k = 0; k < len[i]; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			words[i][k] = (char)('a' + x % 26);
		}
	}
	while (n < POOL) {
		unsigned w;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		w = (unsigned)((x % 4096) * ((x >> 20) % 4096) / 4096);
		memcpy(pool + n, words[w], len[w]);
		n += len[w];
		pool[n++] = x % 11 == 0 ? '\n' : ' ';
	}
}

static struct sp_view
message(uint64_t seq, size_t size)
{
	return (sp_view_mem(pool + (seq * 7919 * 64) % (POOL - size), size));
}

static uint64_t
pack(const char *path, uint64_t count, size_t size, int level, uint64_t frame)
{
	static const char line[] =
	    "sealpost/entry/v1 18431 message 2026-11-23T16:31:02.123456Z 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
	struct sp_segment_writer *w;
	struct sp_err err;
	char record[700];
	uint64_t bytes;

	must(sp_segment_create(path, 0, count - 1, count * (sizeof(line) - 1),
		 TIME, level, frame, &w, &err),
	    &err);
	for (uint64_t i = 0; i < count; i++)
		must(sp_segment_add_lines(w, SP_VIEW_LIT(line), &err), &err);
	for (uint64_t i = 0; i < count; i++) {
		memcpy(record, pool + i * 40503 % (POOL - sizeof(record)),
		    sizeof(record));
		must(sp_segment_add(w, i, TIME,
			 sp_view_mem(record, sizeof(record)), true,
			 message(i, size), &err),
		    &err);
	}
	must(sp_segment_finish(w, &bytes, &err), &err);
	return (bytes);
}

static enum sp_code
on_member(void *ctx, const char *name, uint64_t size, int64_t mtime,
    struct sp_err *err)
{
	(void)ctx;
	(void)name;
	(void)size;
	(void)mtime;
	(void)err;
	return (SP_OK);
}

static enum sp_code
on_data(void *ctx, const void *p, size_t n, struct sp_err *err)
{
	uint64_t *sum = ctx;

	(void)err;
	if (n > 0)
		*sum += *(const uint8_t *)p;
	return (SP_OK);
}

static void
read_by_table(const char *path, uint64_t count, uint64_t step)
{
	struct sp_buf record, msg;
	struct sp_segment *s;
	struct sp_err err;

	sp_buf_init(&record, 1u << 20);
	sp_buf_init(&msg, 1u << 24);
	must(sp_segment_open(path, &s, &err), &err);
	for (uint64_t i = 0; i < count; i++)
		must(sp_segment_read(s, i * step % count, &record, &msg, &err),
		    &err);
	sp_segment_close(s);
	sp_buf_done(&record);
	sp_buf_done(&msg);
}

static void
run(const char *path, uint64_t mib, size_t size, int level, uint64_t frame)
{
	uint64_t count = (mib << 20) / size, sum = 0, bytes, few = 500;
	const struct sp_segment_walk cb = {
		.member = on_member, .data = on_data, .ctx = &sum
	};
	double mb = (double)count * (double)size / 1e6, t[5];
	struct sp_err err;

	t[0] = now();
	bytes = pack(path, count, size, level, frame);
	t[1] = now();
	must(sp_segment_walk(path, &cb, &err), &err);
	t[2] = now();
	read_by_table(path, count, 1);
	t[3] = now();
	if (few > count)
		few = count;
	read_by_table(path, few, 1); /* opens; a base for what follows */
	t[4] = now();
	(void)printf(
	    "%6zu B  pack %6.0f MB/s  walk %6.0f MB/s  read in order %6.0f MB/s  ratio %.2f  open+%" PRIu64
	    " reads %.1f ms\n",
	    size, mb / (t[1] - t[0]), mb / (t[2] - t[1]), mb / (t[3] - t[2]),
	    mb * 1e6 / (double)bytes, few, (t[4] - t[3]) * 1e3);
	(void)unlink(path);
}

static uint64_t
arg(int argc, char **argv, int i, uint64_t or_else)
{
	uint64_t v;

	return (
	    argc > i && sp_view_u64(sp_view_str(argv[i]), &v) ? v : or_else);
}

int
main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	uint64_t mib = arg(argc, argv, 1, 128);
	int level = (int)arg(argc, argv, 2, 3);
	uint64_t frame = arg(argc, argv, 3, 1u << 20);
	char *path = sp_xasprintf("%s/bench-segment-%d.tar.zst",
	    tmp != NULL ? tmp : "/tmp", (int)getpid());

	fill_pool();
	run(path, mib, 4096, level, frame);
	run(path, mib, 50u << 10, level, frame);
	free(path);
	free(pool);
	return (0);
}
