/*
 * A query: any text gives a plan or a message with a place, and whatever is a
 * plan, SQLite takes (over empty tables).
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "index/query/query.h"
#include "index/schema/schema.h"
#include "index/schema/token_fts.h"
#include "index/search_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW (INT64_C(1795451462) * SP_SECOND)

static sqlite3 *
database(void)
{
	static sqlite3 *db;

	if (db != NULL)
		return (db);
	if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
	    sp_token_register(db) != SQLITE_OK)
		abort();
	for (size_t i = 0; sp_schema_sql[i] != NULL; i++)
		if (sqlite3_exec(db, sp_schema_sql[i], NULL, NULL, NULL) !=
		    SQLITE_OK)
			abort();
	return (db);
}

static void
run(const struct sp_plan *p)
{
	char path[] = "memory";
	struct sp_shard s = { .db = { .handle = database(), .path = path } };
	struct sp_ask ask = { .plan = p, .sort = SP_SORT_DATE, .limit = 5 };
	struct sp_founds found = { 0 };
	struct sp_err err = { 0 };
	uint64_t n = 0;

	if (sp_shard_count(&s, p, 0, 100, &n, &err) != SP_OK ||
	    sp_shard_find(&s, 0, &ask, 0, 100, &found, &err) != SP_OK)
		abort();
	ask.sort = SP_SORT_RELEVANCE;
	if (sp_shard_find(&s, 0, &ask, 0, 100, &found, &err) != SP_OK)
		abort();
	free(found.v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = sp_view_dup(sp_view_mem(data, size));
	struct sp_node *tree = NULL;
	struct sp_err err = { 0 };
	struct sp_plan plan;

	if (sp_query_parse(text, NULL, NOW, &tree, &err) != SP_OK) {
		if (err.code != SP_EUSAGE || err.msg[0] == '\0')
			abort();
	} else if (sp_plan_make(tree, &plan, &err) == SP_OK) {
		run(&plan);
		sp_plan_done(&plan);
	}
	sp_node_free(tree);
	free(text);
	return (0);
}
