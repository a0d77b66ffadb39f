/* base/config/config.h: every option, every refusal with its line and
 * column. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/config/config.h"
#include "base/config/config_priv.h"

static struct sp_err err;

static struct sp_config *
load(const char *text)
{
	struct sp_config *c = NULL;

	if (sp_config_parse("f", sp_view_str(text), &c, &err) != SP_OK)
		fail_msg("%s", err.msg);
	return (c);
}

static void
test_an_empty_file_gives_the_documented_defaults(void **state)
{
	struct sp_config *c = load(""), *d = sp_config_default();

	(void)state;
	assert_string_equal(c->log_to, "stderr");
	assert_int_equal(c->log_level, SP_LOG_INFO);
	assert_true(c->log_addresses);
	assert_int_equal(c->memory, 64 << 20);
	assert_int_equal(c->disk_reserve, 512 << 20);
	assert_int_equal(c->seal_size, 256 << 20);
	assert_int_equal(c->seal_age, 86400);
	assert_int_equal(c->seal_level, 3);
	assert_int_equal(c->seal_frame, 1 << 20);
	assert_int_equal(c->checkpoint_interval, 1000);
	assert_int_equal(c->heartbeat, 3600);
	assert_int_equal(c->index_batch, 1000);
	assert_int_equal(c->index_max_text, 4 << 20);
	assert_null(c->guard);
	assert_null(c->alarm_command);
	assert_int_equal(c->nlisten, 0);
	assert_string_equal(c->text, d->text);
	sp_config_free(c);
	sp_config_free(d);
	sp_config_free(NULL);
}

static void
test_every_option_is_read(void **state)
{
	static const char text[] =
	    "guard = /mnt/guard\nuser = sealpost\ngroup = 'audit'\n"
	    "memory = 128M // comment\ndisk_reserve = 1G # comment\n"
	    "log { to = syslog level = warn addresses = no }\n"
	    "/* a\n comment */ listen mta {\n"
	    "  address = \"[2001:db8::1]:25\"\n"
	    "  allow = { 192.0.2.0/24, # the office\n   2001:db8::/32, "
	    "198.51.100.7 }\n"
	    "  recipients = { \"journal@archive.example\", @b.example,\n"
	    " \"j+{local}={domain}@b.example\" }\n"
	    "  journal = yes  bare_newline = reject  hostname = mx.example\n"
	    "  protocol = smtp max_message = 10M max_recipients = 5\n"
	    "  max_line = 2000 max_errors = 3 max_junk = 4\n"
	    "  max_sessions = 6 max_per_peer = 7 timeout = 2m\n"
	    "  data_timeout = 90s min_rate = 0\n"
	    "}\n"
	    "seal { size = 1M age = 2h level = 19 frame = 128K\n"
	    "  checkpoint_interval = 50 heartbeat = 30 }\n"
	    "index { batch = 10 max_text = 64K }\n"
	    "alarm { command = \"/bin/a \\\"b\\\" \\\\c\" }\n"
	    "listen local { address = 127.0.0.1:2525 protocol = lmtp }\n"
	    "listen filter { address = 127.0.0.1:2526 protocol = milter }\n"
	    "listen slow { timeout = 9 protocol = milter\n"
	    "  allow = { 127.0.0.1 } address = 127.0.0.1:2527\n"
	    "  max_message = 1M max_recipients = 2 max_sessions = 3\n"
	    "  max_per_peer = 4 data_timeout = 5 min_rate = 6 }\n";
	struct sp_config *c = load(text);
	struct sp_listen *l = &c->listen[0];

	(void)state;
	assert_string_equal(c->guard, "/mnt/guard");
	assert_string_equal(c->group, "audit");
	assert_int_equal(c->memory, 128 << 20);
	assert_int_equal(c->disk_reserve, 1 << 30);
	assert_string_equal(c->log_to, "syslog");
	assert_int_equal(c->log_level, SP_LOG_WARN);
	assert_false(c->log_addresses);
	assert_int_equal(c->nlisten, 4);
	assert_string_equal(l->name, "mta");
	assert_int_equal(l->sa.ss_family, AF_INET6);
	assert_int_equal(l->allow.n, 3);
	assert_int_equal(l->recipients.n, 3);
	assert_string_equal(l->recipients.v[1], "@b.example");
	assert_true(l->journal);
	assert_int_equal(l->bare_newline, SP_BARE_REJECT);
	assert_string_equal(l->hostname, "mx.example");
	assert_int_equal(l->max_message, 10 << 20);
	assert_int_equal(l->max_line, 2000);
	assert_int_equal(l->timeout, 120);
	assert_int_equal(l->data_timeout, 90);
	assert_int_equal(l->min_rate, 0);
	assert_int_equal(c->seal_level, 19);
	assert_int_equal(c->checkpoint_interval, 50);
	assert_string_equal(c->alarm_command, "/bin/a \"b\" \\c");
	assert_int_equal(c->listen[1].max_message, 150 << 20);
	assert_non_null(c->listen[1].hostname);
	assert_int_equal(l->protocol, SP_PROTO_SMTP);
	assert_int_equal(c->listen[1].protocol, SP_PROTO_LMTP);
	assert_int_equal(c->listen[2].protocol, SP_PROTO_MILTER);
	assert_int_equal(c->listen[1].timeout, 300);
	assert_int_equal(c->listen[2].timeout, 7200);
	assert_int_equal(c->listen[3].timeout, 9);
	assert_int_equal(c->listen[3].min_rate, 6);
	assert_non_null(
	    strstr(c->text, "\nlisten.mta.allow = 192.0.2.0/24, 2001:db8::/32, "
			    "198.51.100.7/32\n"));
	assert_non_null(strstr(c->text, "\nseal.level = 19\n"));
	sp_config_free(c);
}

static void
test_the_effective_text_is_sorted_and_ends_each_line(void **state)
{
	struct sp_config *c = load("listen z { address = 127.0.0.1:1 }\n"
				   "listen a { address = 127.0.0.1:2 }\n");
	struct sp_view rest = sp_view_str(c->text), last = { "", 0 };
	size_t n = 0;

	(void)state;
	while (rest.n > 0) {
		struct sp_view v = sp_view_cut(&rest, '\n');
		size_t least = v.n < last.n ? v.n : last.n;

		assert_true(least == 0 || memcmp(last.p, v.p, least) <= 0);
		last = v;
		n++;
	}
	assert_int_equal(c->text[strlen(c->text) - 1], '\n');
	assert_true(n > 40);
	sp_config_free(c);
}

static const struct {
	const char *name, *in, *want;
} mistakes[] = {
	{ "unknown option", "\nspeed = 1\n",
	    "f:2:1: unknown option \"speed\"" },
	{ "unknown section", "\n\npush a { x = 1 }",
	    "f:3:1: unknown section \"push\"" },
	{ "no server", "\npull a { user = u }\n",
	    "f:2:1: section \"pull a\": it has no server; expected server = "
	    "NAME" },
	{ "no user", "pull a { server = s }\n",
	    "f:1:1: section \"pull a\": it has no user; expected user = NAME" },
	{ "no password", "pull a {\nserver = s\nuser = u\n}\n",
	    "f:1:1: section \"pull a\": it has no password_file; expected "
	    "password_file = FILE with the password alone in it" },
	{ "clear text",
	    "pull a {\nserver = s\nuser = u\npassword_file = /p\n"
	    "security = none\n}\n",
	    "f:5:1: section \"pull a\": security = none would send the password "
	    "and the mail in clear text; expected tls or starttls, or "
	    "insecure_plaintext = true if you want that" },
	{ "pop3 move",
	    "pull a {\nserver = s\nuser = u\npassword_file = \"/p\"\n"
	    "after = \"move:Old\"\n}\n",
	    "f:5:1: section \"pull a\": after = move:MAILBOX needs type = imap; "
	    "POP3 has no other mailboxes" },
	{ "after",
	    "pull a {\nserver = s\nuser = u\npassword_file = /p\n"
	    "after = \"move:\"\n}\n",
	    "f:5:1: section \"pull a\": after is none of keep, delete and "
	    "move:MAILBOX" },
	{ "secret", "pull a {\nserver = s\nuser = u\npassword_file = p\n}\n",
	    "f:4:17: \"p\" is no value of option \"password_file\"; expected an "
	    "absolute path or credential:NAME" },
	{ "credential elsewhere", "submit { password_file = credential:../p }",
	    "f:1:26: \"credential:../p\" is no value of option "
	    "\"password_file\"; expected an absolute path or credential:NAME" },
	{ "first of two", "memory = lots\nspeed = 1",
	    "f:1:10: \"lots\" is no value of option \"memory\"; expected "
	    "a size from 1M to 64G, in bytes or with K, M or G directly behind the number" },
	{ "column after a tab", "log {\tcolour = 1 }",
	    "f:1:7: unknown option \"colour\" in section \"log\"" },
	{ "column after UTF-8", "/* \xc3\xa4 */ speed = 1",
	    "f:1:10: unknown option \"speed\"" },
	{ "column in a quoted value", "guard = \"/a\tb\"",
	    "f:1:12: a control character stands in a quoted value" },
	{ "later section", "timestamp { }",
	    "f:1:1: unknown section \"timestamp\"" },
	{ "unknown option in a section", "log {\n colour = 1 }",
	    "f:2:2: unknown option \"colour\" in section \"log\"" },
	{ "unclosed section",
	    "\nlisten a {\n"
	    " address = 127.0.0.1:1\n",
	    "f:2:1: section \"listen a\" is not closed; expected \"}\" "
	    "before the end of the file" },
	{ "section in a section", "seal {\n size = 1M\nlog { }",
	    "f:3:1: section \"log\" begins inside section \"seal\"; "
	    "expected \"}\" to close what begins in line 1" },
	{ "option twice", "memory = 1M\n#\nmemory = 1M",
	    "f:3:1: option \"memory\" is given twice; it was set in "
	    "line 1" },
	{ "option twice in a section",
	    "log { level = info\n"
	    "level = info }",
	    "f:2:1: option \"level\" is given twice; it was set in "
	    "line 1" },
	{ "section twice", "log { }\nlog { }",
	    "f:2:1: section \"log\" is given twice; it begins in "
	    "line 1" },
	{ "named section twice",
	    "listen a { address = 127.0.0.1:1 }\n"
	    "listen a { address = 127.0.0.1:2 }",
	    "f:2:1: section \"listen a\" is given twice; it begins in "
	    "line 1" },
	{ "address twice",
	    "listen a { address = 127.0.0.1:1 }\n"
	    "listen b {\n address = 127.0.0.1:1 }",
	    "f:3:2: address 127.0.0.1:1 is already used by section "
	    "\"listen a\"" },
	{ "no address", "\nlisten a { }",
	    "f:2:1: section \"listen a\" has no address; expected "
	    "address = ADDRESS:PORT" },
	{ "open to the world",
	    "listen a {\n"
	    " address = 0.0.0.0:25 }",
	    "f:2:2: address 0.0.0.0:25 can be reached from other hosts; "
	    "expected allow = { NETWORK, ... } in section "
	    "\"listen a\" saying which may send, or require_auth" },
	{ "open to the world over IPv6",
	    "listen a { address = [::]:25 allow = { } }",
	    "f:1:12: address [::]:25 can be reached from other hosts; "
	    "expected allow = { NETWORK, ... } in section "
	    "\"listen a\" saying which may send, or require_auth" },
	{ "lmtp on port 25",
	    "listen a { address = 127.0.0.1:25\n"
	    "protocol = lmtp }",
	    "f:2:1: protocol lmtp must not be spoken on port 25 (RFC 2033); "
	    "expected another port in address, like 2424" },
	{ "lmtp on port 25 of IPv6",
	    "listen a { address = \"[::1]:25\"\n"
	    "protocol = lmtp }",
	    "f:2:1: protocol lmtp must not be spoken on port 25 (RFC 2033); "
	    "expected another port in address, like 2424" },
	{ "a milter does not choose recipients",
	    "listen a { address = 127.0.0.1:1\n"
	    "protocol = milter\nrecipients = { bob@b.example } }",
	    "f:3:1: option \"recipients\" means nothing with protocol milter; "
	    "expected a listener without it" },
	{ "a milter greets nobody",
	    "listen b { address = 127.0.0.1:2 hostname = x }\n"
	    "listen a { hostname = x address = 127.0.0.1:1\n"
	    "protocol = milter }",
	    "f:2:12: option \"hostname\" means nothing with protocol milter; "
	    "expected a listener without it" },
	{ "size", "memory = lots",
	    "f:1:10: \"lots\" is no value of option \"memory\"; expected "
	    "a size from 1M to 64G, in bytes or with K, M or G directly behind the number" },
	{ "size below its least", "memory = 1048575",
	    "f:1:10: \"1048575\" is no value of option \"memory\"; "
	    "expected a size from 1M to 64G, in bytes or with "
	    "K, M or G directly behind the number" },
	{ "level", "seal { level = 20 }",
	    "f:1:16: \"20\" is no value of option \"level\"; expected "
	    "a number from 1 to 19" },
	{ "negative", "seal { level = -1 }",
	    "f:1:16: \"-1\" is no value of option \"level\"; expected "
	    "a number from 1 to 19" },
	{ "choice", "log { level = loud }",
	    "f:1:15: \"loud\" is no value of option \"level\"; expected "
	    "one of debug|info|warn|error" },
	{ "choice of nothing", "log { level = '' }",
	    "f:1:15: \"\" is no value of option \"level\"; expected "
	    "one of debug|info|warn|error" },
	{ "boolean", "log { addresses = 1 }",
	    "f:1:19: \"1\" is no value of option \"addresses\"; expected "
	    "true or false" },
	{ "relative path", "guard = here",
	    "f:1:9: \"here\" is no value of option \"guard\"; expected "
	    "an absolute path" },
	{ "network with host bits",
	    "listen a { address = 127.0.0.1:1\n"
	    "allow = { 10.1.2.3/8 } }",
	    "f:2:11: \"10.1.2.3/8\" is no value of option \"allow\"; "
	    "expected a network like 192.0.2.0/24 or 2001:db8::/32 "
	    "without bits beyond the prefix, or an address" },
	{ "recipient",
	    "listen a { address = 127.0.0.1:1\n"
	    "recipients = { bob } }",
	    "f:2:16: \"bob\" is no value of option \"recipients\"; "
	    "expected user@domain, @domain, or a pattern like "
	    "\"journal+{local}={domain}@archive.example\"" },
	{ "pattern",
	    "listen a { address = 127.0.0.1:1\n"
	    "recipients = { \"a@b\",\n\"journal+{local}@c\" } }",
	    "f:3:1: \"journal+{local}@c\" is no value of option "
	    "\"recipients\"; expected user@domain, @domain, or a pattern "
	    "like \"journal+{local}={domain}@archive.example\"" },
	{ "pattern without quotes",
	    "listen a { address = 127.0.0.1:1\n"
	    "recipients = { journal+{local}={domain}@c } }",
	    "f:2:23: unexpected \"+\"; a value with such a character must be "
	    "in quotes" },
	{ "not a list", "listen a { allow = 10.0.0.0/8 }",
	    "f:1:12: option \"allow\" is a list; expected "
	    "{ value, value }" },
	{ "list for one value", "memory = { 1M }",
	    "f:1:1: option \"memory\" has no value; expected memory = VALUE" },
	{ "broken list",
	    "listen a { allow = { 10.0.0.0/8\n"
	    "10.1.0.0/16 } }",
	    "f:2:1: the list of option \"allow\" is broken; expected "
	    "\",\" or \"}\"" },
	{ "trailing comma", "listen a { allow = { 10.0.0.0/8, } }",
	    "f:1:34: the list of option \"allow\" is broken; expected a "
	    "value" },
	{ "append", "listen a { allow += { 10.0.0.0/8 } }",
	    "f:1:18: \"+=\" is not used here; write all values in one list" },
	{ "no value", "memory\n=\n",
	    "f:1:1: option \"memory\" has no value; expected memory = VALUE" },
	{ "only a name", "memory",
	    "f:1:1: expected \"memory = VALUE\" "
	    "or a section \"memory { ... }\"" },
	{ "brace too many", "log { }\n}",
	    "f:2:1: unexpected \"}\"; no section is open" },
	{ "quote not closed", "guard = \"/a\nuser = x\"",
	    "f:1:9: the quoted value is not closed on this line; expected \"" },
	{ "CR alone ends no line", "user = x\r\n#\rgroup = y",
	    "f:2:2: a CR without LF is in it; expected lines that end with LF or CR LF" },
	{ "CR at the end", "user = x\r",
	    "f:1:9: a CR without LF is in it; expected lines that end with LF or CR LF" },
	{ "comment not closed", "\n/* guard = 1\n",
	    "f:2:1: the comment that begins here is never closed; expected */" },
	{ "line after a comment", "/* 1\n2 */\nspeed = 1",
	    "f:3:1: unknown option \"speed\"" },
	{ "semicolon", "memory = 1M;",
	    "f:1:12: unexpected \";\"; an "
	    "option ends at the end of its value" },
	{ "plus in a word", "listen a { recipients = { a+b@c } }",
	    "f:1:28: unexpected \"+\"; a value with such a character "
	    "must be in quotes" },
	{ "environment", "guard = \"${HOME}\"",
	    "f:1:10: the environment is not read; put ${ in single "
	    "quotes if it is meant" },
	{ "escape", "guard = \"/a\\nb\"",
	    "f:1:12: unknown escape in a "
	    "quoted value; expected \\\" or \\\\" },
	{ "section without a name", "listen { }",
	    "f:1:1: section \"listen\" needs a name; expected "
	    "listen NAME { ... }" },
	{ "section with a name", "log x { }",
	    "f:1:1: section \"log\" takes no name; expected "
	    "log { ... }" },
	{ "name", "listen 'a b' { }",
	    "f:1:8: the name of a section has "
	    "letters, digits, \"-\" and \"_\", at most 32" },
	{ "option as a section", "memory { }",
	    "f:1:1: unknown section \"memory\"" },
	{ "section as an option", "listen = 1",
	    "f:1:1: \"listen\" is a section; expected "
	    "listen NAME { ... }" },
};

static void
test_every_mistake_is_named_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(mistakes); i++) {
		struct sp_config *c = NULL;
		enum sp_code rc =
		    sp_config_parse("f", sp_view_str(mistakes[i].in), &c, &err);

		if (rc != SP_ECONFIG || c != NULL)
			fail_msg("%s: accepted", mistakes[i].name);
		if (strcmp(err.msg, mistakes[i].want) != 0)
			fail_msg("%s:\n got  %s\n want %s", mistakes[i].name,
			    err.msg, mistakes[i].want);
	}
}

static void
test_a_file_cut_anywhere_is_never_misread(void **state)
{
	static const char text[] =
	    "log { level = warn }\nlisten a {\n address = 127.0.0.1:25\n"
	    " allow = { 10.0.0.0/8, \"::1/128\" } # c\n}\n";

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct sp_config *c = NULL;

		if (sp_config_parse("f", sp_view_mem(text, n), &c, &err) ==
		    SP_OK)
			sp_config_free(c);
		else
			assert_true(strncmp(err.msg, "f:", 2) == 0);
	}
}

static void
test_addresses_must_be_numeric_with_a_port(void **state)
{
	static const struct {
		const char *in;
		int good;
	} rows[] = {
		{ "127.0.0.1:2525", 1 },
		{ "'[::1]:2525'", 1 },
		{ "127.0.0.1:65535", 1 },
		{ "127.0.0.1:65536", 0 },
		{ "127.0.0.1:0", 0 },
		{ "127.0.0.1", 0 },
		{ "'::1:25'", 0 },
		{ "localhost:25", 0 },
		{ "':25'", 0 },
		{ "127.0.0.1:25x", 0 },
		{ "'[127.0.0.1]:25'", 0 },
		{ "127.1:25", 0 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sp_config *c = NULL;
		char text[128];

		(void)snprintf(text, sizeof(text), "listen a { address = %s }",
		    rows[i].in);
		if ((sp_config_parse("f", sp_view_str(text), &c, &err) ==
			SP_OK) != (rows[i].good != 0))
			fail_msg("%s: %s", rows[i].in, err.msg);
		sp_config_free(c);
	}
}

static struct sockaddr_storage
peer(const char *host)
{
	struct sockaddr_storage sa = { 0 };
	struct sockaddr_in *in4 = (void *)&sa;
	struct sockaddr_in6 *in6 = (void *)&sa;

	if (inet_pton(AF_INET, host, &in4->sin_addr) == 1)
		in4->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1)
		in6->sin6_family = AF_INET6;
	return (sa);
}

static void
test_only_listed_networks_may_send(void **state)
{
	static const struct {
		const char *allow, *host;
		int yes;
	} rows[] = {
		{ "", "127.0.0.1", 1 },
		{ "", "127.9.9.9", 1 },
		{ "", "::1", 1 },
		{ "", "::ffff:127.0.0.1", 1 },
		{ "", "::2", 0 },
		{ "", "10.0.0.1", 0 },
		{ "", "not an address", 0 },
		{ "192.0.2.0/24", "192.0.2.255", 1 },
		{ "192.0.2.0/24", "192.0.3.0", 0 },
		{ "192.0.2.0/24", "127.0.0.1", 0 },
		{ "192.0.2.0/24", "::ffff:192.0.2.7", 1 },
		{ "192.0.2.128/25", "192.0.2.127", 0 },
		{ "192.0.2.128/25", "192.0.2.128", 1 },
		{ "192.0.2.7", "192.0.2.7", 1 },
		{ "192.0.2.7", "192.0.2.6", 0 },
		{ "0.0.0.0/0", "8.8.8.8", 1 },
		{ "0.0.0.0/0", "2001:db8::1", 0 },
		{ "2001:db8::/33", "2001:db8:7fff::1", 1 },
		{ "2001:db8::/33", "2001:db8:8000::1", 0 },
		{ "::1/128", "::1", 1 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		struct sockaddr_storage sa = peer(rows[i].host);
		char text[160];
		struct sp_config *c;

		(void)snprintf(text, sizeof(text),
		    "listen a { address = 127.0.0.1:1 allow = { %s } }",
		    rows[i].allow);
		c = load(text);
		if (sp_config_allows(&c->listen[0], (void *)&sa) !=
		    (rows[i].yes != 0))
			fail_msg("%s in {%s}", rows[i].host, rows[i].allow);
		sp_config_free(c);
	}
}

static void
test_sizes_are_powers_of_1024(void **state)
{
	static const struct {
		const char *in;
		int good;
		uint64_t want;
	} rows[] = {
		{ "0", 1, 0 },
		{ "10", 1, 10 },
		{ "10K", 1, 10240 },
		{ "10k", 1, 10240 },
		{ "3M", 1, 3 << 20 },
		{ "2G", 1, UINT64_C(2) << 30 },
		{ "17179869183G", 1, UINT64_C(17179869183) << 30 },
		{ "17179869184G", 0, 0 },
		{ "18446744073709551616", 0, 0 },
		{ "", 0, 0 },
		{ "K", 0, 0 },
		{ "1T", 0, 0 },
		{ "1KB", 0, 0 },
		{ " 1", 0, 0 },
		{ "+1", 0, 0 },
		{ "0x10", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SP_COUNTOF(rows); i++) {
		uint64_t n = 0;

		if (sp_config_size(rows[i].in, &n) != (rows[i].good != 0) ||
		    n != rows[i].want)
			fail_msg("%s: %llu", rows[i].in, (unsigned long long)n);
	}
}

static void
test_limits_of_a_file_hold(void **state)
{
	struct sp_config *c = NULL;
	struct sp_buf b;

	(void)state;
	sp_buf_init(&b, 1 << 20);
	for (unsigned i = 0; i <= SP_CONFIG_SECTION_MAX; i++)
		assert_int_equal(
		    sp_buf_addf(&b, "listen l%u { address = 127.0.0.1:%u }\n",
			i, i + 1),
		    SP_OK);
	assert_int_equal(
	    sp_config_parse("f", sp_buf_view(&b), &c, &err), SP_ECONFIG);
	assert_string_equal(err.msg, "f:65:1: more than 64 listen sections");
	sp_buf_clear(&b);
	assert_int_equal(
	    sp_buf_adds(
		&b, "listen a { address = 127.0.0.1:1 allow = { 10.0.0.0/8"),
	    SP_OK);
	for (unsigned i = 1; i < SP_CONFIG_LIST_MAX; i++)
		assert_int_equal(sp_buf_adds(&b, ",10.0.0.0/8"), SP_OK);
	assert_int_equal(sp_buf_adds(&b, "}}"), SP_OK);
	sp_config_free(load(sp_buf_cstr(&b)));
	b.n -= 2;
	assert_int_equal(sp_buf_adds(&b, ",10.0.0.0/8}}"), SP_OK);
	assert_int_equal(
	    sp_config_parse("f", sp_buf_view(&b), &c, &err), SP_ECONFIG);
	assert_int_equal(
	    sp_config_parse("f", sp_view_mem("\na\0b", 4), &c, &err),
	    SP_ECONFIG);
	assert_string_equal(
	    err.msg, "f:2:2: a NUL byte is in it; it is no text file");
	assert_int_equal(
	    sp_config_load("/nonexistent/x", &c, &err), SP_ENOTFOUND);
	sp_buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_an_empty_file_gives_the_documented_defaults),
		cmocka_unit_test(test_every_option_is_read),
		cmocka_unit_test(
		    test_the_effective_text_is_sorted_and_ends_each_line),
		cmocka_unit_test(test_every_mistake_is_named_with_its_place),
		cmocka_unit_test(test_a_file_cut_anywhere_is_never_misread),
		cmocka_unit_test(test_addresses_must_be_numeric_with_a_port),
		cmocka_unit_test(test_only_listed_networks_may_send),
		cmocka_unit_test(test_sizes_are_powers_of_1024),
		cmocka_unit_test(test_limits_of_a_file_hold),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
