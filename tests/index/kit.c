/* The kit of kit.h: see there.  It appends through sp_append, as the service
 * does, and asks through sp_search, as the commands do. */
#include "tests/index/kit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sha256.h"
#include "base/time_text.h"

static void
set_clock(const char *time)
{
	int64_t from, end;
	struct sp_err err;

	sp_must(sp_time_parse_human(time, NULL, 0, &from, &end, &err), &err);
	sp_clock_set_for_test(from, 0);
}

void
kit_clock(struct kit *k, const char *time)
{
	const struct sp_append_opts o = { .by = "sealpost test",
		.accept_clock = true };
	struct sp_intake_found found;
	struct sp_err err;

	sp_fixture_close(&k->fx);
	set_clock(time);
	sp_must(sp_append_open(
		    k->fx.dir, k->fx.cfg, &o, &k->fx.append, &found, &err),
	    &err);
}

void
kit_init(struct kit *k, const char *time)
{
	*k = (struct kit){ .reported = "" };
	/* Memory, where there is some: these tests sync thousands of times. */
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	set_clock(time);
	sp_fixture_init(&k->fx);
}

void
kit_done(struct kit *k)
{
	sp_fixture_done(&k->fx);
	sp_clock_set_for_test(-1, 0);
}

uint64_t
kit_add(struct kit *k, const char *msg)
{
	return (sp_fixture_add_bytes(&k->fx, sp_view_str(msg)));
}

uint64_t
kit_add_with(struct kit *k, const char *msg, const char *from, const char *to,
    const char *source, const char *flag)
{
	struct sp_rcpt rcpt[8] = { 0 };
	struct sp_view param[8];
	struct sp_facts f = { .from = sp_view_str(from),
		.has_envelope = from != NULL,
		.to = rcpt,
		.source = sp_view_str(source),
		.flags = &flag,
		.nflags = flag != NULL };
	struct sp_append_item it = {
		.facts = &f, .msg = sp_view_str(msg), .fd = -1
	};
	struct sp_view rest = sp_view_str(to);
	struct sp_err err;

	while (rest.n > 0) {
		struct sp_rcpt *r = &rcpt[f.nto];
		struct sp_view one = sp_view_cut(&rest, ' ');

		param[f.nto] = one;
		r->addr = sp_view_cut(&param[f.nto], '|');
		r->params = &param[f.nto];
		r->nparams = param[f.nto].p != NULL;
		r->original = r->addr;
		r->addr = sp_view_cut(&r->original, '>');
		f.nto++;
	}
	sp_sha256_once(it.msg.p, it.msg.n, it.sha256);
	sp_fixture_open(&k->fx);
	sp_must(sp_append_commit(k->fx.append, &it, 1, &err), &err);
	return (it.seq);
}

static void
on_report(void *ctx, const char *what, const char *text)
{
	struct kit *k = ctx;
	size_t n = strlen(k->reported);

	(void)snprintf(
	    k->reported + n, sizeof(k->reported) - n, "%s: %s\n", what, text);
}

enum sp_code
kit_try(struct kit *k, struct sp_err *err)
{
	const struct sp_index_report rep = { .fn = on_report, .ctx = k };
	struct sp_index *ix = NULL;
	uint64_t behind = 0;
	enum sp_code rc;

	k->reported[0] = '\0';
	rc = sp_index_open(k->fx.dir, k->fx.cfg, 0, &rep, &ix, err);
	if (rc == SP_OK)
		rc = sp_index_update(ix, 0, &behind, err);
	sp_index_close(ix);
	return (rc);
}

void
kit_index(struct kit *k)
{
	struct sp_err err;

	sp_must(kit_try(k, &err), &err);
}

bool
kit_reported(const struct kit *k, const char *what)
{
	return (strstr(k->reported, what) != NULL);
}

struct answer {
	char *p;
	size_t size;
};

static enum sp_code
on_hit(void *ctx, const struct sp_hit *hit, struct sp_err *err)
{
	struct answer *a = ctx;
	size_t n = strlen(a->p);

	(void)err;
	(void)snprintf(
	    a->p + n, a->size - n, "%s%" PRIu64, n > 0 ? " " : "", hit->seq);
	return (SP_OK);
}

const char *
kit_ask_with(struct kit *k, const struct sp_search_opts *o)
{
	static char text[KIT_TEXT];
	struct answer a = { text, sizeof(text) };
	struct sp_search_result r;
	struct sp_err err;

	text[0] = '\0';
	if (sp_search(k->fx.dir, o, on_hit, &a, &r, &err) != SP_OK)
		(void)snprintf(text, sizeof(text), "!%s", err.msg);
	return (text);
}

const char *
kit_ask(struct kit *k, const char *query)
{
	const struct sp_search_opts o = { .query = query };

	return (kit_ask_with(k, &o));
}

static enum sp_code
on_row(void *ctx, const struct sp_hit *hit, struct sp_err *err)
{
	(void)err;
	if (sp_buf_adds(ctx, hit->json) != SP_OK ||
	    sp_buf_addc(ctx, '\n') != SP_OK)
		abort();
	return (SP_OK);
}

char *
kit_rows(struct kit *k)
{
	const struct sp_search_opts o = { .query = "", .with_rows = true };
	struct sp_search_result r;
	struct sp_buf b;
	struct sp_err err;

	sp_buf_init(&b, (size_t)64 << 20);
	sp_must(sp_search(k->fx.dir, &o, on_row, &b, &r, &err), &err);
	return (sp_buf_take(&b, NULL));
}

char *
kit_shard(struct kit *k, const char *name)
{
	return (sp_xasprintf("%s/index/%s", k->fx.dir, name));
}
