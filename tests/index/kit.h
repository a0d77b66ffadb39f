/*
 * What the tests of the index share: an archive in a temporary directory, with
 * messages at times that the test chooses, updates of its index, and answers
 * to queries as text.  A failure prints its error and aborts.
 */
#ifndef SP_TESTS_INDEX_KIT_H
#define SP_TESTS_INDEX_KIT_H

#include "index/index.h"
#include "index/search.h"
#include "tests/lib/fixture.h"

#define KIT_TEXT 4096

struct kit {
	struct sp_fixture fx;
	/* what the index reported, "what: text\n" */
	char reported[KIT_TEXT];
};

/* The clock stands at ${time} (RFC 3339).  Between two entries it may be set
 * to anything later: the archive is told to accept it. */
void kit_clock(struct kit *k, const char *time);
void kit_init(struct kit *k, const char *time);
void kit_done(struct kit *k);
/* Append a message of these bytes; its seq. */
uint64_t kit_add(struct kit *k, const char *msg);
/* The same with an envelope and a source: ${to} has recipients separated by
 * blanks, each ADDR, ADDR>ORIGINAL or ADDR|PARAMETER, ${source} the members
 * of "source", ${flag} may be NULL. */
uint64_t kit_add_with(struct kit *k, const char *msg, const char *from,
    const char *to, const char *source, const char *flag);
/* Open the index, update it, close it; what it reported is in k->reported. */
void kit_index(struct kit *k);
/* The same, giving what failed. */
enum sp_code kit_try(struct kit *k, struct sp_err *err);
/* "3 2 1": the seqs that a query gives, newest first; "!..." for an error. */
const char *kit_ask(struct kit *k, const char *query);
const char *kit_ask_with(struct kit *k, const struct sp_search_opts *o);
/* The JSON of the rows of all messages, a line each; free(). */
char *kit_rows(struct kit *k);
/* index/NAME, malloc'ed. */
char *kit_shard(struct kit *k, const char *name);
/* Whether the last update reported ${what}. */
bool kit_reported(const struct kit *k, const char *what);

#endif
