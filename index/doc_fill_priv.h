/* Private to doc*.c: the parts of a document.  None can fail; where a limit
 * is reached, what is beyond it is left out and the flag "index_cut" set. */
#ifndef SP_INDEX_DOC_FILL_PRIV_H
#define SP_INDEX_DOC_FILL_PRIV_H

#include "index/doc.h"

void sp_doc_fill_people(struct sp_doc *d);
void sp_doc_fill_claims(struct sp_doc *d);
void sp_doc_fill_ids(struct sp_doc *d);
/* Words and verbatim tokens of a person; ${whole}: the address is found whole
 * and by its domain, not by its words. */
SP_CHECK enum sp_code sp_doc_words(
    struct sp_buf *col, struct sp_view addr, struct sp_view name, bool whole);
/* ${own}: a flag of the indexer, or NULL. */
void sp_doc_fill_flags(struct sp_doc *d, const char *own);
void sp_doc_fill_files(struct sp_doc *d);
void sp_doc_fill_meta(struct sp_doc *d); /* after flags and files */
void sp_doc_fill_event(struct sp_doc *d);

#endif
