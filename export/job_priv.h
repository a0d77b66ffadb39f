/* One export in work: what the steps share. */
#ifndef SP_EXPORT_JOB_PRIV_H
#define SP_EXPORT_JOB_PRIV_H

#include "export/bag.h"
#include "export/export.h"
#include "journal/tree/note.h"
#include "journal/log/reader.h"
#include "journal/tree/tree.h"

#define SP_GIVEN_AWAY_MAX 1000

struct sp_job {
	const char *dir;
	const struct sp_export_opts *o;
	const struct sp_export_host *host;
	struct sp_export_result *result;
	struct sp_reader *reader;
	struct sp_tree *tree;
	struct sp_bag bag;
	bool bag_open;
	char *tmp; /* where the output will lie */

	char *query; /* what is searched for; "" for all */
	struct sp_buf crt; /* seal.crt */
	uint64_t event; /* seq of the export's own event */
	int64_t event_time;
	uint64_t at;
	struct sp_buf note; /* the checkpoint, as published */
	struct sp_checkpoint cp;
	uint64_t first, end; /* the run */
	uint64_t pfirst, pend; /* with its neighbours */
	uint64_t kept; /* size of --from-checkpoint, 0: none */
	/* sizes of checkpoints that went out with earlier exports */
	uint64_t given_away[SP_GIVEN_AWAY_MAX];
	size_t ngiven_away;

	struct sp_spool records, omitted, jsonl, csv;
	uint8_t *given; /* a bit for each entry of the run */
};

/* range.c: FIRST, END and the neighbours. */
SP_CHECK enum sp_code sp_job_range(struct sp_job *j, struct sp_err *err);
/* select.c: the query as it is searched; a syntax error is found here. */
SP_CHECK enum sp_code sp_job_query(struct sp_job *j, struct sp_err *err);
/* Wait until the index covers [0, need), as it soon will.  SP_EAGAIN (the same
 * as sp_job_behind): it does not. */
SP_CHECK enum sp_code sp_job_wait_index(
    const struct sp_job *j, uint64_t need, struct sp_err *err);
enum sp_code sp_job_behind(uint64_t cursor, uint64_t need, struct sp_err *err);
/* First and last entry that match (--by date); *any is false if none. */
SP_CHECK enum sp_code sp_job_extent(struct sp_job *j, uint64_t *first,
    uint64_t *last, bool *any, struct sp_err *err);
/* Imported mail dated inside the range but received outside it. */
SP_CHECK enum sp_code sp_job_outside(struct sp_job *j, struct sp_err *err);
/* entries.c: messages, records, omitted lines, load file rows. */
SP_CHECK enum sp_code sp_job_entries(struct sp_job *j, struct sp_err *err);
/* proofs.c: everything below data/proof. */
SP_CHECK enum sp_code sp_job_proofs(struct sp_job *j, struct sp_err *err);
/* audit.c: audit.jsonl and policy.json. */
SP_CHECK enum sp_code sp_job_audit(struct sp_job *j, struct sp_err *err);
/* text.c: the detail of the event, bag-info.txt, VERIFY.txt. */
SP_CHECK enum sp_code sp_job_detail(
    const struct sp_job *j, struct sp_buf *out, struct sp_err *err);
SP_CHECK enum sp_code sp_job_info(
    const struct sp_job *j, struct sp_buf *out, struct sp_err *err);
SP_CHECK enum sp_code sp_job_verify_text(struct sp_job *j, struct sp_err *err);

/* loadfile.c: one row of messages.csv from the JSON of a message. */
SP_CHECK enum sp_code sp_loadfile_head(struct sp_buf *out);
SP_CHECK enum sp_code sp_loadfile_row(
    const char *json, uint64_t seq, struct sp_buf *out, struct sp_err *err);

#endif
