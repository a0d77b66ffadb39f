/*
 * Sealing: reads the intake log, extends the tree, signs checkpoints, packs
 * finished intake files into segments.  Holder of state/seal.lock.  Every step
 * is idempotent; a start after a crash is an ordinary start.
 */
#ifndef SP_SEAL_SEAL_H
#define SP_SEAL_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/config/config.h"
#include "base/err.h"
#include "base/buf.h"
#include "journal/tree/note.h"

struct sp_seal;

/* What happened, for the worker to log.  ${what}: "checkpoint" (size),
 * "sealed" (path, first, last, bytes), "alarm" (text). */
struct sp_seal_report {
	void (*fn)(void *ctx, const char *what, const char *text);
	void *ctx;
};

/* Takes the lock, loads keys, opens the tree, checks it against the last
 * checkpoint and the guard copy (SP_EROLLBACK). */
SP_CHECK enum sp_code sp_seal_open(const char *dir, const struct sp_config *cfg,
    int lock_wait_ms, const struct sp_seal_report *report, struct sp_seal **out,
    struct sp_err *err);
/* Take in what is new in the intake log and sign a checkpoint over it, if
 * there is anything; ${size} is the size of the latest checkpoint. */
SP_CHECK enum sp_code sp_seal_checkpoint(
    struct sp_seal *s, uint64_t *size, struct sp_err *err);
/* Pack one finished intake file; *did is false if there was none. */
SP_CHECK enum sp_code sp_seal_pack(
    struct sp_seal *s, bool *did, struct sp_err *err);
/* CMS signature over ${data} (an export's tag manifest) with the sealing key. */
SP_CHECK enum sp_code sp_seal_sign(struct sp_seal *s, struct sp_view data,
    struct sp_buf *p7s, struct sp_err *err);
/* Keep the latest checkpoint for good (given away, hourly). */
SP_CHECK enum sp_code sp_seal_keep(struct sp_seal *s, struct sp_err *err);
/* First seq not covered by a segment. */
uint64_t sp_seal_packed(const struct sp_seal *s);
void sp_seal_close(struct sp_seal *s);

#endif
