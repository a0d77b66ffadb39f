/*
 * Segments: any file is read, or refused, within bounded memory.  The first
 * byte says whether the checksum of the table of contents is made right, so
 * that what lies behind it is reached; the rest is the file.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/enc.h"
#include "base/io.h"
#include "base/record.h"
#include "journal/segment/segment.h"
#include "journal/segment/toc_priv.h"

#define DATA_MAX    (1u << 20)
#define ENTRIES_MAX 64u
#define BYTES_MAX   (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the tables are said to be, if inside: give them their checksum. */
static void
mend(uint8_t *p, size_t n)
{
	uint64_t frames, seek, toc;
	size_t at;

	if (n < SP_SEEK_FOOT + SP_SKIP_HEAD)
		return;
	frames = sp_le32_get(p + n - SP_SEEK_FOOT);
	seek = SP_SKIP_HEAD + frames * SP_SEEK_ITEM + SP_SEEK_FOOT;
	if (frames == 0 || seek > n)
		return;
	toc = sp_le32_get(p + n - SP_SEEK_FOOT - SP_SEEK_ITEM);
	if (toc > n - seek || toc < SP_SKIP_HEAD + SP_TOC_FOOT)
		return;
	at = n - (size_t)seek - (size_t)toc + SP_SKIP_HEAD;
	toc -= SP_SKIP_HEAD + SP_TOC_FOOT;
	sp_le32_put(p + at + toc, sp_crc32c(0, p + at, (size_t)toc));
}

static enum sp_code
on_member(void *ctx, const char *name, uint64_t size, int64_t mtime,
    struct sp_err *err)
{
	uint64_t *left = ctx;

	(void)name;
	(void)size;
	(void)mtime;
	if (*left == 0)
		return (sp_err_set(err, SP_ELIMIT, 0, "enough"));
	return (SP_OK);
}

static enum sp_code
on_data(void *ctx, const void *p, size_t n, struct sp_err *err)
{
	uint64_t *left = ctx;

	(void)p;
	if (n > *left)
		return (sp_err_set(err, SP_ELIMIT, 0, "enough"));
	*left -= n;
	return (SP_OK);
}

static void
read_some(struct sp_segment *s)
{
	struct sp_segment_item it;
	struct sp_buf record, msg;
	struct sp_err err;
	uint64_t n = 0;

	sp_buf_init(&record, SP_RECORD_MAX);
	sp_buf_init(&msg, BYTES_MAX);
	for (uint64_t q = sp_segment_first(s);
	     q <= sp_segment_last(s) && n < ENTRIES_MAX; q++, n++) {
		if (sp_segment_item(s, q, &it, &err) != SP_OK)
			abort(); /* open has checked it */
		if (sp_segment_read(s, q, &record, &msg, &err) == SP_OK &&
		    (record.n != it.record_len || msg.n != it.msg_len))
			abort();
	}
	if (sp_segment_lines(s, &msg, &err) != SP_OK)
		n = 0;
	sp_buf_done(&record);
	sp_buf_done(&msg);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t left = BYTES_MAX;
	const struct sp_segment_walk cb = {
		.member = on_member, .data = on_data, .ctx = &left
	};
	struct sp_segment *s;
	struct sp_err err;
	uint8_t *copy;
	char path[64];
	int fd;

	if (size < 1 || size > DATA_MAX)
		return (0);
	fd = memfd_create("segment", MFD_CLOEXEC);
	if (fd < 0)
		abort();
	copy = sp_xmalloc(size);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		mend(copy, size - 1);
	if (write(fd, copy, size - 1) != (ssize_t)(size - 1))
		abort();
	free(copy);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (sp_segment_open(path, &s, &err) == SP_OK) {
		read_some(s);
		sp_segment_close(s);
	}
	if (sp_segment_walk(path, &cb, &err) != SP_OK)
		left = 0;
	(void)close(fd);
	return (0);
}
