/* One segment of an archive under verification: a job for a worker. */
#ifndef SP_VERIFY_VERIFY_SEGMENT_PRIV_H
#define SP_VERIFY_VERIFY_SEGMENT_PRIV_H

#include "journal/sign/cms.h"
#include "journal/segment/segment.h"
#include "journal/verify/verify_priv.h"

#define SP_VERIFY_EVENTS_MAX (256u << 20) /* records of init, key, purge */
#define SP_VERIFY_LINES_MAX  (1u << 30) /* entry lines of one segment */

struct sp_verify_job {
	char *where; /* "archive/2026/11/0000-0012.tar.zst" */
	struct sp_segment_name name;
	uint64_t size; /* of the file */
	/* what came out */
	enum sp_code rc;
	struct sp_err err;
	struct sp_verify_found found;
	struct sp_buf events; /* seq (LE64), length (LE32), record */
	struct sp_spans absent, lost;
	uint64_t data; /* bytes of messages */
	uint64_t late; /* messages younger than the tree walked */
};

/* What a worker has for itself. */
struct sp_verify_worker {
	struct sp_verify_archive *a;
	struct sp_certs *certs; /* NULL: none could be read */
	struct sp_tree *tree; /* NULL: none could be opened */
	struct sp_sha256 *sha;
	struct sp_buf lines, record;
};

/* Fills the job's results; what kept it from looking goes to job->rc. */
void sp_verify_segment_run(
    struct sp_verify_worker *w, struct sp_verify_job *job);

#endif
