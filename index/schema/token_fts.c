/*
 * The tokenizer of token.h behind the interface of SQLite's FTS5: the three
 * callbacks that the extension API asks for, without any state of their own.
 */
#include "index/schema/token_fts.h"

#include "index/schema/token.h"

struct fts_sink {
	void *ctx;
	int (*token)(void *, int, const char *, int, int, int);
};

/* Sink of sp_token_each(): hands a token to FTS5. */
static int
pass_on(void *ctx, const char *p, size_t n, bool same)
{
	struct fts_sink *c = ctx;

	/* Offsets serve only snippets, which a contentless table has not. */
	return (
	    c->token(c->ctx, same ? FTS5_TOKEN_COLOCATED : 0, p, (int)n, 0, 0));
}

static int
x_tokenize(Fts5Tokenizer *t, void *ctx, int flags, const char *text, int n,
    int (*token)(void *, int, const char *, int, int, int))
{
	struct fts_sink c = { ctx, token };

	(void)t;
	if (text == NULL || n <= 0)
		return (SQLITE_OK);
	return (sp_token_each(sp_view_mem(text, (size_t)n),
	    (flags & FTS5_TOKENIZE_QUERY) != 0,
	    (struct sp_token_sink){ pass_on, &c }));
}

static int
x_create(void *ctx, const char **argv, int argc, Fts5Tokenizer **out)
{
	(void)argv;
	(void)argc;
	*out = ctx; /* no state: any pointer but NULL */
	return (SQLITE_OK);
}

static void
x_delete(Fts5Tokenizer *t)
{
	(void)t;
}

/* FTS5 hands out its extension API through a query that returns a pointer. */
int
sp_token_register(sqlite3 *db)
{
	static char nothing;
	fts5_tokenizer tok = { x_create, x_delete, x_tokenize };
	sqlite3_stmt *st = NULL;
	fts5_api *api = NULL;
	int rc = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &st, NULL);

	if (rc != SQLITE_OK)
		return (rc);
	rc = sqlite3_bind_pointer(st, 1, &api, "fts5_api_ptr", NULL);
	if (rc == SQLITE_OK && sqlite3_step(st) != SQLITE_ROW)
		rc = SQLITE_ERROR;
	(void)sqlite3_finalize(st);
	if (rc != SQLITE_OK)
		return (rc);
	if (api == NULL)
		return (SQLITE_ERROR);
	return (api->xCreateTokenizer(api, "sealpost", &nothing, &tok, NULL));
}
