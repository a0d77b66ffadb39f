/*
 * Copies of one message: which entries they are, and who got it by all that
 * they say together.  Nothing is merged; each fact keeps its entry and its
 * evidence (doc/format-index.md, "Families").  Read by `sealpost show`, and by
 * searches for "family:".
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

/* One entry says that ${addr} got the message. */
struct sp_family_fact {
	char *key; /* the address folded: facts with one key are neighbours */
	char *addr;
	uint64_t seq; /* the entry that says so */
	char *evidence; /* smtp, original, orcpt, envelope, report,
	                * accepted-report:N, doubtful-report:WHY, export,
	                 * header:NAME */
	const char *role; /* to cc bcc recipient, or NULL */
	const char *presumed; /* to cc unlisted, or NULL */
	const char *how; /* expanded forwarded original, or NULL */
	char *via; /* the list or mailbox it was redirected from, with how */
};

struct sp_family {
	bool indexed; /* false: the index does not know the entry */
	/* its entries */
	uint64_t *seqs; /* ascending, itself too */
	size_t nseqs;
	uint64_t duplicate_of, same_as, conflict_with; /* SP_LINK_NONE */
	uint64_t accepted_by; /* the event that makes it a journal report, or
	                       * SP_LINK_NONE */
	/* who got it */
	size_t nread; /* so many of seqs, the first ones, are in facts */
	struct sp_family_fact *facts; /* by key, then seq */
	size_t nfacts;
	size_t nrcpts; /* different keys */
};

/* The family of the entry ${seq}; ${out} is for sp_family_done().  What the
 * index does not hold is not there, which is no error.  SP_EAGAIN if the index
 * was written meanwhile. */
SP_CHECK enum sp_code sp_family_read(
    const char *dir, uint64_t seq, struct sp_family *out, struct sp_err *err);
/* Free what it holds; nothing is indexed in it then. */
void sp_family_done(struct sp_family *f);
/* Write "duplicate_of", "same_as", "msgid_conflict_with" and "family" into an
 * open object; all null where the entry is not indexed. */
void sp_family_json(const struct sp_family *f, struct sp_json *j);
/* By which event each of ${n} entries was accepted as a journal report:
 * events[i] for seqs[i], SP_LINK_NONE for none.  Errors as of
 * sp_family_read(). */
SP_CHECK enum sp_code sp_family_accepted(const char *dir, const uint64_t *seqs,
    size_t n, uint64_t *events, struct sp_err *err);
/* Only the entries, to be freed with free(); *n is 0 where ${seq} is not
 * indexed.  Errors as of sp_family_read(). */
SP_CHECK enum sp_code sp_family_seqs(const char *dir, uint64_t seq,
    uint64_t **seqs, size_t *n, struct sp_err *err);

#endif
