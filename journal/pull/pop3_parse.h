/*
 * Replies of a POP3 server (RFC 1939, 2449, 3206, 5034, 6856): bytes in, facts
 * out, no I/O.  Any bytes give a result.  pop3_login.c, pop3_list.c and pop3.c
 * call it for each line and each piece of a message that the stream has.
 */
#ifndef SP_PULL_POP3_PARSE_H
#define SP_PULL_POP3_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

#define SP_POP3_LINE_MAX     8192 /* RFC 2449: 512; challenges are longer */
#define SP_POP3_MESSAGES_MAX 5000000u /* of one mailbox */
#define SP_POP3_UID_MAX	     1000 /* RFC 1939 allows 70 */

enum sp_pop3_status {
	SP_POP3_OK, /* +OK */
	SP_POP3_ERR, /* -ERR */
	SP_POP3_CONTINUE, /* + (RFC 5034): the server waits for a response */
	SP_POP3_INVALID /* no reply of POP3 */
};

/* The response code (RFC 2449 section 8, RFC 3206) that matters to us. */
enum sp_pop3_code {
	SP_POP3_NONE,
	SP_POP3_IN_USE,
	SP_POP3_LOGIN_DELAY,
	SP_POP3_SYS_TEMP,
	SP_POP3_SYS_PERM,
	SP_POP3_AUTH,
	SP_POP3_OTHER
};

struct sp_pop3_reply {
	enum sp_pop3_status status;
	enum sp_pop3_code code;
	struct sp_view text; /* behind status and code, or the challenge */
	struct sp_view line; /* all of it */
};

/* Read the first line of a reply, without its line end; ${out} borrows. */
void sp_pop3_reply(struct sp_view line, struct sp_pop3_reply *out);

struct sp_pop3_caps {
	bool any; /* CAPA was answered */
	bool uidl, pipelining, stls, utf8, user;
	bool plain, xoauth2, oauthbearer; /* SASL mechanisms */
	uint64_t login_delay; /* seconds, 0: none */
};
/* Add what one line of CAPA's answer (RFC 2449 section 5) offers to ${caps}. */
void sp_pop3_capability(struct sp_view line, struct sp_pop3_caps *caps);

/* Cut the number at the start of a line of LIST, UIDL or STAT and the blanks
 * behind it off ${text}.  False: there is none. */
bool sp_pop3_number(struct sp_view *text, uint64_t *n);
/* Read "n octets", as STAT and a line of LIST have it; what follows is
 * ignored.  False: these are no two numbers. */
bool sp_pop3_two_numbers(struct sp_view text, uint64_t *a, uint64_t *b);
/* Read "n uid", a line of UIDL; ${uid} borrows.  False: it is none, or the uid
 * has a byte outside 0x21 to 0x7e (RFC 1939 section 7), or is too long. */
bool sp_pop3_uidl(struct sp_view line, uint64_t *n, struct sp_view *uid);

/*
 * The bytes of a message behind RETR's +OK (RFC 1939 section 3): the doubled
 * dot of a line that begins with one is taken off, CR LF . CR LF is the end.
 * Only CR LF ends a line: a dot behind a bare CR or LF is content.  How many dots
 * were taken off is counted; with ${keep_dots} they stay, for a server that does
 * not double them.
 *
 *	line start --"."--> dot --CR--> dot, CR --LF--> end
 *	line start, dot --other--> text --CR--> CR --LF--> line start
 *	dot, CR --other--> CR (the CR was content)
 *	CR --other--> text
 */
struct sp_pop3_body { /* zero at the start */
	enum {
		SP_POP3_LINE_START, /* at the start of a line */
		SP_POP3_TEXT, /* inside a line */
		SP_POP3_CR, /* behind CR */
		SP_POP3_DOT, /* behind a dot at the start of a line */
		SP_POP3_DOT_CR,
		SP_POP3_END
	} at;
	bool keep_dots; /* the caller's */
	uint64_t dots; /* taken off, or kept */
	/* ... of them those that were not doubled: a server that follows the
	 * rules sends none. */
	uint64_t single;
};
/* Consume bytes from ${in}; what of the message they give is ${out}, borrowed
 * from ${in} (or static), perhaps empty.  Call it until ${in} is empty.  False:
 * the message is over, and the rest of ${in} belongs to the next reply. */
bool sp_pop3_body(
    struct sp_pop3_body *b, struct sp_view *in, struct sp_view *out);

#endif
