/*
 * What a bag is written into: a directory, a .zip, a .tar.zst.  First as
 * PATH.partial, then renamed; an existing path is refused.
 */
#ifndef SP_EXPORT_CONTAINER_H
#define SP_EXPORT_CONTAINER_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/sha256.h"
#include "base/view.h"

enum sp_container_kind { SP_CONTAINER_DIR, SP_CONTAINER_ZIP, SP_CONTAINER_TAR };

struct sp_container;

enum sp_container_kind sp_container_kind_of(const char *path);
/* "dir", "zip", "tar.zst" */
const char *sp_container_name(enum sp_container_kind kind);
/* SP_EEXISTS where ${path} or ${path}.partial is there already. */
SP_CHECK enum sp_code sp_container_check(const char *path, struct sp_err *err);
SP_CHECK enum sp_code sp_container_open(
    const char *path, int level, struct sp_container **out, struct sp_err *err);
/* One file; ${name} is relative to the bag, ${mtime} in us. */
SP_CHECK enum sp_code sp_container_add(struct sp_container *c, const char *name,
    int64_t mtime, struct sp_view data, struct sp_err *err);
/* The same from an open file of ${size} bytes; its SHA-256 to ${digest}. */
SP_CHECK enum sp_code sp_container_add_fd(struct sp_container *c,
    const char *name, int64_t mtime, int fd, uint64_t size,
    uint8_t digest[SP_SHA256_LEN], struct sp_err *err);
/* Make it durable and give it its name.  Frees in every case. */
SP_CHECK enum sp_code sp_container_finish(
    struct sp_container *c, struct sp_err *err);
/* Leave nothing behind; NULL is fine. */
void sp_container_abort(struct sp_container *c);

#endif
