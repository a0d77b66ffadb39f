/*
 * What a mail server's log says became of each message, seen from us: lines
 * in, one call for each message that we acknowledged, should have got, or
 * never were sent.  Streams: what the queue is done with is forgotten.
 *
 *	     MESSAGE            DELIVERY (one a recipient)        GONE / finish
 *	------------> open  -----------------------------> open -------------> told
 */
#ifndef SP_WATCH_DELIVERED_H
#define SP_WATCH_DELIVERED_H

#include "base/err.h"
#include "journal/watch/maillog.h"

#define SP_DELIVERED_OPEN_MAX  1000000u /* messages in the queue at a time */
#define SP_DELIVERED_RELAY_MAX 64u /* names of us that are learned */

enum sp_delivered_what {
	SP_DELIVERED_RECEIPT, /* we said 250: see ${receipt} */
	SP_DELIVERED_UNCONFIRMED, /* our address said 250, not in our words */
	SP_DELIVERED_REFUSED, /* we said no, for good */
	SP_DELIVERED_WAITING, /* still in the queue */
	SP_DELIVERED_ELSEWHERE, /* sent to others, never to us */
	SP_DELIVERED_CUT /* begins before this log, so nothing is known */
};

struct sp_delivered_case { /* borrowed for the call */
	enum sp_delivered_what what;
	struct sp_view id, time; /* of the first line */
	bool has_from;
	struct sp_view from, msgid;
	struct sp_view to, relay, reply; /* of the delivery concerned */
	struct sp_maillog_receipt receipt;
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

struct sp_delivered *sp_delivered_new(const struct sp_delivered_opts *opts);
/* One line, without its end.  SP_ELIMIT: too many messages at a time. */
SP_CHECK enum sp_code sp_delivered_line(
    struct sp_delivered *d, struct sp_view line, struct sp_err *err);
/* The log ends: tell what is still open. */
SP_CHECK enum sp_code sp_delivered_finish(
    struct sp_delivered *d, struct sp_err *err);
/* Lines that said something. */
uint64_t sp_delivered_lines(const struct sp_delivered *d);
/* Whether any relay is known to be us. */
bool sp_delivered_knows_us(const struct sp_delivered *d);
void sp_delivered_free(struct sp_delivered *d); /* NULL is fine */

#endif
