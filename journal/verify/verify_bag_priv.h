/* A bag under verification: what the parts of verify_bag*.c share. */
#ifndef SP_VERIFY_VERIFY_BAG_PRIV_H
#define SP_VERIFY_VERIFY_BAG_PRIV_H

#include "journal/verify/bag_format.h"
#include "journal/verify/bag_source.h"
#include "journal/verify/verify_priv.h"

#define SP_VERIFY_PURGES_MAX 65536u /* purge events in a bag */

/* What the export's own event says was asked. */
struct sp_verify_asked {
	bool have;
	bool by_date, query, with_records;
	bool have_since, have_until, have_at;
	int64_t since, until;
	uint64_t at;
	int64_t received; /* of the event itself */
};

/* A proven purge event. */
struct sp_verify_purge {
	uint64_t event;
	struct sp_spans purged, erased;
};

struct sp_verify_bag {
	const char *path;
	const struct sp_verify_opts *o;
	struct sp_verdict *v;
	struct sp_verify_found found;
	struct sp_verify_run run;
	struct sp_verify_identity id;
	struct sp_verify_said said;
	struct sp_bag_source *src;
	struct sp_buf info_text;
	struct sp_bag_info info;
	bool have_info;
	struct sp_buf note;
	struct sp_checkpoint point;
	bool have_point;
	struct sp_verify_asked asked;
	struct sp_verify_purge *purges;
	size_t npurges;
	/* a thing that could not be looked at, though nothing else is wrong */
	enum sp_code later;
	struct sp_err later_err;
};

/*
 * Read a file of the bag; *have is false (and a finding written) if it is not
 * there or too long.
 */
SP_CHECK enum sp_code sp_verify_bag_read(struct sp_verify_bag *b,
    const char *name, size_t max, struct sp_buf *out, bool *have,
    struct sp_err *err);

/* verify_bag_form.c: bagit.txt, bag-info.txt, signature, manifests. */
SP_CHECK enum sp_code sp_verify_bag_form(
    struct sp_verify_bag *b, struct sp_err *err);
/* verify_bag_proof.c: key, checkpoint, kept checkpoint, events. */
SP_CHECK enum sp_code sp_verify_bag_proof(
    struct sp_verify_bag *b, struct sp_err *err);
/* verify_bag_run.c: range proof, every entry of the run, the verdict. */
SP_CHECK enum sp_code sp_verify_bag_run(
    struct sp_verify_bag *b, struct sp_err *err);

#endif
