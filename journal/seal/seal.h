/*
 * Sealing: takes what the intake log has accepted into the tree, signs
 * checkpoints over it, and packs finished intake files into segments.  The only
 * room that loads private keys.  Whoever seals (worker `seal`, or a command
 * without the service) holds state/seal.lock.
 *
 *   intake log --> tree --> checkpoint --> guard copy      each second
 *       finished file --> segment, signed --> file removed
 *
 * Every step is idempotent; a start after a crash is an ordinary start.
 */
#ifndef SP_SEAL_SEAL_H
#define SP_SEAL_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/config/config.h"
#include "base/err.h"
#include "base/view.h"

struct sp_seal;

/* The causes of the alarms of sealing: see sp_seal_cause(). */
#define SP_SEAL_DAMAGED	 "archive_damaged"
#define SP_SEAL_ROLLBACK "rollback"
#define SP_SEAL_GUARD	 "guard_unwritable"

/* Whom to call about what happened, so that a worker can log it and raise
 * alarms.  Either function may be NULL: nobody listens. */
struct sp_seal_report {
	/* ${what}: "checkpoint" (the text is its size) or "sealed" (path,
	 * first, last, bytes). */
	void (*fn)(void *ctx, const char *what, const char *text);
	/* ${cause} is there, ${text} being one line for a person, or gone (NULL).
	 * Told once each time that changes, but for the guard, of which every
	 * attempt is told. */
	void (*alarm)(void *ctx, const char *cause, const char *text);
	void *ctx;
};

/* The cause of an alarm for ${err}, SP_SEAL_ROLLBACK or SP_SEAL_DAMAGED, if it
 * is about the bytes of the archive; NULL: it is another failure (a full disk, a
 * lock), and whoever called raises the alarm. */
const char *sp_seal_cause(const struct sp_err *err);

/*
 * Take the lock of the archive in ${dir} (waiting ${lock_wait_ms} at most),
 * load the keys, open the tree, and check it against what was signed: the last
 * checkpoint, the newest one that was kept, and the guard copy.  ${report} is
 * copied, NULL: nobody listens; ${out} is the caller's.
 * SP_ELOCKED, SP_EKEY, SP_EROLLBACK, SP_EFORMAT and SP_EMISMATCH (damage),
 * SP_EIO ...
 */
SP_CHECK enum sp_code sp_seal_open(const char *dir, const struct sp_config *cfg,
    int lock_wait_ms, const struct sp_seal_report *report, struct sp_seal **out,
    struct sp_err *err);
/*
 * Take what is new in the intake log into the tree, and sign a checkpoint over
 * it; ${size} gets the size of the latest checkpoint.  An entry that is damaged
 * or does not fit what was before it ends it (SP_EFORMAT, SP_EMISMATCH): what
 * is good before it is signed nevertheless.  SP_EIO, SP_ENOSPC, SP_ESYNC: the
 * next call tries again.
 */
SP_CHECK enum sp_code sp_seal_checkpoint(
    struct sp_seal *s, uint64_t *size, struct sp_err *err);
/*
 * Pack the oldest intake file, if it is finished, into a segment; *did is false
 * if there was none.  The intake file is removed only after the segment was
 * read back and compared with the tree.
 * SP_EAGAIN: no checkpoint covers it yet; SP_EFORMAT, SP_EMISMATCH: something
 * does not fit, nothing is removed; SP_EIO, SP_ENOSPC, SP_ESYNC: try again.
 */
SP_CHECK enum sp_code sp_seal_pack(
    struct sp_seal *s, bool *did, struct sp_err *err);
/* Append a seal (CMS, DER) over ${data}, an export's tag manifest, to ${p7s}.
 * SP_ECRYPTO, SP_ELIMIT. */
SP_CHECK enum sp_code sp_seal_sign(struct sp_seal *s, struct sp_view data,
    struct sp_buf *p7s, struct sp_err *err);
/* Keep the latest checkpoint for good, in tree/checkpoints, because it is given
 * away.  SP_EMISMATCH: another one of that size is there; SP_EIO ... */
SP_CHECK enum sp_code sp_seal_keep_checkpoint(
    struct sp_seal *s, struct sp_err *err);
/* The first entry that no segment holds. */
uint64_t sp_seal_packed_end(const struct sp_seal *s);
/* Close everything and give up the lock; NULL is fine. */
void sp_seal_close(struct sp_seal *s);

#endif
