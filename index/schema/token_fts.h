/*
 * The tokenizer of token.h as SQLite's FTS5 knows it.  Whoever opens a shard
 * registers it first: without it the table "fulltext" cannot be used.
 */
#ifndef SP_INDEX_SCHEMA_TOKEN_FTS_H
#define SP_INDEX_SCHEMA_TOKEN_FTS_H

#include <sqlite3.h>

/* Make the tokenizer "sealpost" known to the connection ${db}.  An SQLite
 * result code, SQLITE_OK for success. */
int sp_token_register(sqlite3 *db);

#endif
