/*
 * Verification of an archive and of an exported bag, from the bytes alone.
 * Never takes its trust from what it verifies: identity comes from outside
 * (vkey, checkpoint kept by the verifier).  No network, SQLite or MIME here.
 */
#ifndef SP_VERIFY_VERIFY_H
#define SP_VERIFY_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "journal/tree/note.h"

struct sp_verify_opts {
	const struct sp_vkey *vkey; /* from outside, or NULL */
	const struct sp_vkey
	    *own_vkey; /* counts where the names agree, or NULL */
	const char *from_checkpoint; /* file the verifier kept, or NULL */
	const char *guard; /* our own archive: guard directory, or NULL */
	bool trust_embedded; /* --trust-embedded-key */
	bool quick; /* do not decompress segments */
	bool have_since, have_until; /* the auditor's own range (bags) */
	int64_t since, until; /* [since, until) in us */
	bool require_complete;
	const char *tmpdir; /* for bags; NULL: /tmp */
	/* findings: each first of its kind with the exact place */
	void (*finding)(
	    void *ctx, const char *kind, const char *where, const char *why);
	/* progress: done of total bytes; return false to interrupt */
	bool (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

enum sp_trust {
	SP_TRUST_NONE,
	SP_TRUST_EMBEDDED,
	SP_TRUST_GUARD,
	SP_TRUST_VKEY,
	SP_TRUST_CHECKPOINT
};

struct sp_verdict {
	uint64_t findings; /* 0: everything fits */
	enum sp_trust trust;
	char origin[SP_ORIGIN_MAX + 1];
	char vkey[300];
	char fingerprint[80];
	uint64_t size; /* of the newest checkpoint */
	int64_t time; /* received of its last entry */
	uint64_t entries, messages, segments, unsealed, purged, erased,
	    filtered;
	uint64_t bytes;
	bool bag; /* an export: */
	bool complete; /* COMPLETE, else SELECTION */
	uint64_t range_first, range_end; /* run without neighbours */
	uint64_t range_messages,
	    given; /* messages in the run, given in the bag */
	int64_t range_since, range_until; /* what the bag's run proves */
	char rests_on[512]; /* one sentence: what the verdict rests on */
};

/* ${path}: an archive, or a bag (directory, .zip, .tar.zst).  SP_OK: looked at
 * everything (see findings); another code: it could not look. */
SP_CHECK enum sp_code sp_verify(const char *path,
    const struct sp_verify_opts *o, struct sp_verdict *out, struct sp_err *err);

#endif
