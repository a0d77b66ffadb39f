/*
 * uuencoded files in the middle of text, as they were sent before MIME.  The
 * transfer encoding x-uuencode is read by sp_transfer_decode().
 */
#ifndef SP_INDEX_MAIL_DECODE_UU_H
#define SP_INDEX_MAIL_DECODE_UU_H

#include <stdbool.h>
#include <stddef.h>

#include "base/view.h"

/* A uuencoded file in text; name and data are views into the text. */
struct sp_uu {
	struct sp_view name;
	struct sp_view data; /* the lines between begin and end */
	size_t begin; /* where its first line starts in the text */
	size_t end; /* behind its last line */
};

/*
 * Find the next uuencoded file in ${text} that begins at byte ${from} or
 * later.  False if there is none; ${out} is then undefined.
 */
bool sp_uu_find(struct sp_view text, size_t from, struct sp_uu *out);

#endif
