/* An mbox in each dialect: all of it comes back from messages and records. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "base/sha256.h"
#include "journal/import/import_priv.h"
#include "tests/import/mbox_back.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct sp_view file;
	uint64_t at;
	bool failed;
};

static enum sp_code
on_item(void *ctx, const struct sp_import_item *item, struct sp_err *err)
{
	struct seen *s = ctx;
	uint64_t begin = 0, end = 0;
	bool back = mbox_back(s->file, item->extra, item->msg, &begin, &end);

	(void)err;
	assert(back);
	assert(begin >= s->at && (s->failed || begin == s->at));
	s->at = end;
	return (SP_OK);
}

static void
on_failed(void *ctx, const char *path, const char *why)
{
	struct seen *s = ctx;

	(void)path;
	assert(why[0] != '\0');
	s->failed = true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum sp_import_as as[] = { SP_AS_MBOX, SP_AS_MBOXO,
		SP_AS_MBOXRD, SP_AS_MBOXCL, SP_AS_MBOXCL2 };
	static const uint8_t sha256[SP_SHA256_LEN];
	struct seen s = { .at = 0 };
	const struct sp_import im = { .max_message = 1u << 20,
		.item = on_item,
		.failed = on_failed,
		.ctx = &s };
	const struct sp_import_item of = { .path = "x", .file_sha256 = sha256 };
	struct sp_err err;
	int fd;

	if (size < 1)
		return (0);
	fd = memfd_create("mbox", MFD_CLOEXEC);
	assert(fd >= 0);
	s.file = sp_view_mem(data + 1, size - 1);
	if (sp_io_pwrite(fd, s.file.p, s.file.n, 0, &err) != SP_OK ||
	    sp_import_mbox(&im, fd, &of, as[data[0] % SP_COUNTOF(as)], &err) !=
		SP_OK)
		abort();
	assert(s.failed || s.at == s.file.n);
	(void)close(fd);
	return (0);
}
