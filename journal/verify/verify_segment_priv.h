/*
 * One segment of an archive under verification, as work for a thread:
 * verify_segments.c lists the segments and merges the results,
 * verify_segment.c checks one.
 */
#ifndef SP_VERIFY_VERIFY_SEGMENT_PRIV_H
#define SP_VERIFY_VERIFY_SEGMENT_PRIV_H

#include "journal/sign/cms.h"
#include "journal/segment/segment.h"
#include "journal/verify/verify_priv.h"

#define SP_VERIFY_EVENTS_MAX (256u << 20) /* records of init, key, purge */
#define SP_VERIFY_LINES_MAX  (1u << 30) /* entry lines of one segment */

struct sp_verify_job {
	/* Which segment. */
	char *where; /* "archive/2026/11/0000-0012.tar.zst"; owned */
	struct sp_segment_name name;
	uint64_t size; /* of the file */

	/* What the check found; merged in the order of the segments. */
	enum sp_code rc; /* what kept it from looking */
	struct sp_err err;
	struct sp_verify_found found;
	struct sp_buf events; /* seq (LE64), length (LE32), record; repeated */
	struct sp_seq_spans no_message, no_record; /* not in the segment */
	uint64_t message_bytes;
	/* Messages of entries beyond the tree that was verified: the service
	 * appended and packed them meanwhile.  Those in the tree are counted
	 * by verify_tree.c. */
	uint64_t after_tree;
};

/* What a thread has for itself, reused for one segment after the other. */
struct sp_verify_worker {
	struct sp_verify_archive *a; /* shared; read only but for a->run */
	struct sp_certs *certs; /* NULL: none could be read */
	struct sp_tree *tree; /* NULL: none could be opened */
	struct sp_sha256 *sha;
	struct sp_buf lines, record;
};

/*
 * Check one segment: its signature, its tables, and every line, record and
 * message in it (with --quick no message and only the record of entry 0).
 * Fills the results of ${job}; what kept it from looking goes to ${job}->rc.
 */
void sp_verify_segment_run(
    struct sp_verify_worker *w, struct sp_verify_job *job);

#endif
