/*
 * What the files of sealing share: the state of the role, and the checks of
 * bytes against the tree.
 *
 *   seal.c             opening and closing the role
 *   seal_checkpoint.c  entries into the tree, the root signed
 *   seal_pack.c        a finished intake file into a segment
 *   seal_check.c       bytes compared with the tree
 *   seal_report.c      reports and alarms
 */
#ifndef SP_SEAL_SEAL_PRIV_H
#define SP_SEAL_SEAL_PRIV_H

#include "base/buf.h"
#include "base/layout.h"
#include "base/line.h"
#include "base/record.h"
#include "base/sha256.h"
#include "journal/log/intake_read.h"
#include "journal/log/reader.h"
#include "journal/seal/seal.h"
#include "journal/sign/cms.h"
#include "journal/tree/note.h"
#include "journal/tree/tree.h"

struct sp_seal {
	/* from open to close */
	char *dir; /* the archive's */
	char origin[SP_ORIGIN_MAX + 1];
	int lock; /* descriptor of state/seal.lock */
	struct sp_signer *signer;
	struct sp_sealer *sealer;
	/* configuration */
	char *guard; /* NULL: none */
	int level; /* zstd's */
	uint64_t frame; /* bytes that a frame of a segment aims at */
	/* reports */
	struct sp_seal_report report;
	const char *last_cause; /* of an alarm, so that it is not repeated */
	bool guard_failed; /* the guard's copy is older than the checkpoint */
	/* the tree, and the entries that are not in it yet */
	struct sp_tree *tree;
	bool tree_stale; /* a commit failed: open it again */
	struct sp_reader *reader;
	int64_t tree_received; /* of the last entry in the tree */
	/* what is signed */
	struct sp_checkpoint signed_last; /* size 0: none yet */
	struct sp_buf note; /* its bytes */
	int64_t kept_received; /* of the last entry of the newest kept one */
	/* segments */
	uint64_t packed; /* the first entry that none holds */
};

/* ---- seal_report.c -------------------------------------------------- */

/* Report what happened to whoever listens (struct sp_seal_report). */
void sp_seal_emit(struct sp_seal *s, const char *what, const char *text);
/* Raise an alarm for ${err} if it is about the bytes of the archive, and its
 * cause is not that of the last one. */
void sp_seal_alarm(struct sp_seal *s, const struct sp_err *err);
/* The guard's copy could not be written (${err}), or was (NULL). */
void sp_seal_guard_state(struct sp_seal *s, const struct sp_err *err);

/* ---- seal_check.c --------------------------------------------------- */

/* The entry line of ${seq}, parsed.  Fails as sp_tree_line does. */
SP_CHECK enum sp_code sp_seal_line(
    struct sp_tree *t, uint64_t seq, struct sp_line *out, struct sp_err *err);

/*
 * Check a record against its entry line in the tree: SP_EMISMATCH unless the
 * line is the one that these bytes give, SP_EFORMAT if they are no record.
 * ${out} is to be ended with sp_record_done.
 */
SP_CHECK enum sp_code sp_seal_check_record(struct sp_tree *t, uint64_t seq,
    struct sp_view record, struct sp_record *out, struct sp_err *err);
/* Check size and digest of a message against its record: SP_EMISMATCH. */
SP_CHECK enum sp_code sp_seal_check_message(const struct sp_record *r,
    bool has_message, uint64_t size, const uint8_t sha256[SP_SHA256_LEN],
    struct sp_err *err);
/*
 * Read a segment back as a stranger would, and compare every line, record and
 * message with the tree, and every place with the table of contents.
 * SP_EMISMATCH, SP_EFORMAT: it is not as it should be; SP_EIO.
 */
SP_CHECK enum sp_code sp_seal_read_back(struct sp_tree *t, const char *path,
    uint64_t first, uint64_t last, struct sp_err *err);

/* ---- seal_checkpoint.c ---------------------------------------------- */

/*
 * Check that the tree still holds what was signed: the latest checkpoint, the
 * newest kept one, the guard's copy.  Fills in signed_last, note, kept_received
 * and tree_received.  SP_EROLLBACK; SP_EMISMATCH, SP_EFORMAT: one of the notes.
 */
SP_CHECK enum sp_code sp_seal_check_signed(
    struct sp_seal *s, struct sp_err *err);

/* After a failed commit only the disk says what the tree is: open it again.
 * Nothing to do otherwise.  Fails as sp_tree_open does. */
SP_CHECK enum sp_code sp_seal_reopen_tree(
    struct sp_seal *s, struct sp_err *err);

#endif
