/*
 * Mail that kills the parser.  A file in state/ tells the next start that an
 * indexer did not end by itself.  That start parses one message at a time and
 * writes down which; a message that was being parsed at two deaths is stored
 * without being parsed from then on.  Best effort: no error is worth failing
 * for.
 *
 *   (no file) -> FAST -> closed: (no file)
 *   FAST found at start -> CAREFUL until all that was ahead is past -> FAST
 */
#ifndef SP_INDEX_CAREFUL_H
#define SP_INDEX_CAREFUL_H

#include <stdbool.h>
#include <stdint.h>

#include "index/doc.h"

/* Entries after the cursor that a killed indexer may have been parsing. */
#define SP_CAREFUL_ENTRIES 8192u
#define SP_CAREFUL_DEATHS  2u

struct sp_careful;

/* ${cursor}: the first entry that will be parsed. */
struct sp_careful *sp_careful_open(const char *dir, uint64_t cursor);
/* Whether entry ${seq} must be parsed alone, and if it may be at all. */
bool sp_careful_needed(const struct sp_careful *c, uint64_t seq);
enum sp_doc_parse sp_careful_before(struct sp_careful *c, uint64_t seq);
/* All before ${cursor} is committed. */
void sp_careful_past(struct sp_careful *c, uint64_t cursor);
/* An end by itself; NULL is fine. */
void sp_careful_close(struct sp_careful *c);

#endif
