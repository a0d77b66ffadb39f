/*
 * Shared by the decoders of transfer encodings: the chunk of decoded bytes
 * between them and the sink of their caller, and the decoders that have files
 * of their own.
 */
#ifndef SP_INDEX_MAIL_DECODE_TRANSFER_PRIV_H
#define SP_INDEX_MAIL_DECODE_TRANSFER_PRIV_H

#include <stddef.h>
#include <string.h>

#include "index/mail/decode/transfer.h"

#define SP_TRANSFER_CHUNK ((size_t)16 << 10)

/* Decoded bytes on their way to the sink. */
struct sp_transfer_out {
	const struct sp_sink *sink;
	size_t n;
	char buf[SP_TRANSFER_CHUNK];
};

/* Hand what was collected to the sink. */
static inline void
sp_transfer_out_flush(struct sp_transfer_out *o)
{
	if (o->n > 0)
		o->sink->put(o->sink->ctx, o->buf, o->n);
	o->n = 0;
}

/* Add one decoded byte. */
static inline void
sp_transfer_out_put(struct sp_transfer_out *o, char c)
{
	o->buf[o->n++] = c;
	if (o->n == SP_TRANSFER_CHUNK)
		sp_transfer_out_flush(o);
}

/* Add ${n} decoded bytes. */
static inline void
sp_transfer_out_add(struct sp_transfer_out *o, const char *p, size_t n)
{
	while (n > 0) {
		size_t k =
		    SP_TRANSFER_CHUNK - o->n < n ? SP_TRANSFER_CHUNK - o->n : n;

		memcpy(o->buf + o->n, p, k);
		o->n += k;
		p += k;
		n -= k;
		if (o->n == SP_TRANSFER_CHUNK)
			sp_transfer_out_flush(o);
	}
}

/* Decode ${in} into ${o}, whose last chunk the caller flushes.  False if
 * something in it did not follow the encoding. */
bool sp_transfer_base64(struct sp_view in, struct sp_transfer_out *o);
bool sp_transfer_uu(struct sp_view in, struct sp_transfer_out *o);

#endif
