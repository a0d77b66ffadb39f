/*
 * A client says anything: SMTP or the door, in pieces of any size, with
 * commits that succeed or fail.  Nothing may crash, no memory may stay, every
 * reply line must be one, and the data automaton must not depend on splits.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/pattern.h"
#include "base/xtext.h"
#include "journal/smtp/claim.h"
#include "journal/smtp/data.h"
#include "journal/smtp/scram.h"
#include "journal/smtp/session.h"
#include "journal/smtp/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX (8u << 20)

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* Whole, and byte by byte: the same content and counts. */
static void
split_data(const uint8_t *data, size_t size, bool raw)
{
	char *a = malloc(size + 1), *b = malloc(size + 1), one;
	struct sp_data x, y;
	struct sp_data_run run;
	size_t n = 0, used = 0;

	must(a != NULL && b != NULL);
	if (size > 0)
		memcpy(a, data, size);
	sp_data_init(&x, raw);
	sp_data_feed(&x, a, size, &run);
	must(!run.cr);
	sp_data_init(&y, raw);
	for (; used < size && y.state != SP_DATA_END; used++) {
		struct sp_data_run r;

		one = (char)data[used];
		sp_data_feed(&y, &one, 1, &r);
		must(r.used == 1);
		if (r.cr)
			b[n++] = '\r';
		if (r.n > 0)
			b[n++] = *r.p;
	}
	must(run.n == n && (n == 0 || memcmp(run.p, b, n) == 0));
	must(run.used == used && x.state == y.state);
	must(x.bare_lf == y.bare_lf && x.bare_cr == y.bare_cr &&
	     x.nul == y.nul && x.longest == y.longest && x.column == y.column);
	free(a);
	free(b);
}

static void
check_replies(const struct sp_buf *out)
{
	struct sp_view rest = sp_buf_view(out);

	while (rest.n > 0) {
		struct sp_view line = sp_view_cut(&rest, '\n');

		must(rest.p != NULL && line.n >= 5 && line.n <= 511);
		must(line.p[line.n - 1] == '\r');
		must(line.p[0] >= '2' && line.p[0] <= '5');
		must(line.p[3] == ' ' || line.p[3] == '-');
	}
}

/* mx1, "secret pass" */
static struct sp_users *
users(void)
{
	static const char text[] =
	    "sealpost-users/1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	    "mx1:SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$2+"
	    "CYDUW5BAfc3PaSOrIo7P3+/NRxAUpoN09XuWtgQkA=:"
	    "YVawDEOmOBwQDVhPGVNkZNnY5/0ETfgbL/YpcihJF4w=\n";
	struct sp_users *u = NULL;

	must(sp_users_parse("f", sp_view_str(text), &u, NULL) == SP_OK);
	return (u);
}

/* What else is a parser of outside bytes. */
static void
parsers(const uint8_t *data, size_t size)
{
	struct sp_view v = sp_view_mem(data, size);
	struct sp_claim c = { .set = false };
	struct sp_users *u = NULL;
	struct sp_pattern p;
	struct sp_scram x;
	struct sp_buf out;

	sp_buf_init(&out, 4096);
	(void)sp_claim_parse(&c, v, size & 1);
	sp_claim_clear(&c);
	(void)sp_xtext_orcpt(v, &out);
	if (sp_pattern_parse("j+{local}={domain}@a.example", &p))
		(void)sp_pattern_decode(&p, v, &out);
	if (sp_users_parse("f", v, &u, NULL) == SP_OK)
		sp_users_free(u);
	sp_scram_server_init(&x);
	if (sp_scram_server_first(&x, v))
		must(x.name[0] != '\0');
	(void)sp_scram_server_final(&x, v, &out);
	sp_scram_server_done(&x);
	sp_buf_done(&out);
}

static void
talk(const struct sp_session_env *env, const uint8_t *data, size_t size,
    size_t step, bool fail)
{
	const struct sp_session_peer peer = {
		.peer = env->door ? NULL : "192.0.2.7:51234",
		.local = "192.0.2.1:25",
		.id = "0123456789abcdef",
		.rights = { true, true, true },
		.actor = env->door ? "{}" : NULL,
	};
	const struct sp_session_tls_info tls = { .version = "TLSv1.3",
		.cipher = "X" };
	struct sp_session *s = sp_session_new(env, &peer);
	char *copy = malloc(size + 1);
	struct sp_buf out;
	size_t at = 0;

	must(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	sp_buf_init(&out, SP_SESSION_OUT_MAX);
	sp_session_greet(s, &out);
	sp_session_allow_claims(s, true, true);
	if (env->users != NULL)
		sp_session_tls(s, &tls);
	while (at < size) {
		size_t n = size - at < step ? size - at : step, took;

		sp_buf_clear(&out);
		took = sp_session_input(s, copy + at, n, &out);
		must(took <= n);
		at += took;
		if (sp_session_state(s) == SP_SESSION_COMMIT) {
			struct sp_append_item *item = sp_session_item(s);

			must((item->facts == NULL) != (item->event == NULL));
			sp_session_committed(s, fail ? SP_ESYNC : SP_OK, &out);
		} else if (sp_session_state(s) == SP_SESSION_CHECK) {
			if (sp_session_check_due(s))
				sp_session_check(s);
			(void)sp_session_check_ok(s);
			sp_session_checked(s, &out);
		} else if (took == 0)
			break;
		check_replies(&out);
	}
	sp_session_drain(s, &out);
	sp_buf_done(&out);
	sp_session_free(s);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "mta", host[] = "archive.example";
	static char pattern[] = "journal+{local}={domain}@archive.example";
	static char *list[] = { pattern };
	const struct sp_listen cfg = {
		.name = name,
		.hostname = host,
		.max_message = 20000,
		.max_recipients = 5,
		.max_line = 3000,
		.max_errors = 50,
		.max_junk = 50,
		.bare_newline =
		    size > 0 && (data[0] & 4) ? SP_BARE_REJECT : SP_BARE_ACCEPT,
		.protocol =
		    size > 0 && (data[0] & 16) ? SP_PROTO_LMTP : SP_PROTO_SMTP,
		.xforward = { NULL, 1 },
		.xclient = { NULL, 1 },
		.recipients = { list,
		    size > 0 && (data[0] & 25) == 24 ? 1 : 0 },
	};
	struct sp_session_env env = { .cfg = &cfg };
	bool lmtp = cfg.protocol == SP_PROTO_LMTP;

	if (size == 0)
		return (0);
	split_data(data + 1, size - 1, data[0] & 1);
	parsers(data + 1, size - 1);
	env.door = data[0] & 1;
	/* SMTP logs in, LMTP with little memory has a pattern. */
	if (!env.door && !lmtp)
		env.users = users();
	/* Now and then so little that messages go to files. */
	env.memory = sp_memory_new(data[0] & 8 ? 8192 : 1u << 20, "/tmp");
	talk(&env, data + 1, size - 1, (size_t)(data[0] >> 5) * 15 + 1,
	    data[0] & 2);
	must(sp_memory_used(env.memory) == 0);
	sp_memory_free(env.memory);
	sp_users_free(env.users);
	return (0);
}
