/*
 * Private to doc*.c: the parts of a document, filled one after the other by
 * sp_doc_fill().  None can fail; where a limit is reached, what is beyond it
 * is left out and d->cut set, for the flag "index_cut".
 */
#ifndef SP_INDEX_DOC_FILL_PRIV_H
#define SP_INDEX_DOC_FILL_PRIV_H

#include "index/doc.h"

/* People of envelope and header: rows and words (doc_people.c). */
void sp_doc_fill_people(struct sp_doc *d);
/* What a report and header fields claim of people (doc_claims.c). */
void sp_doc_fill_claims(struct sp_doc *d);
/* By what the entry is known to the links (doc_claims.c). */
void sp_doc_fill_ids(struct sp_doc *d);
/* Cut what would bring more than about SP_DOC_WORDS_MAX different words; after
 * all of these (doc_words.c). */
void sp_doc_bound_words(struct sp_doc *d);
/* The flags of record and message; ${own}: one of the indexer's, or NULL
 * (doc_facts.c). */
void sp_doc_fill_flags(struct sp_doc *d, const char *own);
/* Names of parts, number of attachments (doc_facts.c). */
void sp_doc_fill_files(struct sp_doc *d);
/* The properties, as verbatim tokens; after flags and files (doc_facts.c). */
void sp_doc_fill_meta(struct sp_doc *d);
/* An event instead of a message (doc_facts.c). */
void sp_doc_fill_event(struct sp_doc *d);

/*
 * Append to ${col} what finds a person: the verbatim tokens of address and
 * domain, the words of ${name} and, unless ${whole}, those of the address.
 * SP_ELIMIT where the column or the address is too long.
 */
SP_CHECK enum sp_code sp_doc_add_words(
    struct sp_buf *col, struct sp_view addr, struct sp_view name, bool whole);
/* Copy ${v} into d->strs; false beyond its limit. */
bool sp_doc_store_str(
    struct sp_doc *d, struct sp_view v, struct sp_doc_span *out);

#endif
