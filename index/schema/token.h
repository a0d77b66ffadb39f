/*
 * Text to tokens, the same for what is indexed and for what is searched.
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

#include <sqlite3.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

/* Raised when the same text gives other tokens: shards are rebuilt. */
#define SP_TOKEN_VERSION "1"
#define SP_TOKEN_MARK	 '\x01'
#define SP_TOKEN_MAX	 64 /* bytes of a token; the rest is not looked at */
#define SP_TOKEN_RAW_MAX 320 /* bytes of a verbatim token */

struct sp_token_sink {
	/* ${same}: at the position of the token before.  Not 0 stops. */
	int (*fn)(void *ctx, const char *p, size_t n, bool same);
	void *ctx;
};

/* ${query}: tokens to look for, else tokens to store. */
int sp_token_each(struct sp_view text, bool query, struct sp_token_sink sink);

/* What a query text amounts to. */
struct sp_token_info {
	size_t count;
	bool short_last; /* the last token is one character of such a script */
};
struct sp_token_info sp_token_info(struct sp_view text);

/* Fold without splitting (addresses).  SP_ELIMIT beyond the buffer's limit. */
SP_CHECK enum sp_code sp_token_fold(struct sp_view text, struct sp_buf *out);
/* Append ${text} with SP_TOKEN_MARK and U+0000 made blanks. */
SP_CHECK enum sp_code sp_token_clean(struct sp_view text, struct sp_buf *out);
/* Whether ${text} holds a SP_TOKEN_MARK. */
bool sp_token_dirty(struct sp_view text);

/* Make the tokenizer "sealpost" known to a connection; an SQLite code. */
int sp_token_register(sqlite3 *db);

#endif
