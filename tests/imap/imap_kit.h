/* Writes down what an IMAP parser calls, one line a call. */
#ifndef SP_TESTS_IMAP_IMAP_KIT_H
#define SP_TESTS_IMAP_IMAP_KIT_H

#include "base/buf.h"
#include "journal/pull/imap/imap_parse.h"

struct heard {
	struct sp_buf log;
	struct sp_imap_events ev;
	enum sp_code refuse_body; /* what the body callback returns */
	bool in_body;
};

void heard_init(struct heard *h);
void heard_done(struct heard *h);
/* All of ${v} in pieces of ${step} bytes, the first of ${first}. */
enum sp_code heard_feed(struct heard *h, struct sp_view v, size_t first,
    size_t step, struct sp_err *err);

#endif
