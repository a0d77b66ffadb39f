/*
 * Intake files: any file is read, recovered or refused, and recovery agrees
 * with reading.  The first byte says how: bit 0, checksums are made right
 * first, so that what lies behind them is reached; bit 1, the file counts as
 * finished, with all its bytes but those that the upper bits say.
 */
#include <assert.h>
#include <fcntl.h>
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
#include "journal/log/intake_priv.h"

#define DATA_MAX  (1u << 20)
#define ITEMS_MAX 100000u
#define MSG_MAX	  (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(int good)
{
	if (!good)
		abort();
}

/* Make the checksums of the file header and of all batch headers right. */
static void
repair(uint8_t *p, size_t n)
{
	size_t head = n < SP_INTAKE_HEAD_MIN ? 0 : sp_le32_get(p + 12);

	if (head < SP_INTAKE_HEAD_MIN || head > n || head > SP_INTAKE_HEAD_MAX)
		return;
	sp_le32_put(p + head - 4, sp_crc32c(0, p, head - 4));
	for (size_t i = head; i + SP_INTAKE_BATCH_LEN <= n; i++) {
		if (memcmp(p + i, "SPBATCH1", 8) == 0)
			sp_le32_put(p + i + 52, sp_crc32c(0, p + i, 52));
	}
}

/* Read all; how many entries there are before the end or the damage. */
static uint64_t
read_all(const char *path, uint64_t limit, enum sp_code *end)
{
	struct sp_intake_file *f = NULL;
	struct sp_intake_item item;
	struct sp_buf rec, msg;
	struct sp_err err = { 0 };
	uint64_t n = 0, first;

	*end = sp_intake_file_open(path, limit, &f, &err);
	if (*end != SP_OK) {
		require(err.msg[0] != '\0');
		return (0);
	}
	sp_buf_init(&rec, SP_RECORD_MAX);
	sp_buf_init(&msg, MSG_MAX);
	first = sp_intake_file_head(f)->first;
	while (n < ITEMS_MAX) {
		*end = sp_intake_file_next(f, &item, &err);
		if (*end != SP_OK)
			break;
		require(item.seq == first + n);
		n++;
		(void)!sp_intake_file_read(f, &item, &rec, &msg, &err);
	}
	require(*end == SP_OK || *end == SP_EEND ||
		(*end == SP_EFORMAT && err.msg[0] != '\0'));
	/* Going back finds the same entries. */
	for (uint64_t i = 0; i < n && i < 8; i++) {
		const uint64_t seq = first + n - 1 - i * (n / 8);

		require(sp_intake_file_seek(f, seq, &err) == SP_OK);
		require(sp_intake_file_next(f, &item, &err) == SP_OK);
		require(item.seq == seq);
	}
	sp_intake_file_close(f);
	sp_buf_done(&rec);
	sp_buf_done(&msg);
	return (n);
}

/* Recovery, and again: the second one has nothing to do. */
static void
recover(int fd, const char *path)
{
	char dir[] = "/tmp/sp-fuzz-XXXXXX", intake[64];
	struct sp_intake_found found = { 0 };
	struct sp_intake_end one, two;
	struct sp_intake_head head;
	struct sp_err err = { 0 };
	enum sp_code rc;

	if (sp_intake_head_read(fd, &head, &err) != SP_OK)
		return;
	require(mkdtemp(dir) != NULL);
	(void)snprintf(intake, sizeof(intake), "%s/intake", dir);
	require(sp_io_mkdir(intake, 0700, NULL) == SP_OK);
	rc = sp_intake_recover(dir, "f", fd, &head, &one, &found, &err);
	if (found.cut_path[0] != '\0')
		require(sp_io_unlink(found.cut_path, NULL) == SP_OK);
	require(rmdir(intake) == 0 && rmdir(dir) == 0);
	if (rc != SP_OK) {
		require(err.msg[0] != '\0');
		return;
	}
	require(read_all(path, UINT64_MAX, &rc) == one.next_seq - head.first ||
		one.next_seq - head.first > ITEMS_MAX);
	require(rc == SP_EEND || rc == SP_OK);
	found = (struct sp_intake_found){ 0 };
	rc = sp_intake_recover(dir, "f", fd, &head, &two, &found, &err);
	require(rc == SP_OK && found.cut_bytes == 0 && two.end == one.end &&
		two.number == one.number && two.next_seq == one.next_seq &&
		two.synced == one.synced);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t limit = UINT64_MAX;
	enum sp_code rc;
	char path[64];
	uint8_t *p;
	int fd;

	if (size < 1 || size > DATA_MAX)
		return (0);
	fd = memfd_create("intake", MFD_CLOEXEC);
	require(fd >= 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	p = sp_xmalloc(size);
	memcpy(p, data + 1, size - 1);
	if ((data[0] & 1) != 0)
		repair(p, size - 1);
	require(sp_io_write(fd, p, size - 1, NULL) == SP_OK);
	if ((data[0] & 2) != 0) {
		limit = size - 1;
		limit -= limit < data[0] >> 2 ? 0 : data[0] >> 2;
	}
	(void)read_all(path, limit, &rc);
	if (limit == UINT64_MAX)
		recover(fd, path);
	free(p);
	(void)sp_io_close(fd, NULL);
	return (0);
}
