/*
 * A bag under verification: what the parts of verify_bag*.c share.  They run
 * in the order of doc/format-export.md section 5, each filling what the next
 * ones need.
 */
#ifndef SP_VERIFY_VERIFY_BAG_PRIV_H
#define SP_VERIFY_VERIFY_BAG_PRIV_H

#include "journal/verify/bag_format.h"
#include "journal/verify/bag_source_priv.h"
#include "journal/verify/verify_priv.h"

#define SP_VERIFY_PURGES_MAX 65536u /* purge events in a bag */

/* The files of a bag that more than one part names. */
#define SP_BAG_CHECKPOINT "data/proof/checkpoint"
#define SP_BAG_SEAL_CRT	  "data/proof/seal.crt"
#define SP_BAG_VKEY	  "data/proof/log.vkey"
#define SP_BAG_ENTRIES	  "data/proof/entries.txt"
#define SP_BAG_RANGE	  "data/proof/range.txt"
#define SP_BAG_RECORDS	  "data/records.jsonl"
#define SP_BAG_OMITTED	  "data/proof/omitted.jsonl"

/* What was asked of the export, as its own proven event says. */
struct sp_verify_asked {
	bool known; /* the event is proven and says all of this */
	bool by_date, query, with_records;
	bool have_since, have_until, have_at;
	int64_t since, until; /* [since, until), microseconds UTC */
	uint64_t at; /* --at */
	int64_t received; /* of the event itself */
};

/* A proven purge event. */
struct sp_verify_purge {
	uint64_t event; /* its seq */
	struct sp_seq_spans purged, erased; /* what it names; sorted */
};

struct sp_verify_bag {
	const char *path; /* borrowed */
	const struct sp_verify_opts *o; /* borrowed */
	struct sp_verdict *v; /* the caller's */
	struct sp_verify_found found;
	struct sp_verify_run run; /* progress */
	struct sp_bag_source *src;

	/* From sp_verify_bag_manifest(). */
	struct sp_buf info_text;
	struct sp_bag_info info; /* borrows from info_text */
	bool have_info;

	/* From sp_verify_bag_checkpoint(). */
	struct sp_verify_identity id;
	struct sp_buf note; /* data/proof/checkpoint */
	struct sp_checkpoint
	    checkpoint; /* the same, parsed; signature checked */
	bool have_checkpoint;
	/* Why the bag cannot be compared with the kept checkpoint.  Not a
	 * finding, but not a verdict either; SP_OK: it was, or none is kept. */
	enum sp_code uncompared;
	struct sp_err uncompared_err;

	/* From sp_verify_bag_events(). */
	struct sp_verify_said logged; /* by proven events */
	struct sp_verify_asked request;
	struct sp_verify_purge *purges; /* owned */
	size_t npurges;
};

/* The functions below return only what kept them from looking; all else is a
 * finding. */

/* verify_bag_manifest.c, steps 2 to 4: bagit.txt, bag-info.txt, that the
 * demanded files are there, the signature, and both manifests both ways. */
SP_CHECK enum sp_code sp_verify_bag_manifest(
    struct sp_verify_bag *b, struct sp_err *err);

/* verify_bag_checkpoint.c, steps 5 and 6: whose key counts, the checkpoint,
 * and the one that the verifier kept. */
SP_CHECK enum sp_code sp_verify_bag_checkpoint(
    struct sp_verify_bag *b, struct sp_err *err);

/* verify_bag_events.c, steps 7, 8 and part of 10: each event is proven to be
 * in the log, and what events say of keys, purges and the request. */
SP_CHECK enum sp_code sp_verify_bag_events(
    struct sp_verify_bag *b, struct sp_err *err);

/* verify_bag_entries.c, steps 9 to 13: the range proof, every entry of the
 * run, and by verify_bag_verdict.c the verdict. */
SP_CHECK enum sp_code sp_verify_bag_entries(
    struct sp_verify_bag *b, struct sp_err *err);

#endif
