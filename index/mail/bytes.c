/*
 * The decoded bytes of one part of a message, for show --part: the structure
 * is walked again (tree.c) until the leaf with the wanted path comes, and only
 * that one is decoded.  A path that ends in ".uN" is the Nth uuencoded file in
 * the text of a part.
 */
#include <stdlib.h>
#include <string.h>

#include "index/mail/mail.h"
#include "index/mail/mem.h"
#include "index/mail/decode/transfer.h"
#include "index/mail/decode/uu.h"
#include "index/mail/tree.h"

struct part_request {
	const char *path; /* of the part */
	size_t path_len; /* without ".uN" */
	unsigned long uu; /* N, or 0 */
	struct sp_buf *out;
	enum sp_code code;
	bool found;
};

static void
on_field(void *ctx, unsigned depth, const struct sp_field *f)
{
	(void)ctx;
	(void)depth;
	(void)f;
}

static void
on_loose(void *ctx, struct sp_view text)
{
	(void)ctx;
	(void)text;
}

/* A sink: append to the wanted buffer; the first failure stays in w->code. */
static void
put(void *ctx, const char *p, size_t n)
{
	struct part_request *w = ctx;

	if (w->code == SP_OK)
		w->code = sp_buf_add(w->out, p, n);
}

/* Decode the part and then the wanted uuencoded file in its text. */
static void
put_inline(struct part_request *w, const struct sp_entity *e)
{
	struct sp_buf text;
	struct sp_buf *out = w->out;
	struct sp_uu uu;
	size_t from = 0;

	sp_buf_init(&text, e->body.n + 4);
	w->out = &text;
	(void)sp_transfer_decode(e->enc, e->body, &(struct sp_sink){ put, w });
	w->out = out;
	for (unsigned long n = 1;
	     !w->found && sp_uu_find(sp_buf_view(&text), from, &uu); n++) {
		from = uu.end;
		if (n != w->uu)
			continue;
		(void)sp_transfer_decode(
		    SP_TRANSFER_UU, uu.data, &(struct sp_sink){ put, w });
		w->found = true;
	}
	sp_buf_done(&text);
}

/*
 * Decode the leaf if it is the wanted one.  After the first match, and for
 * every other path, nothing happens.
 */
static void
on_leaf(void *ctx, const struct sp_entity *e, const char *path)
{
	struct part_request *w = ctx;

	if (w->found || strlen(path) != w->path_len ||
	    memcmp(path, w->path, w->path_len) != 0)
		return;
	sp_buf_clear(w->out);
	if (w->uu > 0) {
		put_inline(w, e);
		return;
	}
	w->found = true;
	(void)sp_transfer_decode(e->enc, e->body, &(struct sp_sink){ put, w });
}

/*
 * Split ".uN" off the path and walk the whole message; the strings that the
 * walk makes are dropped, the bytes are in ${out}.
 */
enum sp_code
sp_mail_part_bytes(struct sp_view msg, const char *path, struct sp_buf *out,
    struct sp_err *err)
{
	struct part_request w = {
		.path = path, .path_len = strlen(path), .out = out
	};
	struct sp_visitor v = { on_field, on_leaf, on_loose, &w };
	const char *u = strstr(path, ".u");
	struct sp_mem *mem = sp_mem_new();
	uint64_t n;

	if (u != NULL && sp_view_u64(sp_view_str(u + 2), &n)) {
		w.path_len = (size_t)(u - path);
		w.uu = (unsigned long)n;
	}
	(void)sp_tree_walk(msg, mem, &v);
	sp_mem_free(mem);
	if (!w.found)
		return (sp_err_set(err, SP_ENOTFOUND, 0,
		    "part %s: the message has no such part; the paths are listed by show --format json under \"leaves\"",
		    path));
	if (w.code != SP_OK)
		return (sp_err_set(err, w.code, 0,
		    "part %s: it is larger than the limit of %zu bytes", path,
		    out->max));
	return (SP_OK);
}
