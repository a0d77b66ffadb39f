/*
 * What the files of the verifier share: findings, the run, identity.
 * Nothing outside verify*.c, rebuild*.c and bag_source.c includes this.
 */
#ifndef SP_VERIFY_VERIFY_PRIV_H
#define SP_VERIFY_VERIFY_PRIV_H

#include <pthread.h>
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
#include "journal/verify/verify.h"

#define SP_VERIFY_KINDS_MAX 32 /* kinds of findings */
#define SP_VERIFY_CERTS_MAX 256 /* certificates, keys named by the log */
#define SP_VERIFY_PEM_MAX   (1u << 20) /* bytes of a certificate file */
#define SP_VERIFY_VKEY_MAX  4096 /* bytes of a vkey file */
#define SP_VERIFY_SPANS_MAX (1u << 20) /* separate runs of absent entries */

/* ---- findings (verify_found.c) ---- */

/*
 * The first finding of each kind, with its place, and how many there were.
 * One thread at a time; a worker has its own and they are merged in order,
 * so that the same damage always gives the same report.
 */
struct sp_verify_first {
	const char *kind; /* a literal */
	uint64_t count;
	char *where, *why;
};

struct sp_verify_found {
	struct sp_verify_first first[SP_VERIFY_KINDS_MAX];
	size_t n;
	uint64_t total;
};

void sp_verify_found_add(struct sp_verify_found *f, const char *kind,
    const char *where, const char *fmt, ...) SP_PRINTF(4, 5);
/* Moves what ${from} has to the end of ${to}; ${from} is empty afterwards. */
void sp_verify_found_merge(
    struct sp_verify_found *to, struct sp_verify_found *from);
/* Calls back for each kind and empties ${f}. */
void sp_verify_found_report(
    struct sp_verify_found *f, const struct sp_verify_opts *o);
void sp_verify_found_done(struct sp_verify_found *f);
/*
 * Sort a failure: damage, a mismatch, something missing or a broken limit is
 * a finding and gives SP_OK; what kept us from looking is returned.
 */
SP_CHECK enum sp_code sp_verify_found_code(struct sp_verify_found *f,
    const char *kind, const char *where, enum sp_code rc,
    const struct sp_err *err);

/* ---- progress, safe from several threads (verify_found.c) ---- */

struct sp_verify_run {
	const struct sp_verify_opts *o;
	pthread_mutex_t lock;
	uint64_t done, total;
	bool stop; /* the user interrupted, or a worker failed */
};

void sp_verify_run_init(
    struct sp_verify_run *r, const struct sp_verify_opts *o);
void sp_verify_run_done(struct sp_verify_run *r);
/* ${n} more bytes are done; SP_EINTERRUPT if the work shall end. */
SP_CHECK enum sp_code sp_verify_run_step(
    struct sp_verify_run *r, uint64_t n, struct sp_err *err);
void sp_verify_run_stop(struct sp_verify_run *r);

/* ---- what the log itself says (verify_said.c) ---- */

struct sp_span {
	uint64_t first, end;
};

struct sp_spans {
	struct sp_span *s;
	size_t n, cap;
};

/* Add [first, end); joined with the last one where they touch. */
SP_CHECK enum sp_code sp_spans_add(
    struct sp_spans *s, uint64_t first, uint64_t end, struct sp_err *err);
void sp_spans_sort(struct sp_spans *s);
bool sp_spans_has(const struct sp_spans *s, uint64_t seq);
void sp_spans_done(struct sp_spans *s);

/* Keys, certificates and purges that events of the log name. */
struct sp_verify_said {
	char *certs[SP_VERIFY_CERTS_MAX]; /* PEM text, as it was logged */
	size_t ncerts;
	struct sp_vkey vkeys[SP_VERIFY_CERTS_MAX];
	size_t nvkeys;
	bool init; /* entry 0 was seen */
	char origin[SP_ORIGIN_MAX + 1]; /* that it names */
	struct sp_spans purged; /* messages whose purge is logged */
	struct sp_spans erased; /* records too */
};

/* Whether the event is one of those (init, key, purge). */
bool sp_verify_said_wants(const struct sp_record *r);
/* Take in an event; ${where} is for findings.  Not thread-safe. */
SP_CHECK enum sp_code sp_verify_said_event(struct sp_verify_said *s,
    const struct sp_record *r, const char *where, struct sp_verify_found *f,
    struct sp_err *err);
bool sp_verify_said_vkey(
    const struct sp_verify_said *s, const struct sp_vkey *k);
/* The PEM text must be made of certificates that the log names, byte for
 * byte, and of nothing else. */
void sp_verify_said_certs(const struct sp_verify_said *s, struct sp_view pem,
    const char *where, struct sp_verify_found *f);
void sp_verify_said_done(struct sp_verify_said *s);

/* ---- identity: whose key counts (verify_identity.c) ---- */

struct sp_verify_identity {
	struct sp_vkey key; /* that notes are checked with */
	bool have_key;
	struct sp_vkey embedded; /* what lies in the archive or bag */
	bool have_embedded;
	bool have_kept;
	struct sp_buf kept_note;
	struct sp_checkpoint kept; /* --from-checkpoint */
	bool have_guard;
	struct sp_buf guard_note;
	struct sp_checkpoint guard; /* of the guard directory */
	enum sp_trust trust;
};

/*
 * Read the embedded key (${path}: file, ${text}: its bytes, {NULL,0} where it
 * is missing), the key, checkpoint or guard from outside, and decide.  A
 * contradiction is a finding.
 */
SP_CHECK enum sp_code sp_verify_identity_init(struct sp_verify_identity *id,
    const struct sp_verify_opts *o, struct sp_view text, const char *where,
    struct sp_verify_found *f, struct sp_err *err);
/* Check a note; false and a finding if it does not hold. */
bool sp_verify_identity_note(const struct sp_verify_identity *id,
    struct sp_view note, const char *origin, const char *where,
    struct sp_checkpoint *out, struct sp_verify_found *f);
/* Fill trust, vkey, fingerprint and rests_on. */
void sp_verify_identity_verdict(const struct sp_verify_identity *id,
    const struct sp_verify_opts *o, struct sp_verdict *v);
void sp_verify_identity_done(struct sp_verify_identity *id);

/* ---- an entry against its line (verify_entry.c) ---- */

/*
 * Check record bytes against the line: digest, seq, kind, time.  True if the
 * record is the one that was logged; then ${out} is filled and the caller's
 * to release.
 */
bool sp_verify_entry_record(const struct sp_line *l, struct sp_view record,
    const char *where, struct sp_record *out, struct sp_verify_found *f);
/* Check a message's size and digest against its record and its line. */
bool sp_verify_entry_message(const struct sp_line *l, const struct sp_record *r,
    uint64_t size, const uint8_t sha256[SP_SHA256_LEN], const char *where,
    struct sp_verify_found *f);

/* ---- the archive ---- */

struct sp_verify_archive {
	const char *dir;
	const struct sp_verify_opts *o;
	struct sp_verdict *v;
	char origin[SP_ORIGIN_MAX + 1];
	struct sp_verify_found found;
	struct sp_verify_run run;
	struct sp_verify_identity id;
	struct sp_verify_said said;
	uint64_t tree_size; /* of tree/tail when we began */
	bool have_tree;
	uint64_t next; /* first seq not yet met in a segment or intake */
	char intake[80]; /* the last intake file */
	struct sp_spans absent; /* messages that are not there */
	struct sp_spans lost; /* records that are not there */
};

/* verify_tree.c: checkpoints, tiles, bundles, tail against each other. */
SP_CHECK enum sp_code sp_verify_tree(
    struct sp_verify_archive *a, struct sp_err *err);
/* verify_checkpoints.c: those of tree/, sorted by size. */
struct sp_verify_point {
	struct sp_checkpoint c;
	char where[96];
};
struct sp_verify_points {
	struct sp_verify_point *p;
	size_t n, cap;
};
SP_CHECK enum sp_code sp_verify_points_load(struct sp_verify_archive *a,
    struct sp_verify_points *out, struct sp_err *err);
void sp_verify_points_done(struct sp_verify_points *p);
/* verify_segment.c: all segments, two at a time. */
SP_CHECK enum sp_code sp_verify_segments(
    struct sp_verify_archive *a, struct sp_err *err);
/* verify_intake.c: what is not packed yet.  *gap: entries are missing before
 * it, or it ends before the tree; they may have been packed meanwhile. */
SP_CHECK enum sp_code sp_verify_intake(
    struct sp_verify_archive *a, bool *gap, struct sp_err *err);
/* verify_archive.c */
SP_CHECK enum sp_code sp_verify_archive(const char *dir,
    const struct sp_verify_opts *o, struct sp_verdict *out, struct sp_err *err);

/* verify_bag.c */
SP_CHECK enum sp_code sp_verify_bag(const char *path,
    const struct sp_verify_opts *o, struct sp_verdict *out, struct sp_err *err);

#endif
