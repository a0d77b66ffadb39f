/*
 * For tests of the IMAP parser: a recorder of its events as text, one line for
 * each response, and feeding in pieces.
 */
#ifndef SP_TESTS_IMAP_IMAP_KIT_H
#define SP_TESTS_IMAP_IMAP_KIT_H

#include "base/buf.h"
#include "journal/pull/imap/imap_parse.h"

struct recorder {
	struct sp_buf log; /* the text so far */
	struct sp_imap_events ev;
	enum sp_code refuse_body; /* what the body callback returns */
	bool in_body; /* a body began, its FETCH is not here yet */
};

void recorder_init(struct recorder *h);
void recorder_done(struct recorder *h);
/* Feed all of ${v} to a new parser in pieces of ${step} bytes, the first of
 * ${first}.  Returns what the parser does. */
enum sp_code recorder_feed(struct recorder *h, struct sp_view v, size_t first,
    size_t step, struct sp_err *err);

#endif
