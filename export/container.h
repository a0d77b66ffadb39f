/*
 * What a bag is written into: a directory, a .zip, a .tar.zst.  It grows as
 * PATH.partial and gets its name at the end, durably, so that a bag which
 * bears its name is whole.  An existing path is refused.
 *
 *	check, open --> add, add_fd ... --> finish
 *	                                \-> abort: nothing is left behind
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

/* By the suffix of ${path}: ".zip", ".tar.zst", else a directory. */
enum sp_container_kind sp_container_kind_of(const char *path);

/* "dir", "zip", "tar.zst" */
const char *sp_container_name(enum sp_container_kind kind);

/*
 * Whether a container can be made at ${path}, before anything is logged.
 * SP_EEXISTS where it or ${path}.partial is there already; SP_EIO where its
 * folder is missing or not writable.
 */
SP_CHECK enum sp_code sp_container_check(const char *path, struct sp_err *err);

/* Begin ${path}.partial; ${level} is zstd's, for .tar.zst. */
SP_CHECK enum sp_code sp_container_open(
    const char *path, int level, struct sp_container **out, struct sp_err *err);

/*
 * Write one file; ${name} is relative to the bag and plain ASCII, ${mtime} in
 * microseconds.  In a container it lies in a folder named after it.
 */
SP_CHECK enum sp_code sp_container_add(struct sp_container *c, const char *name,
    int64_t mtime, struct sp_view data, struct sp_err *err);

/* The same from the first ${size} bytes of an open file; their SHA-256 goes to
 * ${digest}. */
SP_CHECK enum sp_code sp_container_add_fd(struct sp_container *c,
    const char *name, int64_t mtime, int fd, uint64_t size,
    uint8_t digest[SP_SHA256_LEN], struct sp_err *err);

/*
 * Make everything durable, then rename it to its path.  Frees ${c} in every
 * case.  After a failure nothing is left behind, but that a bag whose folder
 * could not be synced may lie at its path.  SP_EEXISTS where the path came to
 * be meanwhile.
 */
SP_CHECK enum sp_code sp_container_finish(
    struct sp_container *c, struct sp_err *err);

/* Remove what was written and free ${c}; NULL is fine. */
void sp_container_abort(struct sp_container *c);

#endif
