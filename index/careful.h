/*
 * Mail that kills the parser (doc/format-index.md, "Poison").  While an indexer
 * runs, a file in state/ says so: the next start that finds it knows that the
 * last indexer was killed.  That start parses one message at a time and writes
 * down which; a message that was being parsed at two deaths is stored without
 * being parsed from then on.  Best effort: no error is worth failing for.
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
/* Deaths at one entry after which it is not parsed any more. */
#define SP_CAREFUL_DEATHS 2u

struct sp_careful;

/* Read what the last indexer left in the archive ${dir}, and say that one
 * runs.  ${cursor}: the first entry that will be parsed.  *out is for
 * sp_careful_close(). */
struct sp_careful *sp_careful_open(const char *dir, uint64_t cursor);
/* Whether entry ${seq} must be parsed alone, without threads. */
bool sp_careful_needed(const struct sp_careful *c, uint64_t seq);
/* Called right before entry ${seq} is parsed: whether it may be; writes down
 * that it is being parsed, where that is needed. */
enum sp_doc_parse sp_careful_before(struct sp_careful *c, uint64_t seq);
/* Everything before ${cursor} is committed. */
void sp_careful_past(struct sp_careful *c, uint64_t cursor);
/* The indexer ends by itself: the file goes.  NULL is fine. */
void sp_careful_close(struct sp_careful *c);

#endif
