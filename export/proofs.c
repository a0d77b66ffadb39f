/* Everything below data/proof but omitted.jsonl. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/io.h"
#include "export/job_priv.h"
#include "journal/tree/merkle.h"

#define TEXT_MAX (256u << 10)

static enum sp_code
hashes(struct sp_buf *out, const struct sp_proof *p)
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

static enum sp_code
add(struct sp_job *j, const char *name, const struct sp_buf *b,
    struct sp_err *err)
{
	return (sp_bag_add(&j->bag, name, j->event_time, sp_buf_view(b), err));
}

static enum sp_code
range_proof(struct sp_job *j, struct sp_err *err)
{
	struct sp_nodes nodes = sp_tree_nodes(j->tree);
	struct sp_proof left, right;
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, TEXT_MAX);
	rc = sp_merkle_range(
	    &nodes, j->pfirst, j->pend, j->cp.size, &left, &right, err);
	if (rc == SP_OK &&
	    (sp_buf_addf(&b,
		 "sealpost/range-proof/v1\n%" PRIu64 "\n%" PRIu64 "\n%" PRIu64
		 "\n\n",
		 j->pfirst, j->pend, j->cp.size) != SP_OK ||
		hashes(&b, &left) != SP_OK || sp_buf_addc(&b, '\n') != SP_OK ||
		hashes(&b, &right) != SP_OK))
		rc = too_long(err, "range.txt");
	if (rc == SP_OK)
		rc = add(j, "data/proof/range.txt", &b, err);
	sp_buf_done(&b);
	return (rc);
}

static enum sp_code
entry_lines(struct sp_job *j, struct sp_err *err)
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
		    &j->bag, "data/proof/entries.txt", j->event_time, &s, err);
	sp_spool_done(&s);
	return (rc);
}

/* The record of an event and its proof of inclusion. */
static enum sp_code
event(struct sp_job *j, uint64_t seq, struct sp_err *err)
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
		(void)snprintf(name, sizeof(name),
		    "data/proof/events/%012" PRIu64 ".json", seq);
		rc = sp_bag_add(&j->bag, name, j->event_time, e.record, err);
	}
	if (rc == SP_OK)
		rc = sp_merkle_inclusion(&nodes, seq, j->cp.size, &path, err);
	if (rc == SP_OK &&
	    (sp_buf_addf(&b, "c2sp.org/tlog-proof@v1\nindex %" PRIu64 "\n",
		 seq) != SP_OK ||
		hashes(&b, &path) != SP_OK || sp_buf_addc(&b, '\n') != SP_OK ||
		sp_buf_addv(&b, sp_buf_view(&j->note)) != SP_OK))
		rc = too_long(err, name);
	if (rc == SP_OK) {
		(void)snprintf(name, sizeof(name),
		    "data/proof/events/%012" PRIu64 ".tlog-proof", seq);
		rc = add(j, name, &b, err);
	}
	sp_buf_done(&b);
	return (rc);
}

static enum sp_code
consistency(struct sp_job *j, uint64_t m, struct sp_err *err)
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
		hashes(&b, &proof) != SP_OK))
		rc = too_long(err, "consistency proof");
	if (rc == SP_OK) {
		(void)snprintf(name, sizeof(name),
		    "data/proof/consistency/%" PRIu64 "-%" PRIu64 ".txt", m,
		    j->cp.size);
		rc = add(j, name, &b, err);
	}
	sp_buf_done(&b);
	return (rc);
}

static enum sp_code
vkey(struct sp_job *j, struct sp_err *err)
{
	char *path = sp_layout_path(j->dir, "keys/log.vkey");
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, 4096);
	rc = sp_io_read_file(path, 4096, &b, err);
	if (rc == SP_OK)
		rc = add(j, "data/proof/log.vkey", &b, err);
	sp_buf_done(&b);
	free(path);
	return (rc);
}

enum sp_code
sp_job_proofs(struct sp_job *j, struct sp_err *err)
{
	enum sp_code rc;

	rc = add(j, "data/proof/checkpoint", &j->note, err);
	if (rc == SP_OK)
		rc = vkey(j, err);
	if (rc == SP_OK)
		rc = add(j, "data/proof/seal.crt", &j->crt, err);
	if (rc == SP_OK)
		rc = range_proof(j, err);
	if (rc == SP_OK)
		rc = entry_lines(j, err);
	if (rc == SP_OK)
		rc = event(j, 0, err);
	if (rc == SP_OK)
		rc = event(j, j->event, err);
	if (rc == SP_OK)
		rc = consistency(j, j->kept, err);
	for (size_t i = 0; rc == SP_OK && i < j->ngiven_away; i++) {
		if (j->given_away[i] != j->kept)
			rc = consistency(j, j->given_away[i], err);
	}
	return (rc);
}
