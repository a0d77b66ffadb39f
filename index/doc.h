/*
 * What is to be stored of an entry: record and message, parsed and laid out
 * for the tables.  Total: any record and any message give a document.  No I/O
 * and no SQLite, so that it can be made in another thread: the pipe fills
 * documents, put.c stores them.
 */
#ifndef SP_INDEX_DOC_H
#define SP_INDEX_DOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/record.h"
#include "base/sha256.h"
#include "index/links.h"
#include "index/mail/mail.h"
#include "index/schema/column.h"
#include "index/schema/schema.h"

#define SP_DOC_PARTIES_MAX 20000u /* people, and claims, stored of a message */
#define SP_DOC_WORDS_MAX   262144u /* different words of a message, about */
#define SP_DOC_SEQS_MAX	   10000u /* ranges of entries that an event names */
#define SP_DOC_STRS_MAX	   ((size_t)32 << 20) /* bytes of their names */
#define SP_DOC_RAW_MAX	   ((size_t)64 << 10) /* see SP_DOC_SKIP */

/* The evidence of a claim from the export of another archive; no header field
 * has such a name. */
#define SP_DOC_EVIDENCE_EXPORT "=export"

/* A string inside doc->strs. */
struct sp_doc_span {
	size_t at, n;
};

/* A row of parties: a person in header or envelope. */
struct sp_doc_party {
	enum sp_party_role role;
	uint32_t n; /* position within the role */
	struct sp_doc_span addr, name; /* name.n is 0 if there is none */
};

/* A row of claims: a person by a report or by a header field of the way. */
struct sp_doc_claim {
	enum sp_claim_role role;
	enum sp_column col; /* the column that has its words */
	enum sp_claim_role presumed; /* 0: none */
	enum sp_claim_how how; /* 0: not redirected */
	/* a header field's name; SP_DOC_EVIDENCE_EXPORT; NULL: the report, as
	 * sp_mail_evidence() calls it */
	const char *evidence;
	struct sp_doc_span addr, name, via;
};

/* Entries [first, last] that an event names. */
struct sp_doc_run {
	uint64_t first, last;
};

struct sp_doc {
	/* the entry */
	uint64_t seq;
	int64_t received; /* microseconds since 1970 */
	uint8_t leaf[SP_SHA256_LEN];
	bool has_record; /* false after an erasure: nothing is stored */
	struct sp_record rec;
	/* the message */
	bool parsed; /* mail is there */
	struct sp_mail *mail;
	uint64_t accepted_by; /* the event that accepts it as a journal report,
	                       * or SP_LINK_NONE */
	bool cut; /* a limit left something out: flag "index_cut" */
	/* its people and claims; the spans lie in strs */
	struct sp_buf strs;
	struct sp_doc_party *parties;
	size_t nparties, party_room;
	struct sp_doc_claim *claims;
	size_t nclaims, claim_room;
	uint32_t heads; /* SP_HEAD(role) of fields that name nobody */
	/* what else the tables take */
	struct sp_link_ids ids;
	struct sp_buf col[SP_COL_COUNT]; /* full text; empty ones become NULL,
	                                  * or the text of mail (put.c) */
	struct sp_buf flags; /* sorted, separated by blanks */
	uint32_t attachments;
	/* of an event instead of a message */
	struct sp_buf actor, detail; /* JSON text */
	struct sp_doc_run *runs;
	size_t nruns;
	size_t weight; /* bytes of memory, estimated */
};

/* An empty document; the caller's, for sp_doc_free(). */
struct sp_doc *sp_doc_new(void);
/* Forget the content, keep the memory for the next entry. */
void sp_doc_clear(struct sp_doc *d);
void sp_doc_free(struct sp_doc *d); /* NULL is fine */

/* Whether a message is parsed, or killed the parser before (careful.h). */
enum sp_doc_parse { SP_DOC_PARSE, SP_DOC_SKIP };

/*
 * Fill ${d} from a record and a message (has_message false: it was purged),
 * both borrowed for the call.  ${opts} are for the mail layer.  With
 * SP_DOC_SKIP the message is not parsed: its raw header text (at most
 * SP_DOC_RAW_MAX bytes) is indexed and it gets the flag "unparsed".
 * Where limits are exceeded the rest is left out; SP_EFORMAT, SP_EVERSION only
 * for a record that does not parse.
 */
SP_CHECK enum sp_code sp_doc_fill(struct sp_doc *d, struct sp_view record,
    struct sp_view msg, bool has_message, enum sp_doc_parse how,
    const struct sp_mail_opts *opts, struct sp_err *err);

/* The text of a span, borrowed until the document is filled again. */
struct sp_view sp_doc_str(const struct sp_doc *d, struct sp_doc_span s);

/* What the evidence of a claim of ${d} is called in the table "evidence". */
void sp_doc_evidence(const struct sp_doc *d, const char *evidence,
    char out[SP_MAIL_EVIDENCE_MAX]);

#endif
