/*
 * The findings of a verification: what does not fit.  The first finding of
 * each kind is kept with its exact place and reason, the others of that kind
 * are counted.  Every check of this room adds to a collection; the
 * verification of an archive (verify_archive.c) or of a bag (verify_bag.c)
 * reports it to the caller of sp_verify() at its end.
 *
 * A zeroed collection is an empty one.  It belongs to one thread at a time:
 * each segment has its own, and they are merged in the order of the segments,
 * so that the same damage always gives the same report.
 */
#ifndef SP_VERIFY_FINDINGS_PRIV_H
#define SP_VERIFY_FINDINGS_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "journal/verify/verify.h"

#define SP_VERIFY_KINDS_MAX 32 /* kinds of findings, at most */

/* All findings of one kind. */
struct sp_verify_first {
	const char *kind; /* "line", "signature", ...: a literal */
	uint64_t count;
	char *where, *why; /* of the first; owned */
};

struct sp_verify_found {
	struct sp_verify_first kinds[SP_VERIFY_KINDS_MAX];
	size_t n;
	uint64_t total; /* of all kinds */
};

/*
 * Add a finding.  ${kind} is a literal and kept as a pointer; ${where} and the
 * formatted text are copied, if this is the first of its kind, with control
 * bytes as '?', so that a hostile file name never reaches a terminal.  Beyond
 * SP_VERIFY_KINDS_MAX kinds only the total grows.
 */
void sp_verify_found_add(struct sp_verify_found *f, const char *kind,
    const char *where, const char *fmt, ...) SP_PRINTF(4, 5);

/* Move the findings of ${from} behind those of ${to}; ${from} is empty then. */
void sp_verify_found_merge(
    struct sp_verify_found *to, struct sp_verify_found *from);

/*
 * Call ${o}->finding (NULL is fine) once for each kind, in the order in which
 * the kinds were first met, and empty ${f}.
 */
void sp_verify_found_report(
    struct sp_verify_found *f, const struct sp_verify_opts *o);

/* Free what the findings own; ${f} is empty then. */
void sp_verify_found_done(struct sp_verify_found *f);

/*
 * Turn the error ${rc} of a call into a finding where it says something about
 * the bytes that are verified (SP_EFORMAT, SP_EMISMATCH, SP_ENOTFOUND,
 * SP_ELIMIT, SP_EKEY, SP_ECRYPTO, SP_EROLLBACK): adds ${err}->msg and returns
 * SP_OK.  SP_ENOTFOUND becomes the kind "missing", the others become ${kind}.
 * Any other error, such as SP_EIO or SP_EINTERRUPT, means that the verifier
 * could not look: it is returned as it is, and nothing is added.
 */
SP_CHECK enum sp_code sp_verify_found_code(struct sp_verify_found *f,
    const char *kind, const char *where, enum sp_code rc,
    const struct sp_err *err);

#endif
