/*
 * The pull engine: the bytes of the message that is begun.  They are held until
 * the message is judged (pull_doubt.c), since what is not whole must not reach
 * the archive as if it were; then they go to the sink in one go.  A message up
 * to HOLD_MEMORY stays in memory, a larger one goes to a file without a name in
 * state/pull, which is gone when it is closed.
 */
#include <stdlib.h>

#include "base/io.h"
#include "journal/pull/pull_priv.h"

#define HOLD_MEMORY    ((size_t)4 << 20)
#define HOLD_CHUNK     ((size_t)256 << 10) /* read back from the file */
#define PROVENANCE_MAX (64u << 10)

void
sp_pull_hold_init(struct sp_pull *p)
{
	sp_buf_init(&p->hold.mem, HOLD_MEMORY);
	sp_buf_init(&p->hold.provenance, PROVENANCE_MAX);
	p->hold.fd = -1;
}

void
sp_pull_hold_clear(struct sp_pull *p)
{
	sp_buf_clear(&p->hold.mem);
	sp_buf_clear(&p->hold.provenance);
	(void)sp_io_close(p->hold.fd, NULL);
	p->hold.fd = -1;
	p->hold.in_file = 0;
}

void
sp_pull_hold_done(struct sp_pull *p)
{
	sp_pull_hold_clear(p);
	sp_buf_done(&p->hold.mem);
	sp_buf_done(&p->hold.provenance);
}

/* Append to the file, which is made with the first bytes. */
static enum sp_code
add_to_file(struct sp_pull *p, struct sp_view bytes, struct sp_err *err)
{
	struct sp_pull_hold *h = &p->hold;
	enum sp_code rc = SP_OK;

	if (h->fd < 0) {
		char *dir = sp_io_parent(p->state_path, NULL);

		rc = sp_io_mkdir(dir, 0700, err);
		if (rc == SP_OK)
			rc = sp_io_tmpfile(dir, &h->fd, err);
		free(dir);
	}
	if (rc == SP_OK)
		rc = sp_io_pwrite(h->fd, bytes.p, bytes.n, h->in_file, err);
	if (rc == SP_OK)
		h->in_file += bytes.n;
	return (rc);
}

enum sp_code
sp_pull_hold_add(struct sp_pull *p, struct sp_view bytes, struct sp_err *err)
{
	struct sp_pull_hold *h = &p->hold;
	enum sp_code rc = SP_OK;

	if (h->fd < 0 && h->mem.n + bytes.n <= HOLD_MEMORY &&
	    sp_buf_addv(&h->mem, bytes) == SP_OK)
		return (SP_OK);
	if (h->fd < 0) {
		rc = add_to_file(p, sp_buf_view(&h->mem), err);
		sp_buf_clear(&h->mem);
	}
	return (rc == SP_OK ? add_to_file(p, bytes, err) : rc);
}

/* The file to the sink, piece by piece through h->mem, which is empty then. */
static enum sp_code
deliver_file(struct sp_pull *p, struct sp_err *err)
{
	struct sp_pull_hold *h = &p->hold;
	char *chunk = sp_buf_reserve(&h->mem, HOLD_CHUNK);
	enum sp_code rc = SP_OK;
	uint64_t at = 0;

	if (chunk == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0, "no memory"));
	while (rc == SP_OK && at < h->in_file) {
		uint64_t left = h->in_file - at;
		size_t want = left < HOLD_CHUNK ? (size_t)left : HOLD_CHUNK;
		size_t got = 0;

		rc = sp_io_pread(h->fd, chunk, want, at, &got, err);
		if (rc == SP_OK && got < want)
			rc = sp_err_set(
			    err, SP_EIO, 0, "the held message became shorter");
		if (rc == SP_OK)
			rc = p->opts.sink.data(
			    p->opts.sink.ctx, sp_view_mem(chunk, got), err);
		at += got;
	}
	return (rc);
}

/* The flag goes in as the first member of the provenance. */
static enum sp_code
begin_with_sink(struct sp_pull *p, struct sp_pull_pending *a, const char *flag,
    struct sp_err *err)
{
	struct sp_view text = sp_buf_view(&p->hold.provenance);
	struct sp_buf b;
	enum sp_code rc = SP_OK;

	if (flag == NULL)
		return (p->opts.sink.begin(p->opts.sink.ctx, text, a, err));
	sp_buf_init(&b, PROVENANCE_MAX + 64);
	rc = sp_buf_addf(&b, "{\"flags\":[\"%s\"],", flag);
	if (rc == SP_OK)
		rc = sp_buf_addv(&b, sp_view_mem(text.p + 1, text.n - 1));
	rc = rc == SP_OK
		 ? p->opts.sink.begin(p->opts.sink.ctx, sp_buf_view(&b), a, err)
		 : sp_err_set(err, rc, 0, "the provenance is too long");
	sp_buf_done(&b);
	return (rc);
}

enum sp_code
sp_pull_hold_deliver(struct sp_pull *p, struct sp_pull_pending *a,
    const char *flag, struct sp_err *err)
{
	enum sp_code rc = begin_with_sink(p, a, flag, err);

	if (rc == SP_OK && p->hold.fd >= 0)
		rc = deliver_file(p, err);
	else if (rc == SP_OK && p->hold.mem.n > 0)
		rc = p->opts.sink.data(
		    p->opts.sink.ctx, sp_buf_view(&p->hold.mem), err);
	return (rc == SP_OK ? p->opts.sink.end(p->opts.sink.ctx, err) : rc);
}
