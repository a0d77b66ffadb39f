/*
 * What the files of the verifier share: what the log says of itself, identity,
 * the check of one entry, and the verification of an archive.  Only the files
 * of this room include it (and tests/verify).
 */
#ifndef SP_VERIFY_VERIFY_PRIV_H
#define SP_VERIFY_VERIFY_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/line.h"
#include "base/record.h"
#include "base/sha256.h"
#include "base/view.h"
#include "journal/tree/merkle.h"
#include "journal/tree/note.h"
#include "journal/tree/tree.h"
#include "journal/verify/findings_priv.h"
#include "journal/verify/seq_spans_priv.h"
#include "journal/verify/verify.h"
#include "journal/verify/verify_progress_priv.h"

#define SP_VERIFY_CERTS_MAX 256 /* certificates, keys named by the log */
#define SP_VERIFY_PEM_MAX   (1u << 20) /* bytes of a certificate file */
#define SP_VERIFY_VKEY_MAX  4096 /* bytes of a vkey file */

/* ---- what the log says of itself (verify_logged.c) ---- */

/*
 * Keys, certificates and purges that events of the log name.  A zeroed one
 * says nothing yet.  An event counts only if the caller has shown that it is
 * in the log; here it is believed.
 */
struct sp_verify_said {
	char *certs[SP_VERIFY_CERTS_MAX]; /* PEM text, as it was logged */
	size_t ncerts;
	struct sp_vkey vkeys[SP_VERIFY_CERTS_MAX];
	size_t nvkeys;
	bool init; /* entry 0 was seen */
	char origin[SP_ORIGIN_MAX + 1]; /* that entry 0 names */
	struct sp_seq_spans purged; /* messages whose purge is logged */
	struct sp_seq_spans erased; /* those whose record is destroyed too */
};

/* Whether the event names any of this: entry 0, init, key or purge. */
bool sp_verify_said_wants(const struct sp_record *r);

/*
 * Add what the event ${r} names; other events add nothing.  A purge that names
 * itself or later entries, and an entry 0 that is not `init`, are findings at
 * ${where}.  SP_ELIMIT: too many separate runs of purged entries.  One thread
 * at a time.
 */
SP_CHECK enum sp_code sp_verify_said_event(struct sp_verify_said *s,
    const struct sp_record *r, const char *where, struct sp_verify_found *f,
    struct sp_err *err);

/* Whether an event names this verification key, under this name. */
bool sp_verify_said_vkey(
    const struct sp_verify_said *s, const struct sp_vkey *k);

/*
 * The text of a certificate file must be made of certificates that the log
 * names, byte for byte, and of nothing else; a finding at ${where} if not.
 */
void sp_verify_said_certs(const struct sp_verify_said *s, struct sp_view pem,
    const char *where, struct sp_verify_found *f);

void sp_verify_said_done(struct sp_verify_said *s);

/* ---- identity: whose key counts (verify_identity.c) ---- */

struct sp_verify_identity {
	struct sp_vkey key; /* that notes are checked with */
	bool have_key;
	struct sp_vkey embedded; /* that lies in the archive or bag */
	bool have_embedded;
	bool have_kept; /* --from-checkpoint: signed by the key in use */
	struct sp_buf kept_note;
	struct sp_checkpoint kept;
	bool have_guard; /* the guard directory has a checkpoint that holds */
	struct sp_buf guard_note;
	struct sp_checkpoint guard;
	enum sp_trust trust; /* of the key alone */
};

/*
 * Read the key, checkpoint or guard that ${o} names from outside, compare them
 * with the embedded key (${text}: the bytes of its file, {NULL, 0} where there
 * is none; ${where}: its name), and decide which key counts.  A contradiction
 * is a finding.  An error is about the files from outside: they cannot be
 * read, or are not what their option demands.  ${id} is filled also on
 * failure; release it with sp_verify_identity_done().
 */
SP_CHECK enum sp_code sp_verify_identity_init(struct sp_verify_identity *id,
    const struct sp_verify_opts *o, struct sp_view text, const char *where,
    struct sp_verify_found *f, struct sp_err *err);

/*
 * Check that the signed note is a checkpoint of the log ${origin}, signed by
 * the key in use (C2SP signed-note, tlog-checkpoint); true and ${out} filled,
 * or false and a finding of the kind "checkpoint" at ${where}.
 */
bool sp_verify_identity_note(const struct sp_verify_identity *id,
    struct sp_view note, const char *origin, const char *where,
    struct sp_checkpoint *out, struct sp_verify_found *f);

/*
 * Fill trust, vkey, fingerprint and rests_on of the verdict: the sentence that
 * says what it rests on is worded here.
 */
void sp_verify_identity_verdict(const struct sp_verify_identity *id,
    const struct sp_verify_opts *o, struct sp_verdict *v);

void sp_verify_identity_done(struct sp_verify_identity *id);

/* ---- an entry against its line (verify_entry.c) ---- */

/*
 * Check the bytes of a record against its entry line: digest, seq, kind, time
 * of receipt, and whether there is a message (doc/format-record.md).  True if
 * it is the record that was logged; ${out} is then filled and the caller's to
 * release with sp_record_done().  Else false and a finding at ${where}.
 */
bool sp_verify_entry_record(const struct sp_line *l, struct sp_view record,
    const char *where, struct sp_record *out, struct sp_verify_found *f);

/*
 * Check a message, by its ${size} in bytes and its digest, against its record
 * and against the salted digest of its line; false and a finding at ${where}
 * if one of them differs.
 */
bool sp_verify_entry_message(const struct sp_line *l, const struct sp_record *r,
    uint64_t size, const uint8_t sha256[SP_SHA256_LEN], const char *where,
    struct sp_verify_found *f);

/* ---- an archive (verify_archive.c) ---- */

/* The verification of one archive; the parts below fill it in this order. */
struct sp_verify_archive {
	const char *dir; /* borrowed */
	const struct sp_verify_opts *o; /* borrowed */
	struct sp_verdict *v; /* the caller's */
	struct sp_verify_found found;
	struct sp_verify_run run; /* progress */

	/* Who signed. */
	char origin[SP_ORIGIN_MAX + 1]; /* of FORMAT, else of the key */
	struct sp_verify_identity id;
	struct sp_verify_said logged; /* by events, as they are met */

	/* From sp_verify_tree(). */
	bool have_tree; /* tree/tail could be read */
	uint64_t tree_size; /* of tree/tail when the verification began */

	/* From sp_verify_segments() and sp_verify_intake(). */
	uint64_t next; /* first seq not yet met in a segment or intake file */
	char intake[80]; /* name of the last intake file, "" for none */
	struct sp_seq_spans no_message; /* the message is not in the segment */
	struct sp_seq_spans no_record; /* the record is not in the segment */
};

/* One signed tree head of an archive. */
struct sp_verify_point {
	struct sp_checkpoint c;
	char where[96]; /* "tree/checkpoints/18431", "the guard copy" ... */
};

/* Zeroed: none. */
struct sp_verify_points {
	struct sp_verify_point *p; /* sorted by size; owned */
	size_t n, cap;
};

/*
 * Verify the archive in ${dir}: its identity, its tree, its segments, its
 * intake log, and that what the log says of itself agrees.  Result and errors
 * as those of sp_verify().
 */
SP_CHECK enum sp_code sp_verify_archive(const char *dir,
    const struct sp_verify_opts *o, struct sp_verdict *out, struct sp_err *err);

/*
 * verify_tree.c: check bundles, tiles and tail against each other and their
 * roots against all checkpoints (doc/format-tree.md).  Sets have_tree and
 * tree_size; the verdict gets size, time, and the messages of the tree.
 * Returns only what kept it from looking.
 */
SP_CHECK enum sp_code sp_verify_tree(
    struct sp_verify_archive *a, struct sp_err *err);

/*
 * verify_checkpoints.c: all checkpoints whose signature holds, sorted by size:
 * tree/checkpoint, tree/checkpoints/, the guard copy, the one that the
 * verifier kept.  One that does not hold, or is newer than tree/checkpoint,
 * is a finding.  ${out} starts zeroed; sp_verify_points_done() releases
 * it, also after a failure.
 */
SP_CHECK enum sp_code sp_verify_points_load(struct sp_verify_archive *a,
    struct sp_verify_points *out, struct sp_err *err);
void sp_verify_points_done(struct sp_verify_points *p);

/*
 * verify_segments.c: check all segments from entry ${a}->next on, two at a
 * time, and advance next over them.  Returns only what kept it from looking.
 */
SP_CHECK enum sp_code sp_verify_segments(
    struct sp_verify_archive *a, struct sp_err *err);

/*
 * verify_intake.c: check the entries of the intake log, and advance
 * ${a}->next over those that no segment holds.  *gap: entries are missing
 * before one of them, or at the end of the tree; a running service may have
 * packed them meanwhile.  Returns only what kept it from looking.
 */
SP_CHECK enum sp_code sp_verify_intake(
    struct sp_verify_archive *a, bool *gap, struct sp_err *err);

/* ---- a bag (verify_bag.c) ---- */

/*
 * Verify the bag at ${path}, a directory or a container, in the order of
 * doc/format-export.md section 5.  Result and errors as those of sp_verify().
 */
SP_CHECK enum sp_code sp_verify_bag(const char *path,
    const struct sp_verify_opts *o, struct sp_verdict *out, struct sp_err *err);

#endif
