/*
 * A text file of a bag, line by line, in bounded memory: entry lines, records,
 * omitted lines and manifests may each be longer than memory.  The bytes come
 * from the temporary file of a container or from the file in the directory
 * (sp_bag_source_reopen()).  Used by verify_bag_manifest.c and
 * verify_bag_entries.c.
 */
#include <inttypes.h>
#include <string.h>

#include "base/io.h"
#include "journal/verify/bag_source_priv.h"

#define TEXT_PIECE (64u << 10) /* bytes of text read at once */

enum sp_code
sp_bag_text_open(struct sp_bag_source *s, const struct sp_bag_file *file,
    size_t max, struct sp_bag_text *out, struct sp_err *err)
{
	enum sp_code rc;

	memset(out, 0, sizeof(*out));
	sp_buf_init(&out->buf, max + 2 * TEXT_PIECE);
	out->fd = -1;
	out->max = max;
	rc = sp_bag_source_reopen(s, file, &out->fd, &out->own, &out->at, err);
	if (rc == SP_OK)
		out->end = out->at + file->size;
	return (rc);
}

/*
 * Read more bytes behind those not yet handed out.  SP_EFORMAT: there are none,
 * so the line has no end, or the file became shorter; SP_ELIMIT: the buffer is
 * full.
 */
static enum sp_code
read_piece(struct sp_bag_text *t, struct sp_err *err)
{
	uint64_t left = t->end - t->at;
	size_t want = left < TEXT_PIECE ? (size_t)left : TEXT_PIECE, got;
	enum sp_code rc;
	char *p;

	sp_buf_consume(&t->buf, t->consumed);
	t->consumed = 0;
	if (want == 0)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "line %" PRIu64 " has no line end", t->line + 1));
	p = sp_buf_reserve(&t->buf, want);
	if (p == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "line %" PRIu64 " is longer than %zu bytes", t->line + 1,
		    t->max));
	rc = sp_io_pread(t->fd, p, want, t->at, &got, err);
	if (rc != SP_OK)
		return (rc);
	if (got != want)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "changed while it was looked at"));
	t->buf.n += got;
	t->at += got;
	return (SP_OK);
}

/* Lines are looked for in the buffer; each byte is searched once. */
enum sp_code
sp_bag_text_next(
    struct sp_bag_text *t, struct sp_view *line, struct sp_err *err)
{
	size_t searched = 0;

	for (;;) {
		size_t n = t->buf.n - t->consumed;
		const char *p = n > 0 ? t->buf.p + t->consumed : NULL;
		const char *lf = n > searched
				     ? memchr(p + searched, '\n', n - searched)
				     : NULL;
		enum sp_code rc;

		if (lf != NULL) {
			*line = (struct sp_view){ p, (size_t)(lf - p) };
			t->consumed += line->n + 1;
			t->line++;
			return (SP_OK);
		}
		if (n == 0 && t->at == t->end)
			return (SP_EEND);
		if (n > t->max)
			return (sp_err_set(err, SP_ELIMIT, 0,
			    "line %" PRIu64 " is longer than %zu bytes",
			    t->line + 1, t->max));
		searched = n;
		rc = read_piece(t, err);
		if (rc != SP_OK)
			return (rc);
	}
}

void
sp_bag_text_close(struct sp_bag_text *t)
{
	if (t->own)
		(void)sp_io_close(t->fd, NULL);
	t->own = false;
	sp_buf_done(&t->buf);
}
