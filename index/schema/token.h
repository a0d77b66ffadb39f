/*
 * Text to tokens, the same for what is indexed and for what is searched
 * (doc/format-index.md, "Tokens").  FTS5 calls it through token_fts.c while a
 * row is put and while a query runs; the query language and the indexer call
 * it to fold addresses and to see what a text amounts to.
 *
 * A token is a run of letters, digits and marks, folded by NFKC_Casefold,
 * with the diacritics of Latin and Greek letters taken off.  Scripts that
 * are written without blanks (Han, Kana, Hangul, Thai, Lao, Khmer, Myanmar)
 * give overlapping pairs of characters; the last character of such a run is
 * a token of its own at the position of the last pair, so that a single
 * character is found as a prefix.  Any bytes give tokens: what is not UTF-8
 * separates.
 *
 * SP_TOKEN_MARK encloses a verbatim token (an address, a property), which is
 * taken as it is; it never occurs in text that came from outside, see
 * sp_token_clean().
 */
#ifndef SP_INDEX_SCHEMA_TOKEN_H
#define SP_INDEX_SCHEMA_TOKEN_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

/* Raised when the same text gives other tokens: shards are built again. */
#define SP_TOKEN_VERSION  "1"
#define SP_TOKEN_MARK	  '\x01'
#define SP_TOKEN_MARK_STR "\x01"
#define SP_TOKEN_MAX	  64 /* bytes of a token; the rest is not looked at */
#define SP_TOKEN_RAW_MAX  320 /* bytes of a verbatim token */

/* Who receives the tokens of a text, one by one. */
struct sp_token_sink {
	/* ${p} is borrowed for the call.  ${same}: at the position of the token
	 * before.  A result other than 0 ends the work. */
	int (*fn)(void *ctx, const char *p, size_t n, bool same);
	void *ctx;
};

/* Give every token of ${text} to ${sink}; ${query}: those to look for, else
 * those to store.  0, or what the sink ended the work with. */
int sp_token_each(struct sp_view text, bool query, struct sp_token_sink sink);

/* What a query text amounts to. */
struct sp_token_info {
	size_t count;
	bool short_last; /* the last token is one character of such a script */
};
/* Count the tokens to look for in ${text}. */
struct sp_token_info sp_token_info(struct sp_view text);

/* Append ${text} folded but not cut into tokens, as addresses and properties
 * are stored.  SP_ELIMIT beyond the limit of ${out}. */
SP_CHECK enum sp_code sp_token_fold(struct sp_view text, struct sp_buf *out);
/* Append ${text} with SP_TOKEN_MARK and U+0000 made blanks, so that nobody can
 * forge a verbatim token.  SP_ELIMIT beyond the limit of ${out}. */
SP_CHECK enum sp_code sp_token_clean(struct sp_view text, struct sp_buf *out);
/* Whether ${text} holds a SP_TOKEN_MARK. */
bool sp_token_dirty(struct sp_view text);

#endif
