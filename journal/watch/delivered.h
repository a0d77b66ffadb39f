/*
 * What a mail server's log says became of each message, seen from us, the
 * archive: lines in; a call for each receipt of ours, and one for each message
 * that we should have got, or that was never sent to us.  Streams: what the
 * queue is done with is forgotten.
 *
 *	 MESSAGE or DELIVERY          GONE, or the log ends
 *	---------------------> [open] ----------------------> forgotten; a call
 *	                        |  ^                          unless we have it
 *	                        '--'  DELIVERY: a call where it holds a receipt
 *
 * `sealpost reconcile --maillog` (app/cmd/reconcile_maillog.c) feeds the lines
 * and compares what comes with the log; the rules are in doc/watch.md.
 */
#ifndef SP_WATCH_DELIVERED_H
#define SP_WATCH_DELIVERED_H

#include "base/err.h"
#include "journal/watch/maillog.h"

#define SP_DELIVERED_OPEN_MAX  1000000u /* messages in the queue at a time */
#define SP_DELIVERED_RELAY_MAX 64u /* names of us that are learned */

enum sp_delivered_what {
	SP_DELIVERED_RECEIPT, /* we said 250: see ${receipt} */
	SP_DELIVERED_UNCONFIRMED, /* one of our names took it in other words */
	SP_DELIVERED_REFUSED, /* one of our names failed for good */
	SP_DELIVERED_WAITING, /* still in the queue */
	SP_DELIVERED_ELSEWHERE, /* sent to others, never to us */
	SP_DELIVERED_CUT /* begins before this log, so nothing is known */
};

struct sp_delivered_case { /* borrowed for the call */
	enum sp_delivered_what what;
	struct sp_view id, time; /* of its first line */
	bool has_from; /* the log says the sender; it may be empty */
	struct sp_view from, msgid;
	struct sp_view to, relay, reply; /* of the delivery concerned, if any */
	struct sp_maillog_receipt receipt; /* of SP_DELIVERED_RECEIPT */
};

struct sp_delivered_opts {
	/* What relay=, H= or the recipient contain where it is us; besides,
	 * every relay that gave a receipt is one of our names. */
	const char *const *relays;
	size_t nrelays;
	/* Anything but SP_OK ends it with that code. */
	enum sp_code (*fn)(
	    void *ctx, const struct sp_delivered_case *c, struct sp_err *err);
	void *ctx;
};

struct sp_delivered;

/* ${opts} is copied, its relays are borrowed until sp_delivered_free. */
struct sp_delivered *sp_delivered_new(const struct sp_delivered_opts *opts);
/* Take one line, without its end.  SP_ELIMIT: more than SP_DELIVERED_OPEN_MAX
 * messages at a time; else the code of the callback. */
SP_CHECK enum sp_code sp_delivered_line(
    struct sp_delivered *d, struct sp_view line, struct sp_err *err);
/* The log ends: call for what is still open.  The code of the callback. */
SP_CHECK enum sp_code sp_delivered_finish(
    struct sp_delivered *d, struct sp_err *err);
/* How many lines meant something. */
uint64_t sp_delivered_lines(const struct sp_delivered *d);
/* Whether any relay is known to be us. */
bool sp_delivered_knows_us(const struct sp_delivered *d);
void sp_delivered_free(struct sp_delivered *d); /* NULL is fine */

#endif
