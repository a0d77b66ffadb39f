/*
 * How many messages the log has, and when the last one came: from the log
 * itself, so that the numbers are right before anything was indexed.  Entry
 * lines say what an entry is, so only the lines of the tree are read, and the
 * intake log behind it.  state/messages keeps what was counted:
 *
 *	SIZE MESSAGES LAST
 *
 * the first SIZE entries have so many messages, the last of them received at
 * LAST (microseconds since 1970, 0: there is none).  It is a cache; where it is
 * lost all lines are read again.
 */
#ifndef SP_APP_HOST_MESSAGE_COUNT_H
#define SP_APP_HOST_MESSAGE_COUNT_H

#include <stdint.h>

#include "base/err.h"

struct sp_message_count {
	uint64_t size; /* entries counted */
	uint64_t messages; /* of them */
	int64_t last; /* wall clock, us: when the last message came; 0: none */
};

/* Count what is in the tree of the archive ${dir}, from the cache on.  SP_EIO,
 * SP_EFORMAT: a bundle is missing or damaged. */
SP_CHECK enum sp_code sp_message_count_sealed(
    const char *dir, struct sp_message_count *out, struct sp_err *err);
/* The same with what the intake log has beyond it, up to ${end} entries. */
SP_CHECK enum sp_code sp_message_count_all(const char *dir, uint64_t end,
    struct sp_message_count *out, struct sp_err *err);
/* Replace the cache, if ${count} has more than it. */
SP_CHECK enum sp_code sp_message_count_save(
    const char *dir, const struct sp_message_count *count, struct sp_err *err);

#endif
