/* See segment_kit.h. */
#include "tests/segment/segment_kit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

static char dir[64], path[128];

const char *
kit_path(void)
{
	return (path);
}

int
kit_setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/sp-segment-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/segment.tar.zst", dir);
	return (0);
}

int
kit_teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return (rmdir(dir));
}

/* Sizes of messages; -1 is none.  Around the frame, its half, and a block. */
static const long sizes[] = { 0, 1, 511, 512, 513, -1, 4000, 3000, 8191, 8192,
	8193, 7168, 6656, 6655, 6657, 100, -1, 40000, 16384, 10, 20, 30, 5120,
	2560, 2048, 70001, -1, 0, 0, 65536, 1 };
/* Sizes of records. */
static const size_t records[] = { 2, 700, 511, 512, 513, 9000, 8192, 300 };

/* Bytes that depend on seq, kind and place, and compress a little. */
void
kit_make(struct sp_buf *b, uint64_t seq, int kind, size_t n)
{
	sp_buf_clear(b);
	assert_non_null(sp_buf_reserve(b, n + 1));
	for (size_t i = 0; i < n; i++)
		b->p[i] =
		    (char)('a' +
			   (char)((seq * 7 + (uint64_t)kind * 3 + i * i / 5) %
				  26));
	b->n = n;
}

size_t
kit_record_size(uint64_t seq)
{
	return (records[seq % SP_COUNTOF(records)]);
}

long
kit_msg_size(uint64_t seq)
{
	return (sizes[(seq - FIRST) % SP_COUNTOF(sizes)]);
}

void
kit_lines(struct sp_buf *b, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(
		    sp_buf_addf(b, "line of entry %" PRIu64 "\n", FIRST + i),
		    SP_OK);
}

void
kit_write(uint64_t n, uint64_t frame)
{
	struct sp_segment_writer *w;
	struct sp_buf lines, rec, msg;
	uint64_t size, real;
	int fd;

	sp_buf_init(&lines, MAX);
	sp_buf_init(&rec, MAX);
	sp_buf_init(&msg, MAX);
	kit_lines(&lines, n);
	must(sp_segment_create(
	    path, FIRST, FIRST + n - 1, lines.n, TIME, 3, frame, &w, &err_));
	/* In two pieces, as the sealer gives them in many. */
	must(sp_segment_add_lines(w, sp_view_mem(lines.p, lines.n / 2), &err_));
	must(sp_segment_add_lines(w,
	    sp_view_mem(lines.p + lines.n / 2, lines.n - lines.n / 2), &err_));
	for (uint64_t seq = FIRST; seq < FIRST + n; seq++) {
		long m = kit_msg_size(seq);

		kit_make(&rec, seq, 0, kit_record_size(seq));
		kit_make(&msg, seq, 1, m < 0 ? 0 : (size_t)m);
		must(sp_segment_add(w, seq, TIME + (int64_t)seq * SP_SECOND,
		    sp_buf_view(&rec), m >= 0, sp_buf_view(&msg), &err_));
	}
	must(sp_segment_finish(w, &size, &err_));
	must(sp_io_open(path, O_RDONLY, 0, &fd, &err_));
	must(sp_io_size(fd, &real, &err_));
	assert_int_equal(real, size);
	must(sp_io_close(fd, &err_));
	sp_buf_done(&lines);
	sp_buf_done(&rec);
	sp_buf_done(&msg);
}

void
kit_load(struct sp_buf *b)
{
	sp_buf_init(b, MAX);
	must(sp_io_read_file(path, MAX, b, &err_));
}
