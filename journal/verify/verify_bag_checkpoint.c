/*
 * Who signed a bag, and the checkpoint that its proofs lead to: steps 5 and 6
 * of doc/format-export.md section 5.  The key comes from outside where there is
 * one (verify_identity.c); the checkpoint must be signed by it; and a
 * checkpoint that the verifier kept must be of the same log, of the same root,
 * or a prefix of it by a consistency proof (RFC 6962 section 2.1.2).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "journal/verify/verify_bag_priv.h"

/*
 * Decide which key counts, from data/proof/log.vkey and what the verifier gave.
 */
static enum sp_code
open_identity(struct sp_verify_bag *b, struct sp_err *err)
{
	const char *where = SP_BAG_VKEY;
	struct sp_buf text;
	enum sp_code rc;
	bool have;

	sp_buf_init(&text, SP_VERIFY_VKEY_MAX);
	rc = sp_bag_source_require(
	    b->src, where, SP_VERIFY_VKEY_MAX, &text, &have, err);
	if (rc == SP_OK)
		rc = sp_verify_identity_init(&b->id, b->o,
		    have ? sp_buf_view(&text) : (struct sp_view){ NULL, 0 },
		    where, &b->found, err);
	sp_buf_done(&text);
	return (rc);
}

/*
 * Read the checkpoint and check its signature.  Its origin and size must be
 * those of bag-info.txt; where that is missing or damaged, the origin that of
 * the key.
 */
static enum sp_code
open_checkpoint(struct sp_verify_bag *b, struct sp_err *err)
{
	const char *origin;
	enum sp_code rc;
	bool have;

	rc = sp_bag_source_require(
	    b->src, SP_BAG_CHECKPOINT, SP_NOTE_MAX, &b->note, &have, err);
	if (rc != SP_OK || !have)
		return (rc);
	origin = b->have_info ? b->info.origin : b->id.key.name;
	b->have_checkpoint =
	    sp_verify_identity_note(&b->id, sp_buf_view(&b->note), origin,
		SP_BAG_CHECKPOINT, &b->checkpoint, &b->found);
	if (b->have_checkpoint && b->have_info &&
	    b->checkpoint.size != b->info.tree_size)
		sp_verify_found_add(&b->found, "checkpoint", SP_BAG_CHECKPOINT,
		    "is of size %" PRIu64 ", bag-info.txt says %" PRIu64,
		    b->checkpoint.size, b->info.tree_size);
	return (SP_OK);
}

/* ---- the checkpoint that the verifier kept ---- */

/*
 * Note why the kept checkpoint says nothing about this bag.  No finding, since
 * the bag may be right; but no verdict either, since the verifier asked for it.
 */
static void
set_uncompared(struct sp_verify_bag *b, const char *why)
{
	b->uncompared = sp_err_set(&b->uncompared_err, SP_ENOTFOUND, 0,
	    "the bag cannot be compared with the checkpoint that you kept: %s; ask for an export made with --from-checkpoint",
	    why);
}

/*
 * The tree of the kept checkpoint must be a prefix of the bag's, by the proof
 * in data/proof/consistency; set_uncompared() where the bag has none from that
 * size.
 */
static enum sp_code
check_consistency(struct sp_verify_bag *b, struct sp_err *err)
{
	const struct sp_checkpoint *k = &b->id.kept;
	struct sp_bag_consistency c;
	char name[96];
	struct sp_buf text;
	enum sp_code rc;
	bool have;

	(void)snprintf(name, sizeof(name),
	    "data/proof/consistency/%" PRIu64 "-%" PRIu64 ".txt", k->size,
	    b->checkpoint.size);
	if (sp_bag_source_file(b->src, sp_view_str(name)) == NULL) {
		set_uncompared(b, "it has no consistency proof from that size");
		return (SP_OK);
	}
	sp_buf_init(&text, SP_BAG_PROOF_MAX);
	rc = sp_bag_source_require(
	    b->src, name, SP_BAG_PROOF_MAX, &text, &have, err);
	if (rc != SP_OK || !have)
		goto out;
	rc = sp_bag_consistency_parse(sp_buf_view(&text), &c, err);
	if (rc != SP_OK)
		rc = sp_verify_found_code(
		    &b->found, "consistency", name, rc, err);
	else if (c.m != k->size || c.n != b->checkpoint.size ||
		 !sp_merkle_check_consistency(
		     c.m, c.n, &k->root, &b->checkpoint.root, &c.proof))
		sp_verify_found_add(&b->found, "consistency", name,
		    "the log does not continue the one whose checkpoint you kept");
out:
	sp_buf_done(&text);
	return (rc);
}

/*
 * The kept checkpoint against the one of the bag: same log, and neither a
 * changed nor a shortened tree.
 */
static enum sp_code
check_kept(struct sp_verify_bag *b, struct sp_err *err)
{
	const struct sp_checkpoint *k = &b->id.kept;

	if (!b->id.have_kept || !b->have_checkpoint)
		return (SP_OK);
	if (strcmp(k->origin, b->checkpoint.origin) != 0) {
		sp_verify_found_add(&b->found, "consistency", SP_BAG_CHECKPOINT,
		    "is of %s, the checkpoint that you kept is of %s",
		    b->checkpoint.origin, k->origin);
		return (SP_OK);
	}
	if (k->size == b->checkpoint.size) {
		if (!sp_hash_eq(&k->root, &b->checkpoint.root))
			sp_verify_found_add(&b->found, "consistency",
			    SP_BAG_CHECKPOINT,
			    "has another root than the checkpoint of the same size that you kept");
		return (SP_OK);
	}
	if (k->size > b->checkpoint.size) {
		set_uncompared(b, "it is newer than the bag's");
		return (SP_OK);
	}
	/* From the empty tree there is nothing to prove. */
	return (k->size == 0 ? SP_OK : check_consistency(b, err));
}

enum sp_code
sp_verify_bag_checkpoint(struct sp_verify_bag *b, struct sp_err *err)
{
	enum sp_code rc = open_identity(b, err);

	if (rc == SP_OK)
		rc = open_checkpoint(b, err);
	if (rc == SP_OK)
		rc = check_kept(b, err);
	return (rc);
}
