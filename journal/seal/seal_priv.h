/* Shared by seal*.c only. */
#ifndef SP_SEAL_SEAL_PRIV_H
#define SP_SEAL_SEAL_PRIV_H

#include "base/buf.h"
#include "base/line.h"
#include "journal/sign/cms.h"
#include "journal/log/intake_read.h"
#include "journal/tree/note.h"
#include "journal/log/reader.h"
#include "journal/seal/seal.h"
#include "journal/tree/tree.h"

struct sp_seal {
	char *dir;
	char *guard; /* NULL: none */
	int level;
	uint64_t frame;
	int lock;
	char origin[SP_ORIGIN_MAX + 1];
	struct sp_seal_report report;
	struct sp_signer *signer;
	struct sp_sealer *sealer;
	struct sp_tree *tree;
	bool tree_stale; /* a commit failed: open it again */
	struct sp_reader *reader; /* of what is new */
	int64_t received; /* of the last entry in the tree */
	struct sp_checkpoint last; /* signed; size 0: none yet */
	struct sp_buf note; /* its bytes */
	int64_t kept; /* received of the last entry of the newest kept */
	uint64_t packed;
	char alarm[SP_ERR_MAX]; /* the last one reported */
};

/* Tell the worker. */
void sp_seal_tell(struct sp_seal *s, const char *what, const char *text);
/* An alarm for ${err} if it is about the bytes and was not the last one. */
void sp_seal_alarm(struct sp_seal *s, const struct sp_err *err);
/* The entry line of ${seq}, parsed. */
SP_CHECK enum sp_code sp_seal_line(
    struct sp_tree *t, uint64_t seq, struct sp_line *out, struct sp_err *err);

/* ---- seal_checkpoint.c ---------------------------------------------- */

/*
 * That the tree still holds what was signed: the latest checkpoint, the
 * newest kept one, the guard's copy.  Fills in last, note, kept, received.
 */
SP_CHECK enum sp_code sp_seal_check_signed(
    struct sp_seal *s, struct sp_err *err);

/* After a failed commit the disk says what the tree is: open it again. */
SP_CHECK enum sp_code sp_seal_ready(struct sp_seal *s, struct sp_err *err);

/* ---- seal_check.c --------------------------------------------------- */

/*
 * A record against its entry line in the tree: SP_EMISMATCH unless the line is
 * the one that these bytes give.  ${out} is to be ended by sp_record_done.
 */
SP_CHECK enum sp_code sp_seal_check_record(struct sp_tree *t, uint64_t seq,
    struct sp_view record, struct sp_record *out, struct sp_err *err);
/* Size and digest of a message against its record. */
SP_CHECK enum sp_code sp_seal_check_message(const struct sp_record *r,
    bool has_message, uint64_t size, const uint8_t sha256[SP_SHA256_LEN],
    struct sp_err *err);
/*
 * Read a segment back as a stranger would, and compare every line, record and
 * message with the tree, and every place with the table of contents.
 */
SP_CHECK enum sp_code sp_seal_read_back(struct sp_tree *t, const char *path,
    uint64_t first, uint64_t last, struct sp_err *err);

#endif
