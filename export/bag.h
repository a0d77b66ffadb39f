/* A BagIt bag (RFC 8493) being written: payload, manifests, tag files. */
#ifndef SP_EXPORT_BAG_H
#define SP_EXPORT_BAG_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/sha256.h"
#include "export/container.h"
#include "export/spool.h"

#define SP_BAG_FILES_MAX 65536 /* that are not messages */

struct sp_bag_file {
	char *name;
	uint8_t digest[SP_SHA256_LEN];
};

struct sp_bag {
	struct sp_container *container;
	struct sp_spool messages; /* manifest lines of data/messages */
	struct sp_bag_file *file; /* the others */
	size_t nfiles, cap;
	uint64_t payload_bytes, payload_files;
	const char *tmp; /* directory of temporary files */
};

/* ${tmp}: a directory for temporary files; outlives the bag. */
SP_CHECK enum sp_code sp_bag_open(struct sp_bag *b, const char *path, int level,
    const char *tmp, struct sp_err *err);
/* data/messages/SEQ12.eml, in ascending order; ${digest} is its SHA-256. */
SP_CHECK enum sp_code sp_bag_message(struct sp_bag *b, uint64_t seq,
    int64_t mtime, struct sp_view msg, const uint8_t digest[SP_SHA256_LEN],
    struct sp_err *err);
/* Any other payload file. */
SP_CHECK enum sp_code sp_bag_add(struct sp_bag *b, const char *name,
    int64_t mtime, struct sp_view data, struct sp_err *err);
SP_CHECK enum sp_code sp_bag_add_spool(struct sp_bag *b, const char *name,
    int64_t mtime, struct sp_spool *s, struct sp_err *err);

/*
 * Write the tag files.  ${info}: bag-info.txt with its Payload-Oxum line
 * still missing where "@OXUM@" stands.  ${tagmanifest} is what is to be
 * signed; then sp_bag_finish with the signature.
 */
SP_CHECK enum sp_code sp_bag_close(struct sp_bag *b, struct sp_view info,
    int64_t mtime, struct sp_buf *tagmanifest, struct sp_err *err);
SP_CHECK enum sp_code sp_bag_finish(
    struct sp_bag *b, struct sp_view p7s, int64_t mtime, struct sp_err *err);
/* Release everything; a bag that was not finished leaves nothing behind. */
void sp_bag_done(struct sp_bag *b);

#endif
