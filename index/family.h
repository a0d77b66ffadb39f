/*
 * Copies of one message: which entries they are, and who got it by all that
 * they say together.  Nothing is merged; each fact keeps its entry and its
 * evidence.
 */
#ifndef SP_INDEX_FAMILY_H
#define SP_INDEX_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"

#define SP_FAMILY_READ	1000u /* entries of which the facts are read */
#define SP_FAMILY_FACTS 100000u /* facts, at most */

/* One says that ${addr} got it. */
struct sp_family_fact {
	char *key; /* the address folded: facts with one key are neighbours */
	char *addr;
	uint64_t seq; /* who says so */
	char *evidence; /* smtp, original, orcpt, envelope, report,
	                 * header:NAME */
	const char *role; /* to cc bcc recipient, or NULL */
	const char *presumed; /* to cc unlisted, or NULL */
	const char *how; /* expanded forwarded original, or NULL */
	char *via;
};

struct sp_family {
	bool indexed; /* false: the index does not know the entry */
	uint64_t *seqs; /* ascending, itself too */
	size_t nseqs;
	size_t nread; /* of these, from the first on, are in facts */
	struct sp_family_fact *facts; /* by key, then seq */
	size_t nfacts;
	size_t nrcpts; /* different keys */
	uint64_t duplicate_of, same_as, conflict_with; /* SP_LINK_NONE */
};

/* Of the entry ${seq}; what the index does not hold is not there, which is no
 * error. */
SP_CHECK enum sp_code sp_family_read(
    const char *dir, uint64_t seq, struct sp_family *out, struct sp_err *err);
void sp_family_done(struct sp_family *f);
/* "duplicate_of", "same_as", "msgid_conflict_with" and "family" into an open
 * object; all null where it is not indexed. */
void sp_family_json(const struct sp_family *f, struct sp_json *j);
/* Only the entries; *n is 0 where ${seq} is not indexed.  free() them. */
SP_CHECK enum sp_code sp_family_seqs(const char *dir, uint64_t seq,
    uint64_t **seqs, size_t *n, struct sp_err *err);

#endif
