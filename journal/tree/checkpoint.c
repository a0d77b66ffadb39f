/*
 * The text of a checkpoint, parsed and formatted: C2SP tlog-checkpoint, as
 * doc/format-tree.md, "Checkpoints" has it.  journal/seal formats one each
 * second while entries come; verification, guard and export parse them.
 */
#include <inttypes.h>
#include <string.h>

#include "base/enc.h"
#include "base/record.h"
#include "journal/tree/checkpoint.h"
#include "journal/tree/note_priv.h"

enum sp_code
sp_checkpoint_format(const struct sp_checkpoint *c, struct sp_buf *out)
{
	char root[48];

	sp_b64_encode(c->root.b, sizeof(c->root.b), root);
	return (sp_buf_addf(
	    out, "%s\n%" PRIu64 "\n%s\n", c->origin, c->size, root));
}

static enum sp_code
bad(struct sp_err *err, const char *why)
{
	return (sp_err_set(err, SP_EFORMAT, 0, "checkpoint: %s", why));
}

/* There is one way to write each line, so a checkpoint that was altered in a
 * way that means nothing is refused too. */
enum sp_code
sp_checkpoint_parse(
    struct sp_view text, struct sp_checkpoint *out, struct sp_err *err)
{
	struct sp_view rest = text, origin, size, root;
	struct sp_checkpoint c;

	if (text.n == 0 || text.p[text.n - 1] != '\n')
		return (bad(err, "does not end with a line end"));
	origin = sp_view_cut(&rest, '\n');
	size = sp_view_cut(&rest, '\n');
	root = sp_view_cut(&rest, '\n');
	if (origin.n == 0 || origin.n > SP_ORIGIN_MAX)
		return (bad(err, "the origin is empty or too long"));
	memcpy(c.origin, origin.p, origin.n);
	c.origin[origin.n] = '\0';
	if (strlen(c.origin) != origin.n || !sp_layout_origin_ok(c.origin))
		return (
		    bad(err, "the origin has characters that none may have"));
	if (!sp_view_u64(size, &c.size) || (size.p[0] == '0' && size.n > 1))
		return (bad(err, "the tree size is not a decimal number"));
	if (c.size > SP_SEQ_MAX + 1)
		return (bad(err, "the tree size is larger than any log's"));
	if (!sp_b64_decode_exact(root, c.root.b, sizeof(c.root.b)))
		return (bad(err, "the root hash is not base64 of 32 bytes"));
	/* Extension lines are allowed (tlog-checkpoint); nothing rests on
	 * them. */
	while (rest.n > 0) {
		if (sp_view_cut(&rest, '\n').n == 0)
			return (bad(err, "has an empty line"));
	}
	*out = c;
	return (SP_OK);
}

enum sp_code
sp_checkpoint_peek(
    struct sp_view note, struct sp_checkpoint *out, struct sp_err *err)
{
	struct sp_view text, sigs;
	enum sp_code rc;

	rc = sp_note_split(note, &text, &sigs, err);
	return (rc == SP_OK ? sp_checkpoint_parse(text, out, err) : rc);
}
