/* The PROXY header: right ones whole and cut, wrong ones refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/enc.h"
#include "journal/receive/peer.h"
#include "journal/receive/proxy.h"

#define SIG  "\r\n\r\n\0\r\nQUIT\n"
#define TCP4 SIG "\x21\x11\x00\x0c"
#define AB   "\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x00\x19"

struct row {
	const char *name, *p;
	size_t n;
	size_t behind; /* bytes that follow the header */
	const char *src, *dst; /* NULL: local */
};

#define ROW(name, text, behind, src, dst)                      \
	{                                                      \
		name, text, sizeof(text) - 1, behind, src, dst \
	}

static const struct row good[] = {
	ROW("v1 TCP4", "PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n", 0,
	    "192.0.2.7:56324", "198.51.100.1:25"),
	ROW("v1 TCP6",
	    "PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\nEHLO x\r\n", 8,
	    "[2001:db8::7]:1", "[2001:db8::1]:65535"),
	ROW("v1 mapped", "PROXY TCP6 ::ffff:192.0.2.7 ::1 1 0\r\n", 0,
	    "192.0.2.7:1", "[::1]:0"),
	ROW("v1 unknown", "PROXY UNKNOWN\r\n", 0, NULL, NULL),
	ROW("v1 unknown with more", "PROXY UNKNOWN any thing 1\r\nx", 1, NULL,
	    NULL),
	ROW("v2 TCP4", TCP4 AB "EHLO", 4, "192.0.2.7:56324", "198.51.100.1:25"),
	ROW("v2 TCP6",
	    SIG "\x21\x21\x00\x24"
		"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
		"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x01\xff\xff",
	    0, "[2001:db8::7]:1", "[2001:db8::1]:65535"),
	ROW("v2 local", SIG "\x20\x00\x00\x00x", 1, NULL, NULL),
	ROW("v2 local with what is skipped", SIG "\x20\x11\x00\x02zz", 0, NULL,
	    NULL),
	ROW("v2 unspecified", SIG "\x21\x00\x00\x00", 0, NULL, NULL),
	ROW("v2 with values",
	    SIG "\x21\x11\x00\x13" AB "\x05\x00\x01u\x04\x00\x00", 0,
	    "192.0.2.7:56324", "198.51.100.1:25"),
};

static void
check_good(const struct row *r, struct sp_view v)
{
	char src[SP_PEER_TEXT], dst[SP_PEER_TEXT];
	struct sp_proxy h;

	if (sp_proxy_parse(v, &h) != SP_PROXY_OK)
		fail_msg("%s: refused: %s", r->name, h.why);
	assert_int_equal(h.length, r->n - r->behind);
	assert_int_equal(h.local, r->src == NULL);
	if (h.local)
		return;
	sp_peer_format((struct sockaddr *)&h.src, src);
	sp_peer_format((struct sockaddr *)&h.dst, dst);
	assert_string_equal(src, r->src);
	assert_string_equal(dst, r->dst);
}

static void
test_a_header_is_read_and_every_part_of_it_waits_for_the_rest(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(good); i++) {
		const struct row *r = &good[i];
		struct sp_proxy h;

		for (size_t n = 0; n < r->n - r->behind; n++) {
			if (sp_proxy_parse(sp_view_mem(r->p, n), &h) !=
			    SP_PROXY_MORE)
				fail_msg("%s: not waiting at %zu", r->name, n);
		}
		check_good(r, sp_view_mem(r->p, r->n));
		check_good(r, sp_view_mem(r->p, r->n - r->behind));
	}
}

/* ${src} is the reason. */
static const struct row bad[] = {
	ROW("mail", "EHLO x\r\n", 0, "there is none", NULL),
	ROW("lower case", "proxy TCP4", 0, "there is none", NULL),
	ROW("TLS", "\x16\x03\x01", 0, "there is none", NULL),
	ROW("LF alone", "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n", 0,
	    "it does not end with CR LF", NULL),
	ROW("no ports", "PROXY TCP4 192.0.2.7 198.51.100.1\r\n", 0,
	    "it has not the five words of version 1", NULL),
	ROW("a word more", "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n", 0,
	    "it has not the five words of version 1", NULL),
	ROW("two blanks", "PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n", 0,
	    "it has not the five words of version 1", NULL),
	ROW("other family", "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n", 0,
	    "it is neither of TCP4, TCP6 nor UNKNOWN", NULL),
	ROW("v6 as v4", "PROXY TCP4 ::1 ::1 1 2\r\n", 0,
	    "its addresses or ports are not such", NULL),
	ROW("port too large", "PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n",
	    0, "its addresses or ports are not such", NULL),
	ROW("port with a zero", "PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n", 0,
	    "its addresses or ports are not such", NULL),
	ROW("NUL", "PROXY TCP4 192.0.2.7\0 198.51.100.1 1 2\r\n", 0,
	    "its addresses or ports are not such", NULL),
	ROW("v2 version", SIG "\x31\x11\x00\x0c" AB, 0,
	    "its version or command is unknown", NULL),
	ROW("v2 command", SIG "\x22\x11\x00\x0c" AB, 0,
	    "its version or command is unknown", NULL),
	ROW("v2 UDP", SIG "\x21\x12\x00\x0c" AB, 0,
	    "it is not of a TCP connection", NULL),
	ROW("v2 unix", SIG "\x21\x31\x00\x00", 0,
	    "it is not of a TCP connection", NULL),
	ROW("v2 short", SIG "\x21\x11\x00\x0b" AB, 0,
	    "its addresses are cut off", NULL),
	ROW("v2 long", SIG "\x21\x11\x10\x00" AB, 0,
	    "it is longer than 4096 bytes", NULL),
	ROW("v2 value cut", SIG "\x21\x11\x00\x0e" AB "\x05\x00", 0,
	    "a value in it is cut off", NULL),
	ROW("v2 value longer", SIG "\x21\x11\x00\x10" AB "\x05\x00\x02u", 0,
	    "a value in it is cut off", NULL),
	ROW("v2 checksum", SIG "\x21\x11\x00\x13" AB "\x03\x00\x04\0\0\0\0", 0,
	    "its checksum is wrong", NULL),
	ROW("v2 checksum size", SIG "\x21\x11\x00\x11" AB "\x03\x00\x02\0\0", 0,
	    "its checksum is wrong", NULL),
};

static void
test_what_is_not_exactly_a_header_is_refused(void **state)
{
	char line[200];
	struct sp_proxy h;

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(bad); i++) {
		const struct row *r = &bad[i];

		if (sp_proxy_parse(sp_view_mem(r->p, r->n), &h) !=
			SP_PROXY_BAD ||
		    strcmp(h.why, r->src) != 0)
			fail_msg(
			    "%s: not refused, or as \"%s\"", r->name, h.why);
	}
	/* A line of 107 bytes is the longest. */
	memset(line, 'x', sizeof(line));
	memcpy(line, "PROXY UNKNOWN ", 14);
	memcpy(line + 105, "\r\n", 2);
	assert_int_equal(
	    sp_proxy_parse(sp_view_mem(line, 106), &h), SP_PROXY_MORE);
	assert_int_equal(
	    sp_proxy_parse(sp_view_mem(line, 107), &h), SP_PROXY_OK);
	memcpy(line + 105, "x\r\n", 3);
	assert_int_equal(
	    sp_proxy_parse(sp_view_mem(line, 107), &h), SP_PROXY_BAD);
	assert_string_equal(h.why, "it is longer than 107 bytes");
}

static void
test_a_checksum_covers_every_byte(void **state)
{
	char head[] =
	    SIG "\x21\x11\x00\x16" AB "\x05\x00\x00\x03\x00\x04\0\0\0\0";
	const size_t n = sizeof(head) - 1;
	struct sp_proxy h;
	uint32_t crc;

	(void)state;
	crc = sp_crc32c(0, head, n);
	sp_be32_put((uint8_t *)head + n - 4, crc);
	assert_int_equal(sp_proxy_parse(sp_view_mem(head, n), &h), SP_PROXY_OK);
	for (size_t i = 16; i < n; i++) {
		if (i == n - 7)
			continue; /* of another kind it is no checksum */
		head[i] ^= 1;
		assert_int_not_equal(
		    sp_proxy_parse(sp_view_mem(head, n), &h), SP_PROXY_OK);
		head[i] ^= 1;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_header_is_read_and_every_part_of_it_waits_for_the_rest),
		cmocka_unit_test(test_what_is_not_exactly_a_header_is_refused),
		cmocka_unit_test(test_a_checksum_covers_every_byte),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
