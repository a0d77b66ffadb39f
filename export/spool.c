/*
 * A growing text in an unnamed temporary file, written in pieces of 256 KiB;
 * spool.h has the contract.  Nothing is synced: an export that is interrupted
 * leaves nothing that anybody relies on.
 */
#include "base/io.h"
#include "export/spool.h"

#define PIECE (256u << 10) /* bytes written at once */

enum sp_code
sp_spool_init(struct sp_spool *s, const char *dir, struct sp_err *err)
{
	*s = (struct sp_spool){ .fd = -1 };
	sp_buf_init(&s->buf, 2 * PIECE);
	return (sp_io_tmpfile(dir, &s->fd, err));
}

enum sp_code
sp_spool_flush(struct sp_spool *s, struct sp_err *err)
{
	enum sp_code rc;

	if (s->buf.n == 0)
		return (SP_OK);
	rc = sp_io_pwrite(s->fd, s->buf.p, s->buf.n, s->size, err);
	if (rc == SP_OK)
		s->size += s->buf.n;
	sp_buf_clear(&s->buf);
	return (rc);
}

/*
 * What is longer than a piece is written by itself, behind what the buffer
 * held.
 */
enum sp_code
sp_spool_add(struct sp_spool *s, struct sp_view v, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	if (s->buf.n + v.n > PIECE)
		rc = sp_spool_flush(s, err);
	if (rc != SP_OK)
		return (rc);
	if (v.n <= PIECE)
		return (sp_buf_addv(&s->buf, v) == SP_OK
			    ? SP_OK
			    : sp_err_set(err, SP_ELIMIT, 0, "no memory"));
	rc = sp_io_pwrite(s->fd, v.p, v.n, s->size, err);
	if (rc == SP_OK)
		s->size += v.n;
	return (rc);
}

enum sp_code
sp_spool_line(struct sp_spool *s, struct sp_view v, struct sp_err *err)
{
	enum sp_code rc = sp_spool_add(s, v, err);

	return (rc == SP_OK ? sp_spool_add(s, SP_VIEW_LIT("\n"), err) : rc);
}

void
sp_spool_done(struct sp_spool *s)
{
	(void)sp_io_close(s->fd, NULL);
	s->fd = -1;
	sp_buf_done(&s->buf);
}
