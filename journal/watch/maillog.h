/*
 * Lines of a mail server's log: Postfix (syslog, RFC 5424 time stamps, or its
 * own maillog_file) and Exim (its main log, or that through syslog).  Any
 * bytes give a struct; no I/O, no memory.  What is read of them is in
 * doc/watch.md.  delivered.c collects the lines by the queue id.
 */
#ifndef SP_WATCH_MAILLOG_H
#define SP_WATCH_MAILLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/sha256.h"
#include "base/view.h"

#define SP_MAILLOG_LINE_MAX 65536u /* bytes of a line; longer ones are cut */
#define SP_MAILLOG_ID_MAX   32u /* bytes of a queue id */

enum sp_maillog_kind {
	SP_MAILLOG_OTHER, /* nothing of interest */
	SP_MAILLOG_MESSAGE, /* the queue id has this sender or Message-ID */
	SP_MAILLOG_DELIVERY, /* one attempt for one recipient */
	SP_MAILLOG_GONE /* the queue is done with the message */
};

enum sp_maillog_result {
	SP_MAILLOG_SENT,
	SP_MAILLOG_DEFERRED, /* tried again later */
	SP_MAILLOG_BOUNCED /* given up: returned to the sender */
};

/* Views into the line.  Of kind OTHER, all but the time means nothing. */
struct sp_maillog_line {
	enum sp_maillog_kind kind;
	struct sp_view time; /* as written */
	struct sp_view id; /* of the message in the server's queue */
	/* of a MESSAGE */
	bool has_from;
	struct sp_view from; /* "" for <> */
	/* As written, Exim's without <>; empty where the line has none, but a
	 * static "<>" where Exim says that a message came without. */
	struct sp_view msgid;
	/* of a DELIVERY */
	enum sp_maillog_result result;
	struct sp_view to;
	/* "host[address]:port"; Exim: "R=router T=transport" */
	struct sp_view relay;
	struct sp_view reply; /* the last server's text, or the reason */
};

/* Read ${line}, without its line end, into ${out}. */
void sp_maillog_parse(struct sp_view line, struct sp_maillog_line *out);

/* What our own "250 2.0.0 Ok: seq=N sha256=HEX" says (doc/smtp.md). */
struct sp_maillog_receipt {
	uint64_t seq;
	uint8_t sha256[SP_SHA256_LEN];
};
/* Find a receipt in ${reply}.  False: it holds none of ours. */
bool sp_maillog_receipt(struct sp_view reply, struct sp_maillog_receipt *out);

#endif
