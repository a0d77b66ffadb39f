/*
 * A BagIt bag (RFC 8493) being written: payload, manifests, tag files.  The
 * bytes go into a container (container.h), file by file; digests are kept, and
 * the manifests are written from them at the end.  Paths: bag_layout.h.
 *
 *	open --> message, add, add_spool ... --> close --> finish --> done
 *
 * done releases at any point, and a bag that was not finished leaves nothing
 * behind.
 */
#ifndef SP_EXPORT_BAG_H
#define SP_EXPORT_BAG_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/sha256.h"
#include "export/container.h"
#include "export/spool.h"

#define SP_BAG_LISTED_MAX 65536 /* files that are not messages */
#define SP_BAG_OXUM_MARK  "@OXUM@" /* see sp_bag_close() */

/* A file of the manifest that is not a message. */
struct sp_bag_listed {
	char *name; /* owned */
	uint8_t digest[SP_SHA256_LEN];
};

struct sp_bag {
	struct sp_container *container; /* NULL once finished */
	struct sp_spool messages; /* manifest lines of data/messages */
	struct sp_bag_listed *file; /* the others */
	size_t nfiles, cap;
	uint64_t payload_bytes, payload_files; /* for Payload-Oxum */
	const char *tmp; /* folder of temporary files; borrowed */
};

/*
 * Begin a bag at ${path}; its suffix decides the container, ${level} is zstd's.
 * ${tmp}, a folder for temporary files, is borrowed until sp_bag_done(), which
 * is to be called also after a failure.  Errors as sp_container_open().
 */
SP_CHECK enum sp_code sp_bag_open(struct sp_bag *b, const char *path, int level,
    const char *tmp, struct sp_err *err);

/*
 * Add data/messages/SEQ12.eml, in ascending order of ${seq}; ${digest} is the
 * SHA-256 of ${msg}, ${mtime} its time of receipt in microseconds.
 */
SP_CHECK enum sp_code sp_bag_message(struct sp_bag *b, uint64_t seq,
    int64_t mtime, struct sp_view msg, const uint8_t digest[SP_SHA256_LEN],
    struct sp_err *err);

/* Add any other payload file, from memory.  SP_ELIMIT: too many of them. */
SP_CHECK enum sp_code sp_bag_add(struct sp_bag *b, const char *name,
    int64_t mtime, struct sp_view data, struct sp_err *err);

/* The same from a spool, which is flushed; it stays the caller's. */
SP_CHECK enum sp_code sp_bag_add_spool(struct sp_bag *b, const char *name,
    int64_t mtime, struct sp_spool *s, struct sp_err *err);

/*
 * Write manifest and tag files; no payload can be added then.  ${info} is the
 * text of bag-info.txt with SP_BAG_OXUM_MARK where its Payload-Oxum belongs.
 * The tag manifest is appended to ${tagmanifest}: what is to be signed.
 */
SP_CHECK enum sp_code sp_bag_close(struct sp_bag *b, struct sp_view info,
    int64_t mtime, struct sp_buf *tagmanifest, struct sp_err *err);

/* Add the signature (CMS, DER), make the bag durable, and give it its name. */
SP_CHECK enum sp_code sp_bag_finish(
    struct sp_bag *b, struct sp_view p7s, int64_t mtime, struct sp_err *err);

/* Release everything; a bag that was not finished leaves nothing behind. */
void sp_bag_done(struct sp_bag *b);

#endif
