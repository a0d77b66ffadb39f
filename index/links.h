/*
 * Which entries belong together: index/links.sqlite, one for all shards, made
 * from what the shards hold and made again from them whenever it is missing or
 * damaged.  It answers, for an entry that is indexed, which earlier one has
 * the same bytes, the same original or the same Message-ID, and for any entry
 * which others are copies of its message (doc/format-index.md, "Families").
 *
 * It covers the entries [0, next); what it says does not depend on the order
 * in which they were put.  Writer: the holder of state/index.lock.
 */
#ifndef SP_INDEX_LINKS_H
#define SP_INDEX_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/sha256.h"
#include "base/view.h"

#define SP_LINK_ID	 16 /* bytes kept of a digest */
#define SP_LINKS_MEMBERS 50000u /* entries of one family, at most */

struct sp_links;

/* By what an entry is known. */
struct sp_link_ids {
	uint64_t seq;
	bool known; /* false: the message was purged, there is no id */
	uint8_t raw[SP_LINK_ID]; /* of the bytes received */
	uint8_t inner[SP_LINK_ID]; /* of the original; raw where it is all */
	uint8_t family[SP_LINK_ID];
	bool has_msgid;
	uint8_t msgid[SP_LINK_ID];
	uint8_t stable[SP_LINK_ID]; /* of body and stable header fields */
};

#define SP_LINK_NONE UINT64_MAX

/* Earlier entries, or SP_LINK_NONE. */
struct sp_link_found {
	uint64_t duplicate_of; /* the first with the same bytes */
	uint64_t same_as; /* the first with the same original */
	uint64_t conflict_with; /* the first with the same Message-ID, where
	                         * that is another message */
};

/* ---- keys (links_key.c) ---------------------------------------------- */

/* The family of a message with a Message-ID: from it, the addresses ${from}
 * (folded) and the digest of the body. */
void sp_links_family_by_msgid(const char *msgid, const char *const *from,
    size_t nfrom, const uint8_t body[SP_SHA256_LEN], uint8_t out[SP_LINK_ID]);
/* The family of a message without one: from the digest of its original. */
void sp_links_family_by_bytes(
    const uint8_t inner[SP_SHA256_LEN], uint8_t out[SP_LINK_ID]);
/* The key of a Message-ID. */
void sp_links_msgid_key(struct sp_view msgid, uint8_t out[SP_LINK_ID]);

/* ---- the file --------------------------------------------------------- */

/* Open to write, or make, the links of the archive ${dir} named ${origin};
 * *out is for sp_links_close().  SP_EFORMAT, SP_EVERSION (also another
 * archive's, or unfinished): drop it.  Other errors, here and below, as of
 * sp_db_error(). */
SP_CHECK enum sp_code sp_links_open(const char *dir, const char *origin,
    struct sp_links **out, struct sp_err *err);
/* Open to read; SP_ENOTFOUND if there is none that can be used. */
SP_CHECK enum sp_code sp_links_open_read(const char *dir, const char *origin,
    struct sp_links **out, struct sp_err *err);
/* What is not committed is lost.  NULL is fine. */
void sp_links_close(struct sp_links *l);
/* Remove the file, which is not open here. */
SP_CHECK enum sp_code sp_links_drop(const char *dir, struct sp_err *err);

/* The entries [0, next) are covered. */
uint64_t sp_links_next(const struct sp_links *l);
/* Forget entries from ${next} on. */
SP_CHECK enum sp_code sp_links_cut(
    struct sp_links *l, uint64_t next, struct sp_err *err);
/* Add an entry and find the earlier ones that it repeats; begins a transaction
 * if none is open.  Adding it again changes nothing. */
SP_CHECK enum sp_code sp_links_put(struct sp_links *l,
    const struct sp_link_ids *ids, struct sp_link_found *found,
    struct sp_err *err);
/* Entry ${was} is known by other ids from now on, ${ids}, and was put already:
 * put it anew. */
SP_CHECK enum sp_code sp_links_replace(struct sp_links *l,
    const struct sp_link_ids *was, const struct sp_link_ids *ids,
    struct sp_link_found *found, struct sp_err *err);
/* Commit what was put; ${next} is the entry behind the last of it. */
SP_CHECK enum sp_code sp_links_commit(
    struct sp_links *l, uint64_t next, struct sp_err *err);
/* The entries of a family, ascending, the first SP_LINKS_MEMBERS of them; free
 * with free(). */
SP_CHECK enum sp_code sp_links_members(struct sp_links *l,
    const uint8_t family[SP_LINK_ID], uint64_t **seqs, size_t *n,
    struct sp_err *err);

#endif
