/* SHA-256, CRC-32C, random bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/crc32c.h"
#include "base/enc.h"
#include "base/random.h"
#include "base/sha256.h"

static void
test_sha256_gives_the_published_values(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		/* FIPS 180-4 examples */
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b"
		      "7852b855" },
		{ "abc",
		    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61"
		    "f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd4"
		    "19db06c1" },
	};
	struct sp_sha256 *s = sp_sha256_new();
	uint8_t d[SP_SHA256_LEN];
	char hex[2 * SP_SHA256_LEN + 1];

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		size_t n = strlen(rows[i].text);

		sp_sha256_once(rows[i].text, n, d);
		sp_hex_encode(d, sizeof(d), hex);
		assert_string_equal(hex, rows[i].want);
		sp_sha256_two(
		    rows[i].text, n / 2, rows[i].text + n / 2, n - n / 2, d);
		sp_hex_encode(d, sizeof(d), hex);
		assert_string_equal(hex, rows[i].want);
		sp_sha256_reset(s);
		for (size_t k = 0; k < n; k++)
			sp_sha256_add(s, rows[i].text + k, 1);
		sp_sha256_end(s, d);
		sp_hex_encode(d, sizeof(d), hex);
		assert_string_equal(hex, rows[i].want);
	}
	sp_sha256_free(s);
}

static void
test_crc32c_gives_the_published_values_in_any_pieces(void **state)
{
	uint8_t p[300];

	(void)state;
	/* RFC 3720 section B.4 */
	memset(p, 0, 32);
	assert_true(sp_crc32c(0, p, 32) == 0x8a9136aa);
	memset(p, 0xff, 32);
	assert_true(sp_crc32c(0, p, 32) == 0x62a8ab43);
	assert_true(sp_crc32c(0, "123456789", 9) == 0xe3069283);
	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = (uint8_t)(i * 7);
	for (size_t cut = 0; cut <= sizeof(p); cut++)
		assert_true(sp_crc32c(sp_crc32c(0, p, cut), p + cut,
				sizeof(p) - cut) == sp_crc32c(0, p, sizeof(p)));
}

static void
test_a_child_does_not_repeat_its_parents_random_bytes(void **state)
{
	uint8_t mine[16], his[16];
	int ends[2], status;
	pid_t pid;

	(void)state;
	sp_random(mine, sizeof(mine));
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		sp_random(his, sizeof(his));
		_exit(write(ends[1], his, sizeof(his)) == sizeof(his) ? 0 : 1);
	}
	sp_random(mine, sizeof(mine));
	assert_int_equal(read(ends[0], his, sizeof(his)), sizeof(his));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_memory_not_equal(mine, his, sizeof(mine));
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256_gives_the_published_values),
		cmocka_unit_test(
		    test_crc32c_gives_the_published_values_in_any_pieces),
		cmocka_unit_test(
		    test_a_child_does_not_repeat_its_parents_random_bytes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
