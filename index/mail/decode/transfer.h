/*
 * Content-Transfer-Encodings, decoded leniently in pieces.  Total, linear,
 * constant memory.
 */
#ifndef SP_INDEX_MAIL_DECODE_TRANSFER_H
#define SP_INDEX_MAIL_DECODE_TRANSFER_H

#include <stdbool.h>

#include "base/view.h"

enum sp_transfer {
	SP_TRANSFER_PLAIN, /* 7bit, 8bit, binary, unknown: as it is */
	SP_TRANSFER_BASE64,
	SP_TRANSFER_QP,
	SP_TRANSFER_UU
};

/* Where decoded bytes go: put is called with each piece, ${p} valid during the
 * call only. */
struct sp_sink {
	void (*put)(void *ctx, const char *p, size_t n);
	void *ctx;
};

/* The encoding that the value of a Content-Transfer-Encoding names.  *known is
 * false for a name that is none; such a body is taken as it is. */
enum sp_transfer sp_transfer_by_name(struct sp_view value, bool *known);
/* Decode ${in}.  False if something in it did not follow the encoding. */
bool sp_transfer_decode(
    enum sp_transfer t, struct sp_view in, const struct sp_sink *sink);

/* Whether what claims to be base64 is plain text instead: more than one byte in
 * twenty of its first 4 KiB is a space or nothing that base64 has. */
bool sp_transfer_is_plain(struct sp_view in);

#endif
