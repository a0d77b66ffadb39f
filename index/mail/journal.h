/*
 * Journal reports: a message that a mail system wrote about another one, with
 * the envelope of that one in its text and the original attached.  Formats:
 * doc/journal-reports.md.
 *
 * A report is a claim: only messages from a trusted source may be unwrapped,
 * and only those of which every line is understood.  Only the message's own
 * header says that it is a report; one that is attached to something is not.
 * Total, no I/O.
 */
#ifndef SP_INDEX_MAIL_JOURNAL_H
#define SP_INDEX_MAIL_JOURNAL_H

#include <stdbool.h>

#include "base/sha256.h"
#include "base/view.h"
#include "index/mail/mem.h"

#define SP_JOURNAL_RCPTS_MAX 200000u /* recipients of a report */
#define SP_JOURNAL_TEXT_MAX  ((size_t)32 << 20) /* its text, decoded */
#define SP_JOURNAL_NDRS_MAX  3u /* non-delivery reports around it */
#define SP_JOURNAL_ORIGINALS 8u /* of a doubtful report, at most */
#define SP_JOURNAL_VIAS_MAX  4u /* redirections of one recipient */

enum sp_journal_role {
	SP_JOURNAL_TO,
	SP_JOURNAL_CC,
	SP_JOURNAL_BCC,
	SP_JOURNAL_RCPT, /* the report does not say which */
	SP_JOURNAL_ROLES
};

enum sp_journal_how {
	SP_JOURNAL_EXPANDED, /* a member of that list */
	SP_JOURNAL_FORWARDED, /* in place of, or besides, that mailbox */
	SP_JOURNAL_ORIGINAL, /* the address that the sender gave */
	SP_JOURNAL_HOWS
};

struct sp_journal_via {
	enum sp_journal_how how;
	const char *addr;
};

struct sp_journal_rcpt {
	enum sp_journal_role role;
	/* Where role is SP_JOURNAL_RCPT: the field of the original that names
	 * it; SP_JOURNAL_BCC here says that none does. */
	enum sp_journal_role presumed;
	const char *addr; /* as it stands, without <> */
	const char *name; /* "" if none */
	struct sp_journal_via via[SP_JOURNAL_VIAS_MAX]; /* the last one first */
	unsigned nvia;
};

/* Why a report is doubted, as bits: what a gateway, or a forger, changed. */
enum sp_journal_doubt {
	SP_JOURNAL_DOUBT_ALTERNATIVE = 1 << 0, /* its text is one of several
	                                        * forms of it */
	SP_JOURNAL_DOUBT_EXTRA_ORIGINAL = 1 << 1, /* another message beside */
	SP_JOURNAL_DOUBT_EXTRA_PART = 1 << 2,
	SP_JOURNAL_DOUBT_EXTRA_TEXT = 1 << 3, /* lines that no report has */
	SP_JOURNAL_DOUBT_HTML_TEXT = 1
				     << 4, /* its text is there as HTML only */
	SP_JOURNAL_DOUBT_NO_ORIGINAL = 1 << 5,
	SP_JOURNAL_DOUBT_ORIGINAL_TYPE = 1 << 6, /* not as message/rfc822 */
	SP_JOURNAL_DOUBT_OTHER_ORIGINAL = 1 << 7, /* of another Message-ID */
	SP_JOURNAL_DOUBT_PART_ORDER = 1 << 8,
	SP_JOURNAL_DOUBT_STRUCTURE = 1 << 9, /* no multipart/mixed that can be
	                                      * read in one way only */
	SP_JOURNAL_DOUBT_WRAPPED = 1 << 10, /* its parts, or all of it, lie
	                                     * within something else */
	SP_JOURNAL_DOUBTS_END = 1 << 11
};

/* Strings are NULL where the report has no such line. */
struct sp_journal {
	unsigned doubts; /* sp_journal_doubt; 0: what it says is certain */
	const char *kind; /* exchange-2007, exchange-2003, dsn-capture,
	                   * zimbra-intercept */
	const char *sender, *sender_name; /* "" for <> */
	const char *on_behalf_of;
	const char *subject, *message_id, *label, *mailbox;
	const char *sent_utc, *received_utc;
	const char *wrapper_id; /* Message-ID of the report itself */
	struct sp_journal_rcpt *rcpts;
	size_t nrcpts;
	struct sp_view inner; /* the original, every byte of it */
	/* Of a doubtful one: messages in it that are not attached as such. */
	struct sp_view hidden[SP_JOURNAL_ORIGINALS];
	size_t nhidden;
	const char *inner_path; /* its part, "2"; NULL: there is none */
	const char *sealed_path; /* of the encrypted original beside the clear
	                          * one, or NULL */
	uint8_t inner_sha256[SP_SHA256_LEN];
	bool rms; /* two originals: one is decrypted */
	bool truncated; /* the end of the report is missing */
	unsigned ndrs; /* non-delivery reports that it was wrapped in */
};

enum sp_journal_found {
	SP_JOURNAL_NONE, /* nothing that claims to be a report */
	SP_JOURNAL_GOOD,
	SP_JOURNAL_BAD, /* it claims to be one and is not well formed */
	SP_JOURNAL_TNEF /* one in Outlook's own format, which is not read */
};

/*
 * Look at ${msg}.  ${out} is filled for SP_JOURNAL_GOOD; its strings, and
 * inner where it had to be decoded, live in ${mem}.  What only a trusted
 * source may send (wrapped in non-delivery reports, captures without a marker
 * of their own) is looked for if ${trusted}.  *why says what is wrong with a
 * bad one.  A bad one from a trusted source that was a report before somebody
 * changed it is filled too: then ${out}->doubts is not 0, else it is.
 */
enum sp_journal_found sp_journal_read(struct sp_view msg, bool trusted,
    struct sp_mem *mem, struct sp_journal *out, const char **why);

/* The names that JSON and the index have; static. */
const char *sp_journal_role_name(enum sp_journal_role r); /* "to" ... */
const char *sp_journal_how_name(enum sp_journal_how h); /* "expanded" ... */
/* The name of one bit of sp_journal_doubt: "extra_part" ... */
const char *sp_journal_doubt_name(unsigned bit);
/* The same in words for a person. */
const char *sp_journal_doubt_words(unsigned bit);

#endif
