/*
 * Which segments an archive has, as the names in its folders show them (names:
 * doc/format-segment.md).  No segment is opened.  For reading (reader.h),
 * sealing and verification.
 */
#ifndef SP_SEGMENT_SEGMENT_LIST_H
#define SP_SEGMENT_SEGMENT_LIST_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/layout.h"

struct sp_segment_file {
	struct sp_segment_name name;
	char path[128]; /* in the archive: "archive/2026/11/..." */
};

/*
 * List the segments of the archive in ${dir}, by first entry, then revision,
 * from archive/YYYY/MM/; other names are not looked at.  ${out} is the
 * caller's: free().  SP_EIO.
 */
SP_CHECK enum sp_code sp_segment_list(const char *dir,
    struct sp_segment_file **out, size_t *n, struct sp_err *err);
/*
 * The segment that holds ${seq}, borrowed from the list, or NULL.  Of several
 * revisions the original counts while it is there: a higher one counts only
 * once a purge event names it, and its original is unlinked after that; so one
 * beside its original was left by a crash, or put there.
 */
const struct sp_segment_file *sp_segment_pick(
    const struct sp_segment_file *files, size_t n, uint64_t seq);

#endif
