/*
 * Bytes in, facts out: what parsing concludes about a message.  Any bytes give
 * facts (with flags); no I/O but libmagic's database, no network.
 *
 * The parser is our own: views into the message, bounded in depth, parts and
 * text (index/mail/limits.h), linear in the message's size, no recursion
 * beyond the bounded depth.
 */
#ifndef SP_INDEX_MAIL_MAIL_H
#define SP_INDEX_MAIL_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"
#include "base/view.h"
#include "index/mail/journal.h"
#include "index/mail/trace.h"

/* UTF-8; name may be "".  addr is "" for an entry without an address (an
 * empty group, a name alone): its name is all that stood there. */
struct sp_mail_addr {
	char *name;
	char *addr;
};

struct sp_mail_addrs {
	struct sp_mail_addr *v;
	size_t n;
	bool present; /* the field is there, maybe empty */
};

/* Every leaf, and every attached message (which is no leaf: its own parts
 * follow). */
struct sp_mail_part {
	char *path; /* "1", "2.1", ...: IMAP's section numbers; "1.u1" is the
	             * first uuencoded file in the text of part 1 */
	char *type; /* claimed, "text/plain" */
	char *detected; /* libmagic, or NULL */
	char *charset; /* or NULL */
	char *name; /* decoded file name, or NULL */
	bool attachment; /* what a person would call one */
	bool message; /* an attached message: no leaf */
	uint64_t size; /* after transfer decoding */
	uint8_t sha256[32];
	uint8_t tsha256[32]; /* CRLF as LF, without final newlines */
};

struct sp_mail_header {
	char *name;
	char *value; /* raw, unfolded; U+0000 is a space */
};

struct sp_mail {
	char *subject; /* NULL: absent */
	char *message_id; /* without <> */
	char *date; /* RFC 3339 with the sender's offset, or NULL */
	int64_t date_us; /* UTC us, INT64_MIN if none */
	struct sp_mail_addrs from, to, cc, bcc, reply_to;
	struct sp_mail_part *parts;
	size_t nparts;
	struct sp_mail_header *headers;
	size_t nheaders;
	char *text; /* extracted body text, UTF-8 without NUL inside */
	size_t text_len;
	char **flags; /* sorted; doc/mail-flags.md */
	size_t nflags;
	/* An unwrapped report, or NULL.  All above is then of the original
	 * in it, but paths are those of the whole message. */
	struct sp_journal *journal;
	/* What a report that was changed on the way says, or NULL; its doubts
	 * are not 0.  All above is of the message itself, but text also has
	 * that of the original. */
	struct sp_journal *doubted;
	const char *journal_why; /* what is wrong with a report, or NULL */
	/* The event by which a report from elsewhere was accepted as one, or
	 * UINT64_MAX. */
	uint64_t accepted_by;
	struct sp_traces traces; /* what fields of the way say */
	/* With digests: of the body, and of body and stable fields, see
	 * index/mail/identity.h. */
	uint8_t body_id[32], stable_id[32];
	struct sp_mem *mem; /* holds all of it */
};

struct sp_mail_opts {
	uint64_t max_text; /* bytes of text, at most; 0: 4 MiB */
	uint64_t max_header; /* bytes of raw fields kept; 0: 256 KiB.  The facts
	                      * come from all of the header. */
	bool detect; /* run libmagic on attachments */
	bool digests; /* compute sha256/tsha256 of parts */
	bool journal; /* from a trusted source: unwrap journal reports */
	bool accepted; /* ... because event ${accepted_by} says so */
	uint64_t accepted_by;
};

/* Load libmagic's database for the calling thread.  Call once per process,
 * before a sandbox closes the file system. */
void sp_mail_global_init(void);
/*
 * Parse ${msg}, which must outlive the result: an unwrapped report keeps a view
 * into it.  Never NULL, never fails: what was odd is a flag
 * (doc/mail-flags.md). ${o} NULL: the defaults, with detection and digests. 
 * The caller frees it.
 */
struct sp_mail *sp_mail_parse(struct sp_view msg, const struct sp_mail_opts *o);
void sp_mail_free(struct sp_mail *m); /* NULL is fine */
/*
 * Append the decoded bytes of the part ${path}, a path of sp_mail_part, to
 * ${out}.  SP_ENOTFOUND: the message has no such part; SP_ELIMIT: it is larger
 * than the limit of ${out}.
 */
SP_CHECK enum sp_code sp_mail_part_bytes(struct sp_view msg, const char *path,
    struct sp_buf *out, struct sp_err *err);

#define SP_MAIL_EVIDENCE_MAX 320
/* The evidence of what a report says: "report"; "accepted-report:EVENT";
 * "doubtful-report:NAME,NAME" with the names of its doubts. */
void sp_mail_evidence(const struct sp_mail *m, char out[SP_MAIL_EVIDENCE_MAX]);
/* "claims", as the index has them, and "inner_sha256" (null if it is no
 * unwrapped report). */
void sp_mail_json_claims(const struct sp_mail *m, struct sp_json *j);
/* "journal": what an unwrapped report says; "journal_problem": why another one
 * was not unwrapped.  Nothing for other messages. */
void sp_mail_json_journal(const struct sp_mail *m, struct sp_json *j);
/* What search and show print as JSON of the message itself, into an open JSON
 * object: message_id date subject from to cc bcc reply_to
 * attachments; ${full} adds headers ([{"name","value"}]), text, leaves. */
void sp_mail_json(const struct sp_mail *m, struct sp_json *j, bool full);

#endif
