/*
 * An MTA says anything to our milter, in pieces of any size, with commits that
 * succeed or fail.  Nothing may crash, no memory may stay, every answer must
 * be one, accept is said only for what was committed, and nothing may depend
 * on where the input is cut.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "journal/smtp/milter.h"
#include "journal/smtp/milter_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX (8u << 20)

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* All that came of one talk. */
struct result {
	struct sp_buf out;
	size_t accepted, commits;
	uint8_t last[SP_SHA256_LEN]; /* of the last message */
	uint64_t bytes; /* of all messages */
	enum sp_session_state state;
};

static void
check_answers(struct result *r)
{
	size_t at = 0;

	while (at < r->out.n) {
		size_t n;
		char c;

		must(r->out.n - at >= SP_MILTER_HEAD);
		n = sp_milter_u32(r->out.p + at);
		must(n >= 1 && n <= r->out.n - at - 4);
		c = r->out.p[at + 4];
		must(c != '\0' && strchr("acptyO", c) != NULL);
		must((c == 'O') == (n == 13));
		must(n == 1 || c == 'O' || c == 'y');
		r->accepted += c == 'a';
		at += 4 + n;
	}
}

static void
commit(struct sp_milter *m, struct result *r, bool fail, struct sp_buf *out)
{
	struct sp_append_item *item = sp_milter_item(m);

	must(item->facts != NULL && item->event == NULL);
	must(item->msg.p != NULL || item->fd >= 0);
	r->bytes += item->msg.n;
	memcpy(r->last, item->sha256, sizeof(r->last));
	r->commits += !fail;
	sp_milter_progress(m, out);
	sp_milter_committed(m, fail ? SP_ENOSPC : SP_OK, out);
}

static void
talk(const struct sp_session_env *env, const uint8_t *data, size_t size,
    size_t step, bool fail, struct result *r)
{
	const struct sp_session_peer peer = {
		.peer = "192.0.2.7:51234",
		.local = "192.0.2.1:8891",
		.id = "0123456789abcdef",
	};
	struct sp_milter *m = sp_milter_new(env, &peer);
	char *copy = malloc(size + 1);
	size_t at = 0;

	must(copy != NULL);
	memcpy(copy, data, size);
	*r = (struct result){ .commits = 0 };
	sp_buf_init(&r->out, OUT_MAX);
	while (at < size) {
		size_t n = size - at < step ? size - at : step, took;
		struct sp_buf out;

		sp_buf_init(&out, SP_SESSION_OUT_MAX);
		took = sp_milter_input(m, copy + at, n, &out);
		must(took <= n);
		at += took;
		if (sp_milter_state(m) == SP_SESSION_COMMIT)
			commit(m, r, fail, &out);
		must(sp_buf_addv(&r->out, sp_buf_view(&out)) == SP_OK);
		sp_buf_done(&out);
		if (sp_milter_state(m) == SP_SESSION_CLOSING)
			break;
	}
	r->state = sp_milter_state(m);
	sp_milter_drain(m);
	sp_milter_free(m);
	free(copy);
	check_answers(r);
	must(r->accepted == r->commits);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "filter";
	const struct sp_listen cfg = {
		.name = name,
		.protocol = SP_PROTO_MILTER,
		.max_message = 20000,
		.max_recipients = 5,
	};
	struct sp_session_env env = { .cfg = &cfg };
	struct result a, b;
	size_t step;

	if (size == 0)
		return (0);
	step = (size_t)(data[0] >> 4) * 7 + 1;
	/* Now and then so little that messages go to files. */
	env.memory = sp_memory_new(data[0] & 8 ? 8192 : 1u << 20, "/tmp");
	talk(&env, data + 1, size - 1, step, data[0] & 2, &a);
	talk(&env, data + 1, size - 1, SIZE_MAX, data[0] & 2, &b);
	/* A packet in pieces needs room that a whole one does not. */
	if ((data[0] & 8) == 0) {
		must(a.out.n == b.out.n && a.commits == b.commits);
		must(a.out.n == 0 || memcmp(a.out.p, b.out.p, a.out.n) == 0);
		must(a.bytes == b.bytes && a.state == b.state);
		must(memcmp(a.last, b.last, sizeof(a.last)) == 0);
	}
	sp_buf_done(&a.out);
	sp_buf_done(&b.out);
	must(sp_memory_used(env.memory) == 0);
	sp_memory_free(env.memory);
	return (0);
}
