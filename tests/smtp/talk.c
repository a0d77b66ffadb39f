/*
 * A session or milter without sockets: the test is its owner, and commits,
 * checks logins and records in memory what the hooks report.
 */
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/sha256.h"

static enum sp_code
may_begin(void *ctx, uint64_t declared, const char **why)
{
	struct sp_talk *t = ctx;

	(void)declared;
	if (t->begin == SP_EAGAIN)
		*why = "the archive is being looked after";
	return (t->begin);
}

static void
refused(void *ctx, const struct sp_session_info *i, struct sp_view reply)
{
	struct sp_talk *t = ctx;

	(void)i;
	assert_int_equal(sp_buf_addv(&t->refused, reply), SP_OK);
	assert_int_equal(sp_buf_addc(&t->refused, '\n'), SP_OK);
}

static void
fault(void *ctx, const struct sp_session_info *i, const struct sp_err *err)
{
	struct sp_talk *t = ctx;

	(void)i;
	assert_true(err->msg[0] != '\0');
	t->faults++;
}

static void
broken(void *ctx, const struct sp_session_info *i, const char *why)
{
	struct sp_talk *t = ctx;

	assert_true(i->listener != NULL && why[0] != '\0');
	t->broken++;
}

static bool
may_login(void *ctx, const struct sp_session_info *i)
{
	const struct sp_talk *t = ctx;

	(void)i;
	return (!t->blocked);
}

static void
login(void *ctx, const struct sp_session_info *i, const char *user,
    const char *mechanism, bool ok)
{
	struct sp_talk *t = ctx;

	(void)i;
	assert_int_equal(sp_buf_addf(&t->logins, "%s %s %s\n", user, mechanism,
			     ok ? "ok" : "wrong"),
	    SP_OK);
}

void
sp_talk_init(struct sp_talk *t, bool door)
{
	static char name[] = "mta", host[] = "archive.example";

	*t = (struct sp_talk){ .commit = SP_OK, .seq = 100 };
	t->cfg = (struct sp_listen){
		.name = name,
		.hostname = host,
		.max_message = 100000,
		.max_recipients = 3,
		.max_line = 2048,
		.max_errors = 20,
		.max_junk = 10,
	};
	t->memory = sp_memory_new(8u << 20, "/tmp");
	t->env = (struct sp_session_env){
		.cfg = &t->cfg,
		.door = door,
		.memory = t->memory,
		.may_begin = may_begin,
		.refused = refused,
		.fault = fault,
		.protocol_error = broken,
		.may_login = may_login,
		.login = login,
		.ctx = t,
	};
	t->peer = (struct sp_session_peer){
		.peer = door ? NULL : "192.0.2.7:51234",
		.local = "192.0.2.1:25",
		.id = "0123456789abcdef",
		.connected = 0,
		.rights = { true, true, true },
		.actor = door ? "{\"uid\":0,\"pid\":1}" : NULL,
	};
	sp_buf_init(&t->replies, 1u << 20);
	sp_buf_init(&t->stored, 1u << 20);
	sp_buf_init(&t->records, 8u << 20);
	sp_buf_init(&t->refused, 1u << 20);
	sp_buf_init(&t->logins, 1u << 20);
}

void
sp_talk_start(struct sp_talk *t)
{
	sp_machine_done(&t->m);
	sp_buf_clear(&t->replies);
	sp_buf_clear(&t->stored);
	sp_buf_clear(&t->records);
	sp_buf_clear(&t->refused);
	sp_buf_clear(&t->logins);
	t->seq = 100;
	t->faults = t->broken = 0;
	sp_machine_begin(&t->m, &t->env, &t->peer);
	t->s = t->m.smtp;
	sp_machine_greet(&t->m, &t->replies);
	if (t->s != NULL)
		sp_session_relay(t->s, t->xforward, t->xclient);
	if (t->tls)
		sp_session_tls(t->s, &(struct sp_session_tls_info){
					 .version = "TLSv1.3", .cipher = "X" });
}

static void
keep_message(struct sp_talk *t, const struct sp_append_item *item)
{
	size_t got = 0;
	char *at;

	at = sp_buf_reserve(&t->stored, item->msg.n);
	assert_non_null(at);
	if (item->msg.p != NULL)
		memcpy(at, item->msg.p, item->msg.n);
	else if (item->msg.n > 0) {
		assert_int_equal(
		    sp_io_pread(item->fd, at, item->msg.n, 0, &got, NULL),
		    SP_OK);
		assert_int_equal(got, item->msg.n);
	}
	t->stored.n += item->msg.n;
	assert_int_equal(sp_buf_adds(&t->stored, "<EOM>"), SP_OK);
}

/* What the appender would do. */
static void
commit(struct sp_talk *t)
{
	struct sp_append_item *item = sp_machine_item(&t->m);
	struct sp_stamp st = { .seq = t->seq, .by = "test" };
	uint8_t digest[SP_SHA256_LEN];
	size_t from = t->stored.n;

	if (item->event != NULL)
		assert_int_equal(
		    sp_record_format_event(&t->records, &st, item->event),
		    SP_OK);
	else {
		keep_message(t, item);
		sp_sha256_once(t->stored.p + from, item->msg.n, digest);
		assert_memory_equal(digest, item->sha256, sizeof(digest));
		st.size = item->msg.n;
		memcpy(st.sha256, digest, sizeof(digest));
		assert_int_equal(
		    sp_record_format_message(&t->records, &st, item->facts),
		    SP_OK);
	}
	assert_int_equal(sp_buf_addc(&t->records, '\n'), SP_OK);
	if (t->commit != SP_OK)
		t->stored.n = from;
	else
		item->seq = t->seq++;
	sp_machine_committed(&t->m, t->commit, &t->replies);
}

/* What the pool would do. */
static void
check(struct sp_talk *t)
{
	if (sp_session_check_due(t->s))
		sp_session_check(t->s);
	sp_session_checked(t->s, &t->replies);
}

/* The replies go to ${replies}; the session sees an empty output buffer. */
void
sp_talk_say(struct sp_talk *t, const char *p, size_t n, size_t step)
{
	size_t at = 0;

	while (at < n) {
		size_t k = n - at < step ? n - at : step, used = 0;
		char *piece = sp_xmalloc(k);

		memcpy(piece, p + at, k);
		while (used < k) {
			struct sp_buf out;
			size_t took;

			sp_buf_init(&out, SP_SESSION_OUT_MAX);
			took = sp_machine_input(
			    &t->m, piece + used, k - used, &out);
			used += took;
			assert_int_equal(
			    sp_buf_addv(&t->replies, sp_buf_view(&out)), SP_OK);
			if (sp_machine_state(&t->m) == SP_SESSION_COMMIT)
				commit(t);
			else if (sp_machine_state(&t->m) == SP_SESSION_CHECK)
				check(t);
			else if (took == 0 && out.n == 0)
				break;
			sp_buf_done(&out);
		}
		free(piece);
		if (used < k)
			break;
		at += k;
	}
}

void
sp_talk_expect(struct sp_talk *t, const char *what, const char *want)
{
	struct sp_buf got;

	sp_buf_init(&got, 1u << 20);
	for (size_t i = 0; i < t->replies.n; i++) {
		if (t->replies.p[i] != '\r')
			assert_int_equal(
			    sp_buf_addc(&got, t->replies.p[i]), SP_OK);
	}
	if (!sp_view_eq_str(sp_buf_view(&got), want))
		fail_msg("%s:\ngot:\n%.*s\nwant:\n%s", what, (int)got.n,
		    got.p == NULL ? "" : got.p, want);
	sp_buf_done(&got);
	sp_buf_clear(&t->replies);
}

bool
sp_talk_holds(struct sp_buf *b, const char *text)
{
	return (strstr(sp_buf_cstr(b), text) != NULL);
}

void
sp_talk_without_digest(struct sp_buf *b)
{
	char *at;

	while ((at = memmem(b->p, b->n, " sha256=", 8)) != NULL) {
		size_t i = (size_t)(at - b->p), n = 8 + 64;

		assert_true(i + n <= b->n);
		memmove(at, at + n, b->n - i - n);
		b->n -= n;
	}
}

void
sp_talk_done(struct sp_talk *t)
{
	sp_machine_done(&t->m);
	sp_buf_done(&t->replies);
	sp_buf_done(&t->stored);
	sp_buf_done(&t->records);
	sp_buf_done(&t->refused);
	sp_buf_done(&t->logins);
	/* Aborts if a session kept something of the budget. */
	assert_int_equal(sp_memory_used(t->memory), 0);
	sp_memory_free(t->memory);
}
