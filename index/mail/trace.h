/*
 * What header fields of the way say of the envelope.  They are claims of
 * whoever added them, and are kept as that: each with the field's name.
 */
#ifndef SP_INDEX_MAIL_TRACE_H
#define SP_INDEX_MAIL_TRACE_H

#include "index/mail/header.h"
#include "index/mail/mem.h"

#define SP_TRACE_MAX 1000u /* facts of one message */

enum sp_trace_kind { SP_TRACE_SENDER, SP_TRACE_RCPT, SP_TRACE_LIST };

struct sp_trace {
	enum sp_trace_kind kind;
	const char *field; /* its usual spelling */
	const char *addr, *name; /* name "" if none */
};

struct sp_traces {
	struct sp_trace *v;
	size_t n;
	unsigned seen; /* of fields of which the topmost counts */
};

/* A further field of the message's own header, from the top. */
void sp_trace_field(
    struct sp_traces *t, struct sp_mem *mem, const struct sp_field *f);

#endif
