/* The schema of a shard is a format: its text on disk stays what it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/enc.h"
#include "base/sha256.h"
#include "index/schema/column.h"
#include "index/schema/schema.h"

/* SHA-256 over every statement with a newline behind it.  Who changes it
 * raises SP_SCHEMA_VERSION. */
#define VERSION 6
#define DIGEST \
	"b73286dc07b53e580aced7e5f22354be2d272ad90b7fd02fde5cbe3ec0a84161"

static void
test_the_tables_are_those_of_this_version(void **state)
{
	struct sp_sha256 *s = sp_sha256_new();
	uint8_t digest[SP_SHA256_LEN];
	char hex[2 * SP_SHA256_LEN + 1];

	(void)state;
	for (size_t i = 0; sp_schema_sql[i] != NULL; i++) {
		sp_sha256_add(s, sp_schema_sql[i], strlen(sp_schema_sql[i]));
		sp_sha256_add(s, "\n", 1);
	}
	sp_sha256_end(s, digest);
	sp_sha256_free(s);
	sp_hex_encode(digest, sizeof(digest), hex);
	assert_string_equal(hex, DIGEST);
	assert_int_equal(SP_SCHEMA_VERSION, VERSION);
}

static void
test_every_column_has_a_name_of_its_own(void **state)
{
	(void)state;
	assert_true(SP_COL_COUNT <= 32); /* bits of a set of columns */
	for (size_t i = 0; i < SP_COL_COUNT; i++) {
		assert_non_null(sp_column_name[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(
			    sp_column_name[i], sp_column_name[k]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_tables_are_those_of_this_version),
		cmocka_unit_test(test_every_column_has_a_name_of_its_own),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
