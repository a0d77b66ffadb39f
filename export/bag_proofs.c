/*
 * data/proof: what leads from the entries of the run to the signed checkpoint,
 * so that a stranger can check that none is missing (doc/format-export.md
 * section 2; RFC 6962 section 2.1 hashes): checkpoint, keys, entry lines of the
 * proven run, range proof, the events with their inclusion proofs, consistency
 * proofs from older checkpoints.  omitted.jsonl is bag_entries.c.  Called by
 * export.c.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/io.h"
#include "export/export_priv.h"
#include "journal/tree/merkle.h"

#define TEXT_MAX (256u << 10) /* bytes of a proof file */
#define VKEY_MAX 4096u /* bytes of keys/log.vkey */

/* The hashes of a proof in base64, one a line. */
static enum sp_code
add_hashes(struct sp_buf *out, const struct sp_proof *p)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < p->n; i++) {
		rc = sp_b64_append(out, p->h[i].b, sizeof(p->h[i].b));
		if (rc == SP_OK)
			rc = sp_buf_addc(out, '\n');
	}
	return (rc);
}

static enum sp_code
too_long(struct sp_err *err, const char *what)
{
	return (sp_err_set(err, SP_ELIMIT, 0, "%s: too long", what));
}

/* Add ${b} to the bag as ${name}, with the time of the event. */
static enum sp_code
add_proof_file(struct sp_job *j, const char *name, const struct sp_buf *b,
    struct sp_err *err)
{
	return (sp_bag_add(&j->bag, name, j->event_time, sp_buf_view(b), err));
}

/* range.txt: the siblings left and right of the proven run. */
static enum sp_code
write_range_proof(struct sp_job *j, struct sp_err *err)
{
	struct sp_nodes nodes = sp_tree_nodes(j->tree);
	struct sp_proof left, right;
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, TEXT_MAX);
	rc = sp_merkle_range(
	    &nodes, j->pfirst, j->pend, j->cp.size, &left, &right, err);
	if (rc == SP_OK && (sp_buf_addf(&b,
				"sealpost/range-proof/v1\n%" PRIu64 "\n%" PRIu64
				"\n%" PRIu64 "\n\n",
				j->pfirst, j->pend, j->cp.size) != SP_OK ||
			       add_hashes(&b, &left) != SP_OK ||
			       sp_buf_addc(&b, '\n') != SP_OK ||
			       add_hashes(&b, &right) != SP_OK))
		rc = too_long(err, "range.txt");
	if (rc == SP_OK)
		rc = add_proof_file(j, SP_BAG_PATH_RANGE, &b, err);
	sp_buf_done(&b);
	return (rc);
}

/* entries.txt: the line of every entry of the proven run. */
static enum sp_code
write_entry_lines(struct sp_job *j, struct sp_err *err)
{
	struct sp_spool s = { .fd = -1 };
	struct sp_view line;
	enum sp_code rc = sp_spool_init(&s, j->tmp, err);

	for (uint64_t seq = j->pfirst; rc == SP_OK && seq < j->pend; seq++) {
		rc = sp_tree_line(j->tree, seq, &line, err);
		if (rc == SP_OK)
			rc = sp_spool_line(&s, line, err);
	}
	if (rc == SP_OK)
		rc = sp_bag_add_spool(
		    &j->bag, SP_BAG_PATH_ENTRIES, j->event_time, &s, err);
	sp_spool_done(&s);
	return (rc);
}

/*
 * The record of the event ${seq}, and its inclusion proof in C2SP tlog-proof
 * form, which ends in the checkpoint.
 */
static enum sp_code
write_event_proof(struct sp_job *j, uint64_t seq, struct sp_err *err)
{
	struct sp_nodes nodes = sp_tree_nodes(j->tree);
	struct sp_proof path;
	struct sp_entry e;
	struct sp_buf b;
	char name[80];
	enum sp_code rc;

	sp_buf_init(&b, TEXT_MAX);
	rc = sp_reader_get(j->reader, seq, &e, err);
	if (rc == SP_OK) {
		(void)snprintf(name, sizeof(name), SP_BAG_PATH_EVENT, seq);
		rc = sp_bag_add(&j->bag, name, j->event_time, e.record, err);
	}
	if (rc == SP_OK)
		rc = sp_merkle_inclusion(&nodes, seq, j->cp.size, &path, err);
	if (rc == SP_OK &&
	    (sp_buf_addf(&b, "c2sp.org/tlog-proof@v1\nindex %" PRIu64 "\n",
		 seq) != SP_OK ||
		add_hashes(&b, &path) != SP_OK ||
		sp_buf_addc(&b, '\n') != SP_OK ||
		sp_buf_addv(&b, sp_buf_view(&j->note)) != SP_OK))
		rc = too_long(err, name);
	if (rc == SP_OK) {
		(void)snprintf(
		    name, sizeof(name), SP_BAG_PATH_EVENT_PROOF, seq);
		rc = add_proof_file(j, name, &b, err);
	}
	sp_buf_done(&b);
	return (rc);
}

/*
 * The proof that the tree of ${m} leaves is a prefix of the bag's; nothing
 * where ${m} is 0 or no smaller tree.
 */
static enum sp_code
write_consistency(struct sp_job *j, uint64_t m, struct sp_err *err)
{
	struct sp_nodes nodes = sp_tree_nodes(j->tree);
	struct sp_proof proof;
	struct sp_buf b;
	char name[96];
	enum sp_code rc;

	if (m == 0 || m >= j->cp.size)
		return (SP_OK);
	sp_buf_init(&b, TEXT_MAX);
	rc = sp_merkle_consistency(&nodes, m, j->cp.size, &proof, err);
	if (rc == SP_OK &&
	    (sp_buf_addf(&b,
		 "sealpost/consistency/v1\n%" PRIu64 "\n%" PRIu64 "\n\n", m,
		 j->cp.size) != SP_OK ||
		add_hashes(&b, &proof) != SP_OK))
		rc = too_long(err, "consistency proof");
	if (rc == SP_OK) {
		(void)snprintf(
		    name, sizeof(name), SP_BAG_PATH_CONSISTENCY, m, j->cp.size);
		rc = add_proof_file(j, name, &b, err);
	}
	sp_buf_done(&b);
	return (rc);
}

/* log.vkey, as the archive has it. */
static enum sp_code
write_vkey(struct sp_job *j, struct sp_err *err)
{
	char *path = sp_layout_path(j->dir, "keys/log.vkey");
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, VKEY_MAX);
	rc = sp_io_read_file(path, VKEY_MAX, &b, err);
	if (rc == SP_OK)
		rc = add_proof_file(j, SP_BAG_PATH_VKEY, &b, err);
	sp_buf_done(&b);
	free(path);
	return (rc);
}

/*
 * A consistency proof is written once for each size: for the checkpoint that
 * the auditor kept, and for those that went out with earlier exports.
 */
enum sp_code
sp_job_proofs(struct sp_job *j, struct sp_err *err)
{
	enum sp_code rc;

	rc = add_proof_file(j, SP_BAG_PATH_CHECKPOINT, &j->note, err);
	if (rc == SP_OK)
		rc = write_vkey(j, err);
	if (rc == SP_OK)
		rc = add_proof_file(j, SP_BAG_PATH_SEAL_CRT, &j->crt, err);
	if (rc == SP_OK)
		rc = write_range_proof(j, err);
	if (rc == SP_OK)
		rc = write_entry_lines(j, err);
	if (rc == SP_OK)
		rc = write_event_proof(j, 0, err);
	if (rc == SP_OK)
		rc = write_event_proof(j, j->event, err);
	if (rc == SP_OK)
		rc = write_consistency(j, j->kept_size, err);
	for (size_t i = 0; rc == SP_OK && i < j->nexported_sizes; i++) {
		if (j->exported_sizes[i] != j->kept_size)
			rc = write_consistency(j, j->exported_sizes[i], err);
	}
	return (rc);
}
