#include "index/mail/leaf.h"

#include <string.h>

#include "base/sha256.h"
#include "index/mail/charset.h"

static void
put_newlines(struct sp_leaf *l)
{
	static const char lfs[64] =
	    "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
	    "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n";

	while (l->lf > 0) {
		size_t n = l->lf < sizeof(lfs) - 1 ? l->lf : sizeof(lfs) - 1;

		sp_sha256_add(l->tsha, lfs, n);
		l->lf -= n;
	}
}

/* The text form: newlines wait until something follows them. */
static void
add_text(struct sp_leaf *l, const char *p, size_t n)
{
	const char *end = p + n;

	while (p < end) {
		const char *q, *stop;

		if (l->cr && *p != '\n') {
			put_newlines(l);
			sp_sha256_add(l->tsha, "\r", 1);
		}
		l->cr = false;
		if (*p == '\n') {
			l->lf++;
			p++;
			continue;
		}
		/* Up to a CR, or to the newlines at the end. */
		q = memchr(p, '\r', (size_t)(end - p));
		stop = q == NULL ? end : q;
		if (q != NULL) {
			l->cr = true;
			q++;
		} else {
			q = end;
		}
		while (stop > p && stop[-1] == '\n')
			stop--;
		if (stop > p) {
			put_newlines(l);
			sp_sha256_add(l->tsha, p, (size_t)(stop - p));
		}
		l->lf += (size_t)((l->cr ? q - 1 : q) - stop);
		p = q;
	}
}

static void
put(void *ctx, const char *p, size_t n)
{
	struct sp_leaf *l = ctx;

	l->size += n;
	if (l->sha != NULL) {
		sp_sha256_add(l->sha, p, n);
		add_text(l, p, n);
	}
	if (l->kept.n < l->kept.max) {
		size_t room = l->kept.max - l->kept.n;

		(void)!sp_buf_add(&l->kept, p, n < room ? n : room);
	}
}

bool
sp_leaf_read(struct sp_leaf *l, enum sp_transfer enc, struct sp_view raw,
    size_t keep, uint8_t sha[SP_SHA256_LEN], uint8_t tsha[SP_SHA256_LEN])
{
	struct sp_sink sink = { put, l };
	bool ok;

	sp_buf_done(&l->kept);
	sp_buf_init(&l->kept, keep);
	l->size = l->lf = 0;
	l->cr = false;
	if (l->sha != NULL) {
		sp_sha256_reset(l->sha);
		sp_sha256_reset(l->tsha);
	}
	ok = sp_transfer_decode(enc, raw, &sink);
	l->whole = l->kept.n == l->size;
	if (l->sha != NULL) {
		if (l->cr) {
			put_newlines(l);
			sp_sha256_add(l->tsha, "\r", 1);
		}
		sp_sha256_end(l->sha, sha);
		sp_sha256_end(l->tsha, tsha);
	}
	return (ok);
}
