/*
 * The facts of a message's own header: fields are handed over during the walk
 * and read at its end, when the character set of the body is known.
 */
#ifndef SP_INDEX_MAIL_FACTS_H
#define SP_INDEX_MAIL_FACTS_H

#include "index/mail/header.h"
#include "index/mail/mail.h"
#include "index/mail/mem.h"

/* Fields kept until the charset of the body is known. */
struct sp_facts_in {
	struct sp_field *v; /* the raw fields, up to a limit */
	size_t n;
	struct sp_field *known; /* those that facts come from, all of them */
	size_t nknown;
	size_t bytes;
	bool cut; /* not all were kept */
	bool nul;
};

/* Add a further field, in the order of the message.  It is a view into the
 * message and stays one; ${max} bytes of raw fields are kept. */
void sp_facts_field(struct sp_facts_in *in, struct sp_mem *mem, size_t max,
    const struct sp_field *f);
/*
 * Fill the header's facts of ${m}.  ${charset} (or n = 0) is the body's, for
 * raw 8-bit text.  Other readings (a second subject) go to ${text}.  Returns
 * SP_MAIL_BIT()s.
 */
uint64_t sp_facts_fill(struct sp_mail *m, const struct sp_facts_in *in,
    struct sp_view charset, struct sp_buf *text);

#endif
