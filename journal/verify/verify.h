/*
 * Verification of an archive and of an exported bag, from the bytes alone.
 *
 * The way through this room: sp_verify() (verify.c) looks at what lies at the
 * path.  An archive goes to verify_archive.c, which checks the tree
 * (verify_tree.c), each segment (verify_segments.c, verify_segment.c) and the
 * intake log (verify_intake.c).  A bag goes to verify_bag.c, which reads it
 * once (bag_source.c) and then checks its files and signature
 * (verify_bag_manifest.c), its checkpoint (verify_bag_checkpoint.c), its
 * events (verify_bag_events.c) and its entries (verify_bag_entries.c), and
 * decides between COMPLETE and SELECTION (verify_bag_verdict.c).  What a user
 * reads of a verdict is worded in app/cmd/verdict_print.c.
 *
 * A verifier never takes its trust from what it verifies: the identity of the
 * signer comes from outside (verify_identity.c).  No network, no SQLite and no
 * MIME here: this room is sealpost-verify, which an auditor is handed.
 */
#ifndef SP_VERIFY_VERIFY_H
#define SP_VERIFY_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "journal/tree/note.h"

/* All pointers are borrowed for the call; a zeroed struct is a default one. */
struct sp_verify_opts {
	/* What the verifier knows from outside. */
	const struct sp_vkey *vkey; /* --vkey, or NULL */
	/* The key of the archive at hand, or NULL: stands for vkey where what
	 * is verified bears the same name. */
	const struct sp_vkey *own_vkey;
	const char *from_checkpoint; /* file the verifier kept, or NULL */
	const char *guard; /* guard directory of our own archive, or NULL */
	bool trust_embedded; /* --trust-embedded-key */

	/* What is asked. */
	bool quick; /* archives: do not decompress segments */
	bool have_since, have_until; /* bags: the auditor's own range */
	int64_t since, until; /* [since, until), microseconds UTC */
	bool require_complete; /* bags: a SELECTION is a finding */
	const char *tmpdir; /* bags: for temporary files; NULL: /tmp */

	/*
	 * Called once for each kind of finding, at the end: the first of its
	 * kind, with the exact place.  The texts are borrowed for the call.
	 */
	void (*finding)(
	    void *ctx, const char *kind, const char *where, const char *why);
	/* Bytes done of a total that may grow; false: end the verification.
	 * One thread at a time, but not always the caller's. */
	bool (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx; /* of both */
};

/* What the verdict rests on. */
enum sp_trust {
	SP_TRUST_NONE, /* consistent with itself; signer not authenticated */
	SP_TRUST_EMBEDDED, /* the key found inside, as the verifier chose */
	SP_TRUST_GUARD, /* key of the guard directory */
	SP_TRUST_VKEY, /* the key that the verifier gave */
	SP_TRUST_CHECKPOINT /* the checkpoint that the verifier kept */
};

/* Times are microseconds UTC, ranges exclude their end. */
struct sp_verdict {
	uint64_t findings; /* 0: everything fits */

	/* Who signed, and why that is believed. */
	enum sp_trust trust;
	char origin[SP_ORIGIN_MAX + 1];
	char vkey[300]; /* that notes were checked with; "" for none */
	char fingerprint[80]; /* of vkey */
	char rests_on[512]; /* one sentence: what the verdict rests on */

	/* What was looked at. */
	uint64_t size; /* entries under the newest checkpoint */
	int64_t time; /* receipt of the last entry; bags: of the export event */
	uint64_t entries, messages, segments;
	uint64_t unsealed; /* entries in the intake log only */
	/* Messages and records that are destroyed: they are not there, which is
	 * a finding where no purge event of the log explains it. */
	uint64_t purged, erased;
	uint64_t filtered; /* bags: messages that the query left out */
	uint64_t bytes; /* of messages */

	/* Bags only. */
	bool bag;
	bool complete; /* COMPLETE, else SELECTION */
	uint64_t range_first, range_end; /* the run without its neighbours */
	uint64_t range_messages; /* messages in the run */
	uint64_t given; /* messages that are in the bag */
	/* All that was received in [range_since, range_until) is in the run.
	 * INT64_MIN as range_since: from the beginning of the log; as
	 * range_until: the end is not proven, which is a finding. */
	int64_t range_since, range_until;
};

/*
 * Verify ${path}: an archive, or a bag (a directory, a .zip or a .tar.zst).
 * SP_OK: everything was looked at, and ${out}->findings says whether it fits.
 * Any other code: it could not look, and ${out} counts for nothing:
 * SP_ENOTFOUND (nothing there, or neither archive nor bag; or a bag cannot be
 * compared with the kept checkpoint), SP_EUSAGE (no such kind of file),
 * SP_EVERSION (a format newer than this program), SP_EINTERRUPT (progress()
 * returned false), SP_EIO and other errors of the disk.
 */
SP_CHECK enum sp_code sp_verify(const char *path,
    const struct sp_verify_opts *o, struct sp_verdict *out, struct sp_err *err);

#endif
