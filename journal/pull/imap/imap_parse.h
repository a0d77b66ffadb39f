/*
 * What an IMAP server says (RFC 3501, 9051, 4315, 4731, 7162, 6154, 3516):
 * bytes in, responses out.  Any split of the bytes gives the same calls.
 *
 *	LINE	text to its line end   -> literal announced: KEEP, SKIP or BODY
 *				       -> none: the response is complete
 *	KEEP	a short literal, becomes part of the response
 *	SKIP	a literal that nobody asked for, dropped as it comes
 *	BODY	the literal of BODY[] in a FETCH, handed on as it comes
 *
 * A literal is counted, never searched: what a message holds cannot end it, a
 * response or a command.  Free text (OK, NO, BAD, BYE, PREAUTH, tagged replies
 * and continuations) never announces a literal.  Nothing but the literal of
 * BODY[] is unbounded; that one is not kept.  After an error the connection
 * cannot be used any more.
 *
 * imap_command.c feeds the parser what it reads and gets the responses;
 * imap_parse.c cuts them out, imap_response.c and its neighbours read each
 * (imap_scan.h).  No I/O; the fuzz target is fuzz_imap.
 */
#ifndef SP_PULL_IMAP_IMAP_PARSE_H
#define SP_PULL_IMAP_IMAP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

#define SP_IMAP_LINE_MAX     (256u << 10) /* a response less skipped literals */
#define SP_IMAP_LITERAL_MAX  4096 /* a kept literal; a longer one is skipped */
#define SP_IMAP_LITERALS_MAX 256 /* literals of one response */
#define SP_IMAP_DEPTH_MAX    64 /* nested lists */
#define SP_IMAP_LABELS_MAX   64 /* labels of a message; more are counted */
#define SP_IMAP_NUMBER_MAX   INT64_MAX

enum sp_imap_kind {
	SP_IMAP_OTHER, /* known or not: nothing that we use */
	SP_IMAP_TAGGED,
	SP_IMAP_CONTINUE,
	SP_IMAP_STATUS, /* untagged OK, NO, BAD, BYE, PREAUTH */
	SP_IMAP_CAPABILITY,
	SP_IMAP_ENABLED,
	SP_IMAP_EXISTS,
	SP_IMAP_EXPUNGE,
	SP_IMAP_FETCH,
	SP_IMAP_SEARCH, /* and ESEARCH */
	SP_IMAP_VANISHED,
	SP_IMAP_LIST,
	SP_IMAP_MAILBOX_STATUS
};

enum sp_imap_cond {
	SP_IMAP_OK,
	SP_IMAP_NO,
	SP_IMAP_BAD,
	SP_IMAP_BYE,
	SP_IMAP_PREAUTH
};

/* Response codes (RFC 3501, 5530, 4315, 7162, 4978, 9051). */
enum sp_imap_code {
	SP_IMAP_C_NONE,
	SP_IMAP_C_UNKNOWN, /* not known: ignored */
	SP_IMAP_C_ALERT,
	SP_IMAP_C_APPENDUID,
	SP_IMAP_C_AUTHENTICATIONFAILED,
	SP_IMAP_C_AUTHORIZATIONFAILED,
	SP_IMAP_C_CAPABILITY,
	SP_IMAP_C_CLOSED,
	SP_IMAP_C_CONTACTADMIN,
	SP_IMAP_C_COPYUID,
	SP_IMAP_C_CORRUPTION,
	SP_IMAP_C_EXPIRED,
	SP_IMAP_C_HIGHESTMODSEQ,
	SP_IMAP_C_INUSE,
	SP_IMAP_C_LIMIT,
	SP_IMAP_C_NOMODSEQ,
	SP_IMAP_C_NONEXISTENT,
	SP_IMAP_C_NOPERM,
	SP_IMAP_C_OVERQUOTA,
	SP_IMAP_C_PERMANENTFLAGS,
	SP_IMAP_C_PRIVACYREQUIRED,
	SP_IMAP_C_READ_ONLY,
	SP_IMAP_C_READ_WRITE,
	SP_IMAP_C_SERVERBUG,
	SP_IMAP_C_TRYCREATE,
	SP_IMAP_C_UIDNEXT,
	SP_IMAP_C_UIDNOTSTICKY,
	SP_IMAP_C_UIDVALIDITY,
	SP_IMAP_C_UNAVAILABLE,
	SP_IMAP_C_UNKNOWN_CTE,
	SP_IMAP_C_THROTTLED /* Exchange, Zimbra, in no RFC */
};

/* What OK, NO, BAD, BYE or PREAUTH says, tagged or not. */
struct sp_imap_status {
	enum sp_imap_cond cond;
	enum sp_imap_code code;
	struct sp_view name; /* of the code, as sent */
	struct sp_view args; /* behind the name, raw */
	bool has_number;
	uint64_t number; /* of UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ */
	struct sp_view text; /* behind the code */
};

enum sp_imap_body { SP_IMAP_BODY_NONE, SP_IMAP_BODY_NIL, SP_IMAP_BODY_GIVEN };

/* The items of a FETCH that we ask for. */
struct sp_imap_fetch {
	uint64_t msn; /* sequence number */
	uint32_t uid; /* 0: not said */
	bool has_size, has_flags, has_modseq;
	uint64_t size; /* RFC822.SIZE */
	uint64_t modseq;
	struct sp_view internaldate; /* p NULL: not said */
	struct sp_view flags; /* raw, between the parentheses */
	struct sp_view gm_msgid, gm_thrid; /* digits; p NULL: not said */
	struct sp_view labels[SP_IMAP_LABELS_MAX];
	size_t nlabels, more_labels;
	enum sp_imap_body body; /* of BODY[], BODY[]<n> and RFC822 */
	bool rfc822; /* it stood there by the name RFC822 */
};

/* Special use of a mailbox (RFC 6154), bits. */
#define SP_IMAP_USE_ALL	     (1u << 0)
#define SP_IMAP_USE_ARCHIVE  (1u << 1)
#define SP_IMAP_USE_DRAFTS   (1u << 2)
#define SP_IMAP_USE_FLAGGED  (1u << 3)
#define SP_IMAP_USE_JUNK     (1u << 4)
#define SP_IMAP_USE_SENT     (1u << 5)
#define SP_IMAP_USE_TRASH    (1u << 6)
#define SP_IMAP_USE_NOSELECT (1u << 7) /* \Noselect, \NonExistent */

/* A LIST response (RFC 3501 section 7.2.2). */
struct sp_imap_list {
	unsigned use; /* SP_IMAP_USE_ */
	char delim; /* 0: NIL */
	struct sp_view name; /* as sent: modified UTF-7 or UTF-8 */
};

/* A STATUS response (RFC 3501 section 7.2.4). */
struct sp_imap_mailbox {
	struct sp_view name;
	bool has_messages, has_uidnext, has_uidvalidity, has_modseq;
	uint64_t messages, uidnext, uidvalidity, modseq;
};

/* A response; which fields are valid depends on ${kind}.  Views are borrowed
 * for the call. */
struct sp_imap_response {
	enum sp_imap_kind kind;
	struct sp_view tag; /* TAGGED; and that of an ESEARCH, p NULL: none */
	struct sp_imap_status status; /* TAGGED, STATUS */
	struct sp_view text; /* CONTINUE, CAPABILITY, ENABLED: what follows */
	struct sp_view set; /* SEARCH: numbers and ranges; VANISHED: a set */
	bool earlier; /* VANISHED (EARLIER) */
	uint64_t number; /* EXISTS, EXPUNGE */
	struct sp_imap_fetch fetch;
	struct sp_imap_list list;
	struct sp_imap_mailbox mailbox;
};

/* What the parser calls.  Anything but SP_OK, from each of them, ends the
 * feeding with that code. */
struct sp_imap_events {
	/*
	 * The content of BODY[]: ${partial} for BODY[]<${offset}>.  ${head} is
	 * what came before it; the UID and the rest may come behind: the FETCH
	 * response that follows has all.  One body at most comes before each
	 * FETCH response.
	 */
	enum sp_code (*body)(void *ctx, const struct sp_imap_fetch *head,
	    bool partial, uint64_t offset, uint64_t size, struct sp_err *err);
	/* A piece of that content, at least one byte. */
	enum sp_code (*data)(
	    void *ctx, const char *p, size_t n, struct sp_err *err);
	/* A response is complete. */
	enum sp_code (*response)(
	    void *ctx, const struct sp_imap_response *r, struct sp_err *err);
	void *ctx;
};

struct sp_imap_parser;

/* A parser for one connection; ${ev} is borrowed until it is freed.  Never
 * NULL. */
struct sp_imap_parser *sp_imap_parser_new(const struct sp_imap_events *ev);
void sp_imap_parser_free(struct sp_imap_parser *p); /* NULL is fine */
/* The next ${n} bytes of the server.  Calls the events for all that is complete
 * with them.  SP_EFORMAT: it is not IMAP; SP_ELIMIT: a limit above; or what an
 * event returned.  After a failure every call returns the same. */
SP_CHECK enum sp_code sp_imap_parser_feed(
    struct sp_imap_parser *p, const char *data, size_t n, struct sp_err *err);

/* Cut the next range off "1:4,9" or "1 4 9", low end first; false at the end.
 * A '*' or anything else that is no number between 1 and 2^32-1 ends it. */
bool sp_imap_set_next(struct sp_view *rest, uint32_t *low, uint32_t *high);
/* Whether ${v} is such a set, to its end. */
bool sp_imap_set_ok(struct sp_view v);

/* Capabilities that matter to us, bits. */
#define SP_IMAP_CAP_REV1	(1u << 0)
#define SP_IMAP_CAP_REV2	(1u << 1)
#define SP_IMAP_CAP_STARTTLS	(1u << 2)
#define SP_IMAP_CAP_NOLOGIN	(1u << 3) /* LOGINDISABLED */
#define SP_IMAP_CAP_SASL_IR	(1u << 4)
#define SP_IMAP_CAP_PLAIN	(1u << 5) /* AUTH=... */
#define SP_IMAP_CAP_XOAUTH2	(1u << 6)
#define SP_IMAP_CAP_OAUTHBEARER (1u << 7)
#define SP_IMAP_CAP_IDLE	(1u << 8)
#define SP_IMAP_CAP_UIDPLUS	(1u << 9)
#define SP_IMAP_CAP_MOVE	(1u << 10)
#define SP_IMAP_CAP_ENABLE	(1u << 11)
#define SP_IMAP_CAP_CONDSTORE	(1u << 12)
#define SP_IMAP_CAP_QRESYNC	(1u << 13)
#define SP_IMAP_CAP_UTF8	(1u << 14) /* UTF8=ACCEPT */
#define SP_IMAP_CAP_ID		(1u << 15)
#define SP_IMAP_CAP_SPECIAL_USE (1u << 16)
#define SP_IMAP_CAP_GMAIL	(1u << 17) /* X-GM-EXT-1 */

/* The capabilities, SP_IMAP_CAP_, in the words of a CAPABILITY or ENABLED
 * response, with what IMAP4rev2 includes; unknown ones are ignored. */
unsigned sp_imap_caps(struct sp_view words);
/* Their names, "," between, for a message; returns ${out} of ${size} bytes, cut
 * to what fits. */
const char *sp_imap_caps_text(unsigned caps, char *out, size_t size);

#endif
