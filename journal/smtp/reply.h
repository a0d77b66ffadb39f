/*
 * The replies of the SMTP and LMTP server: every fixed reply has a name here
 * and its text in one table of reply.c, and one table there says which of them
 * a failure gets (a full disk, a clock that leapt, ...).  doc/smtp.md says when
 * each is given and why.  A fault of ours is always 4xx: the peer keeps the
 * mail and comes again.
 *
 * The milter (milter_answer.c) takes the same replies and makes its own answers
 * of them.
 */
#ifndef SP_SMTP_REPLY_H
#define SP_SMTP_REPLY_H

#include "base/err.h"
#include "base/view.h"

enum sp_reply {
	SP_REPLY_NONE, /* no reply: nothing is wrong */
	SP_REPLY_OK,
	SP_REPLY_MAIL_OK,
	SP_REPLY_RCPT_OK,
	SP_REPLY_SEND_DATA, /* 354 */
	SP_REPLY_BYE,
	SP_REPLY_AUTH_OK, /* 235 */
	SP_REPLY_START_TLS, /* 220 2.0.0 */
	SP_REPLY_HELP,
	SP_REPLY_VRFY,
	/* ours: try again */
	SP_REPLY_CLOSING, /* 421 4.3.2 */
	SP_REPLY_BUSY, /* 421 4.3.2, too many sessions */
	SP_REPLY_NO_MEMORY, /* 421 4.3.2, for another session */
	SP_REPLY_PER_PEER, /* 421 4.7.0 */
	SP_REPLY_CROWDED, /* 421 4.7.0, ended for somebody who has less */
	SP_REPLY_PER_USER, /* 421 4.7.0, on a socket in the file system */
	SP_REPLY_ERRORS, /* 421 4.7.0 */
	SP_REPLY_EVENT_RATE, /* 450 4.7.1, at the door */
	SP_REPLY_EVENT_DISK, /* 452 4.3.1, at the door */
	SP_REPLY_IDLE, /* 421 4.4.2 */
	SP_REPLY_SLOW, /* 421 4.4.2 */
	SP_REPLY_DISK_FULL, /* 452 4.3.1, the disk is full */
	SP_REPLY_TOO_MANY_RCPTS, /* 452 4.5.3 */
	SP_REPLY_MEMORY, /* 452 4.3.1, the memory budget is used up */
	SP_REPLY_FAULT, /* 451 4.3.0, any other fault of ours */
	SP_REPLY_CLOCK, /* 451 4.3.0, the clock leapt */
	SP_REPLY_ROLLBACK, /* 451 4.3.0, the archive was rolled back */
	SP_REPLY_AUTH_LATER, /* 454 4.7.0 */
	SP_REPLY_AUTH_BLOCKED, /* 454 4.7.0 */
	/* theirs: syntax */
	SP_REPLY_LINE_LONG,
	SP_REPLY_BARE_LF_LINE,
	SP_REPLY_CR_LINE,
	SP_REPLY_NUL_LINE,
	SP_REPLY_UNKNOWN,
	SP_REPLY_NOT_OFFERED,
	SP_REPLY_USE_LHLO,
	SP_REPLY_NOT_LMTP,
	SP_REPLY_USE_BDAT,
	SP_REPLY_ARGUMENT, /* none allowed here */
	SP_REPLY_HELO_ARG,
	SP_REPLY_PATH,
	SP_REPLY_PATH_LONG,
	SP_REPLY_PARAM,
	SP_REPLY_VALUE,
	SP_REPLY_NEED_UTF8,
	SP_REPLY_NOT_UTF8,
	SP_REPLY_CHUNK_SIZE, /* 501, then closed */
	SP_REPLY_HTTP,
	SP_REPLY_TOO_EARLY, /* 554 5.5.0, then closed */
	/* theirs: sequence */
	SP_REPLY_NEED_HELO,
	SP_REPLY_NEED_TLS, /* 530 5.7.0 */
	SP_REPLY_TLS_ACTIVE,
	SP_REPLY_NEED_MAIL,
	SP_REPLY_NESTED,
	SP_REPLY_NEED_RCPT,
	SP_REPLY_NO_RCPT, /* all were refused; SMTP only */
	SP_REPLY_IN_BDAT,
	SP_REPLY_CHUNK_FAILED, /* after a failed chunk: RSET */
	SP_REPLY_BINARY_DATA,
	SP_REPLY_NEED_SOURCE,
	SP_REPLY_IN_MAIL, /* XSEALPOST inside a transaction */
	/* theirs: logging in (RFC 4954) */
	SP_REPLY_AUTH_SYNTAX, /* 501 5.5.2 */
	SP_REPLY_AUTH_CANCEL, /* 501 5.7.0 */
	SP_REPLY_AUTH_LONG, /* 500 5.5.6 */
	SP_REPLY_AUTH_TWICE, /* 503 5.5.1 */
	SP_REPLY_AUTH_UNKNOWN, /* 504 5.5.4 */
	SP_REPLY_AUTH_FAILED, /* 535 5.7.8 */
	SP_REPLY_AUTH_CLEAR, /* 538 5.7.11 */
	SP_REPLY_NEED_AUTH, /* 530 5.7.0 */
	/* theirs: policy */
	SP_REPLY_TOO_BIG,
	SP_REPLY_BARE_NEWLINE, /* 550 5.5.2, after the data */
	SP_REPLY_NO_SUCH_RCPT, /* 550 5.1.1 */
	SP_REPLY_DENIED, /* 550 5.7.1 */
	SP_REPLY_CLAIM, /* 501 5.5.4 */
	SP_REPLY_EVENT_SIZE, /* 552 5.3.4, at the door */
	SP_REPLY_DOOR_ARG,
	SP_REPLY_COUNT
};

/* The text of a reply: the whole line with CR LF.  Static. */
struct sp_view sp_reply_text(enum sp_reply r);
/* The reply for a message that could not be stored because of ${code}; never
 * 5xx. */
enum sp_reply sp_reply_of_failure(enum sp_code code);
/* The first digit, 2 to 5; 0 for SP_REPLY_NONE. */
int sp_reply_class(enum sp_reply r);

#endif
