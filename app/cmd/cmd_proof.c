/*
 * `sealpost proof SEQ`: that entry SEQ is in the tree that the last checkpoint
 * signs, in the form of a C2SP tlog-proof (doc/format-export.md): the inclusion
 * proof (RFC 6962 section 2.1.1) and the checkpoint.  It reads tree/ and needs
 * no lock; anybody can check the result with the entry's line and the
 * verification key.
 */
#include <inttypes.h>

#include "app/cmd/cmd.h"
#include "app/common/args.h"
#include "app/common/options.h"
#include "base/enc.h"
#include "journal/tree/tree.h"

/* Write the proof of entry ${seq} to ${out}; SP_ENOTFOUND if the last
 * checkpoint does not cover it. */
static enum sp_code
make_proof(
    struct sp_app *app, uint64_t seq, struct sp_buf *out, struct sp_err *err)
{
	struct sp_tree *tree = NULL;
	struct sp_checkpoint c;
	struct sp_proof proof;
	struct sp_nodes nodes;
	struct sp_buf note;
	enum sp_code rc;

	sp_buf_init(&note, SP_NOTE_MAX);
	rc = sp_tree_checkpoint(app->dir, &note, &c, err);
	if (rc == SP_OK && seq >= c.size)
		rc = sp_err_set(err, SP_ENOTFOUND, 0,
		    "entry %" PRIu64
		    " is not covered by the last checkpoint, which covers 0..%" PRIu64,
		    seq, c.size - 1);
	if (rc == SP_OK)
		rc = sp_tree_open(app->dir, &tree, err);
	if (rc == SP_OK) {
		nodes = sp_tree_nodes(tree);
		rc = sp_merkle_inclusion(&nodes, seq, c.size, &proof, err);
	}
	if (rc == SP_OK) {
		(void)!sp_buf_addf(
		    out, "c2sp.org/tlog-proof@v1\nindex %" PRIu64 "\n", seq);
		for (size_t i = 0; i < proof.n; i++) {
			(void)!sp_b64_append(out, proof.h[i].b, 32);
			(void)!sp_buf_addc(out, '\n');
		}
		(void)!sp_buf_addc(out, '\n');
		(void)!sp_buf_addv(out, sp_buf_view(&note));
	}
	sp_tree_close(tree);
	sp_buf_done(&note);
	return (rc);
}

/* The proof on standard output, as a whole or not at all. */
int
sp_cmd_proof(struct sp_app *app, int argc, char **argv)
{
	const struct sp_usage usage = { "proof", "SEQ",
		"Print the inclusion proof of entry SEQ with the last checkpoint (C2SP tlog-proof).\n"
		"The leaf is the entry's line: `sealpost show SEQ --format json` has it as \"line\".",
		NULL, 0, false };
	struct sp_buf out;
	struct sp_err err;
	int first, status;
	uint64_t seq;
	enum sp_code rc;

	status = sp_common_parse_max(&usage, argc, argv, 1, &first);
	if (status >= 0)
		return (status);
	if (first >= argc)
		return (sp_app_usage(
		    "proof: of which entry? write `sealpost proof SEQ`"));
	if (!sp_common_seq(argv[first], &seq))
		return (2);
	sp_buf_init(&out, 2 * SP_NOTE_MAX);
	rc = sp_app_find(app, &err);
	if (rc == SP_OK)
		rc = make_proof(app, seq, &out, &err);
	if (rc == SP_OK)
		(void)fwrite(out.p, 1, out.n, stdout);
	sp_buf_done(&out);
	return (rc == SP_OK ? 0 : sp_app_fail(&err));
}
