/*
 * One export being made: what the steps of export.c share.  Each step is a
 * file of this room and fills what the next ones need.
 */
#ifndef SP_EXPORT_EXPORT_PRIV_H
#define SP_EXPORT_EXPORT_PRIV_H

#include "export/bag.h"
#include "export/bag_layout.h"
#include "export/export.h"
#include "journal/tree/note.h"
#include "journal/log/reader.h"
#include "journal/tree/tree.h"

#define SP_EXPORTED_SIZES_MAX 1000 /* earlier checkpoints that are proven */

struct sp_job {
	/* What was asked, and who helps; borrowed. */
	const char *dir;
	const struct sp_export_opts *o;
	const struct sp_export_host *host;
	struct sp_export_result *result;

	/* The archive. */
	struct sp_reader *reader;
	struct sp_tree *tree;
	struct sp_buf crt; /* keys/seal.crt */
	char *query; /* what the index is asked; "" for all; owned */
	uint64_t kept_size; /* of --from-checkpoint; 0: none */

	/* The event of the export itself, and the checkpoint that covers it. */
	uint64_t event; /* its seq */
	int64_t event_time; /* its time of receipt */
	struct sp_buf note; /* the checkpoint, as published */
	struct sp_checkpoint cp; /* the same, parsed */

	/* Which entries (doc/format-export.md, section 3). */
	uint64_t at; /* entries from here on do not count: --at, else event */
	uint64_t first, end; /* the run */
	uint64_t pfirst, pend; /* the proven run: with its neighbours */

	/* The bag. */
	char *tmp; /* the folder that the output will lie in; owned */
	struct sp_bag bag;
	bool bag_open;
	struct sp_spool records, omitted, jsonl, csv; /* fd -1: not begun */
	uint8_t *given; /* a bit for each entry of the run: in the bag */

	/* Tree sizes of checkpoints that went out with earlier exports; the
	 * newest SP_EXPORTED_SIZES_MAX, in the order of their events. */
	uint64_t exported_sizes[SP_EXPORTED_SIZES_MAX];
	size_t nexported_sizes;
};

/* ---- which entries ---- */

/*
 * range.c: set the run and the proven run, and count the entries of the run in
 * the result.  With --by date the index is asked.
 */
SP_CHECK enum sp_code sp_job_range(struct sp_job *j, struct sp_err *err);

/*
 * index_query.c: compose the query that the index is asked, from the user's
 * and, with --by date, the range.  SP_EUSAGE: a syntax error, pointing into
 * what the user wrote.
 */
SP_CHECK enum sp_code sp_job_query(struct sp_job *j, struct sp_err *err);

/*
 * index_query.c: wait up to a minute until the index covers [0, ${need}).
 * SP_EAGAIN, as sp_job_behind(): it does not, or the user interrupted.
 */
SP_CHECK enum sp_code sp_job_wait_index(
    const struct sp_job *j, uint64_t need, struct sp_err *err);

/* SP_EAGAIN: the index covers only [0, ${cursor}). */
enum sp_code sp_job_behind(uint64_t cursor, uint64_t need, struct sp_err *err);

/* index_query.c: first and last entry that match (--by date), *any false where
 * none does.  Errors as those of sp_job_wait_index() and sp_search(). */
SP_CHECK enum sp_code sp_job_extent(struct sp_job *j, uint64_t *first,
    uint64_t *last, bool *any, struct sp_err *err);

/*
 * index_query.c: count in the result the imported messages that are dated
 * inside the range but were received outside it, so that the user hears of
 * --by date.  Nothing to count without a range.
 */
SP_CHECK enum sp_code sp_job_outside(struct sp_job *j, struct sp_err *err);

/* ---- what is logged (event_detail.c) ---- */

/* The detail of the event `export`, as JSON: what was asked.  SP_ELIMIT: the
 * query is too long. */
SP_CHECK enum sp_code sp_job_detail(
    const struct sp_job *j, struct sp_buf *out, struct sp_err *err);

/*
 * The detail of the event `exported`: where the bag lies, and the digest of its
 * tag manifest, which covers every byte of it.  SP_ELIMIT: ${out} is full.
 */
SP_CHECK enum sp_code sp_export_finished_detail(const struct sp_job *j,
    struct sp_view tagmanifest, struct sp_buf *out, struct sp_err *err);

/* ---- what is written into the bag (bag_layout.h) ---- */

/*
 * bag_entries.c: messages, records, omitted lines and load files, in one pass
 * over the run.  Fills the counts of the result.  SP_EFORMAT, SP_EMISMATCH: an
 * entry is missing or damaged; SP_EAGAIN: the index is behind; SP_EINTERRUPT.
 */
SP_CHECK enum sp_code sp_job_entries(struct sp_job *j, struct sp_err *err);

/* bag_proofs.c: everything below data/proof but omitted.jsonl. */
SP_CHECK enum sp_code sp_job_proofs(struct sp_job *j, struct sp_err *err);

/* bag_audit.c: audit.jsonl and policy.json; fills exported_sizes on the way. */
SP_CHECK enum sp_code sp_job_audit(struct sp_job *j, struct sp_err *err);

/*
 * bag_info.c: the text of bag-info.txt, for sp_bag_close(): with
 * SP_BAG_OXUM_MARK in the place of the Payload-Oxum.  SP_ELIMIT: the query is
 * too long.
 */
SP_CHECK enum sp_code sp_job_info(
    const struct sp_job *j, struct sp_buf *out, struct sp_err *err);

/* bag_info.c: "COMPLETE" or "SELECTION", as bag and log say it. */
const char *sp_export_verdict(const struct sp_job *j);

/* bag_verify_txt.c: VERIFY.txt. */
SP_CHECK enum sp_code sp_job_verify_text(struct sp_job *j, struct sp_err *err);

#endif
