/*
 * Reading a segment as a stranger with stock tools would: all of it in order,
 * through zstd and tar of libarchive, without the tables (segment.h).  What it
 * finds is what an auditor finds who has never heard of us.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "journal/segment/segment.h"

#define READ_BLOCK (256u << 10)

/* SP_EFORMAT with libarchive's reason. */
static enum sp_code
bad(struct sp_err *err, const char *path, struct archive *a)
{
	const char *why = archive_error_string(a);

	return (sp_err_set(err, SP_EFORMAT, 0, "segment %s: %s", path,
	    why != NULL ? why : "not a zstd-compressed tar"));
}

/* Pass on a member's data: in order, without holes, exactly ${size} bytes. */
static enum sp_code
walk_data(struct archive *a, const char *path, const struct sp_segment_walk *cb,
    const char *name, uint64_t size, struct sp_err *err)
{
	uint64_t done = 0;
	enum sp_code rc = SP_OK;

	while (rc == SP_OK) {
		const void *p;
		size_t n;
		la_int64_t off;
		int r = archive_read_data_block(a, &p, &n, &off);

		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK)
			return (bad(err, path, a));
		if (off < 0 || (uint64_t)off != done || n > size - done)
			return (sp_err_set(err, SP_EFORMAT, 0,
			    "segment %s: %s has a hole or is longer than its header says",
			    path, name));
		done += n;
		if (n > 0)
			rc = cb->data(cb->ctx, p, n, err);
	}
	if (rc != SP_OK)
		return (rc);
	if (done != size)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "segment %s: %s is cut off after %" PRIu64 " bytes", path,
		    name, done));
	return (cb->data(cb->ctx, NULL, 0, err));
}

/* Pass on a member, which must be a plain file. */
static enum sp_code
walk_member(struct archive *a, struct archive_entry *e, const char *path,
    const struct sp_segment_walk *cb, struct sp_err *err)
{
	const char *name = archive_entry_pathname(e);
	uint64_t size;
	enum sp_code rc;

	if (name == NULL || archive_entry_filetype(e) != AE_IFREG ||
	    archive_entry_hardlink(e) != NULL || !archive_entry_size_is_set(e))
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "segment %s: a member is not a plain file", path));
	size = (uint64_t)archive_entry_size(e);
	/* libarchive has read the headers by now, and none of the data. */
	if (cb->at != NULL)
		*cb->at = (uint64_t)archive_filter_bytes(a, 0);
	rc = cb->member(
	    cb->ctx, name, size, (int64_t)archive_entry_mtime(e), err);
	return (rc == SP_OK ? walk_data(a, path, cb, name, size, err) : rc);
}

/* Only zstd and tar are read, whatever the file may claim to be. */
enum sp_code
sp_segment_walk(
    const char *path, const struct sp_segment_walk *cb, struct sp_err *err)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	enum sp_code rc = SP_OK;

	if (a == NULL)
		return (sp_err_set(
		    err, SP_ELIMIT, 0, "segment %s: no memory", path));
	/* Filter and format are named: the "all" calls may run other
	 * programs. */
	if (archive_read_support_filter_zstd(a) != ARCHIVE_OK ||
	    archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_open_filename(a, path, READ_BLOCK) != ARCHIVE_OK) {
		rc = archive_errno(a) == ENOENT
			 ? sp_err_set(err, SP_ENOTFOUND, ENOENT,
			       "cannot open segment %s", path)
			 : bad(err, path, a);
		(void)archive_read_free(a);
		return (rc);
	}
	while (rc == SP_OK) {
		int r = archive_read_next_header(a, &e);

		if (r == ARCHIVE_EOF)
			break;
		rc = r == ARCHIVE_OK ? walk_member(a, e, path, cb, err)
				     : bad(err, path, a);
	}
	(void)archive_read_free(a);
	return (rc);
}
