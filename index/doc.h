/*
 * What is to be stored of an entry: record and message, parsed and laid out
 * for the tables.  Total: any record and any message give a document.  No I/O
 * and no SQLite, so that it can be made in another thread.
 */
#ifndef SP_INDEX_DOC_H
#define SP_INDEX_DOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/record.h"
#include "index/links.h"
#include "index/mail/mail.h"
#include "index/schema/schema.h"

#define SP_DOC_PARTIES_MAX 20000u /* people stored of a message */
#define SP_DOC_SEQS_MAX	   10000u /* runs of entries that an event names */
#define SP_DOC_STRS_MAX	   ((size_t)32 << 20) /* bytes of their names */
#define SP_DOC_RAW_MAX	   ((size_t)64 << 10) /* raw header text, see below */

struct sp_span {
	size_t at, n;
}; /* in doc->strs */

struct sp_doc_party {
	enum sp_role role;
	uint32_t n; /* position within the role */
	struct sp_span addr, name; /* name.n is 0 if there is none */
};

struct sp_doc_claim {
	enum sp_claim_role role;
	enum sp_col col; /* that has its words */
	enum sp_claim_role presumed; /* 0: not */
	enum sp_claim_how how; /* 0: not redirected */
	const char
	    *evidence; /* a header field's name; "=export"; NULL: the report */
	struct sp_span addr, name, via;
};

struct sp_doc_run {
	uint64_t first, last;
};

struct sp_doc {
	uint64_t seq;
	int64_t received;
	uint8_t leaf[SP_SHA256_LEN];
	bool has_record; /* false after an erasure: nothing is stored */
	bool parsed; /* mail is there */
	bool cut; /* a limit left something out */
	struct sp_record rec;
	struct sp_mail *mail;
	struct sp_buf strs; /* what the spans point into */
	struct sp_doc_party *parties;
	size_t nparties, party_room;
	struct sp_doc_claim *claims;
	size_t nclaims, claim_room;
	struct sp_link_ids ids;
	uint32_t heads; /* SP_HEAD(role) of fields that name nobody */
	struct sp_buf col[SP_COL_COUNT]; /* text; empty ones are NULL rows */
	struct sp_buf flags; /* sorted, separated by blanks */
	uint32_t attachments;
	/* events */
	struct sp_buf actor, detail; /* JSON text */
	struct sp_doc_run *runs;
	size_t nruns;
	size_t weight; /* bytes it holds, about */
};

struct sp_doc *sp_doc_new(void);
/* Forget the content, keep the memory. */
void sp_doc_clear(struct sp_doc *d);
void sp_doc_free(struct sp_doc *d); /* NULL is fine */

/* What went wrong with a message before, see careful.h. */
enum sp_doc_parse { SP_DOC_PARSE, SP_DOC_SKIP };

/*
 * Fill ${d} from a record and a message (p == NULL: none).  A record that
 * does not parse, or with limits exceeded, still gives a document.
 * ${opts} are for the mail layer.  With SP_DOC_SKIP the message is not
 * parsed: its raw header text (at most SP_DOC_RAW_MAX bytes) is indexed and
 * it gets the flag "unparsed".
 */
SP_CHECK enum sp_code sp_doc_fill(struct sp_doc *d, struct sp_view record,
    struct sp_view msg, bool has_message, enum sp_doc_parse how,
    const struct sp_mail_opts *opts, struct sp_err *err);

/* ${s} of a span. */
struct sp_view sp_doc_str(const struct sp_doc *d, struct sp_span s);

#endif
