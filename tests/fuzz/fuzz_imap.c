/*
 * Any bytes as those of an IMAP server.  Fed whole and byte by byte the parser
 * must make the same calls or fail alike, a body must have the bytes that were
 * announced, and names of mailboxes must survive their encoding.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "journal/pull/imap/imap_name.h"
#include "journal/pull/imap/imap_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t calls; /* a sum over all that was called with */
	uint64_t announced, got;
	uint32_t uid;
	bool in_body;
};

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
mix(struct seen *s, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		s->calls = (s->calls ^ b[i]) * UINT64_C(1099511628211);
}

static void
mix_view(struct seen *s, struct sp_view v)
{
	mix(s, &v.n, sizeof(v.n));
	if (v.n > 0)
		mix(s, v.p, v.n);
}

static enum sp_code
on_body(void *ctx, const struct sp_imap_fetch *head, bool partial,
    uint64_t offset, uint64_t size, struct sp_err *err)
{
	struct seen *s = ctx;

	(void)err;
	must(!s->in_body && (partial || offset == 0));
	s->in_body = true;
	s->announced = size;
	s->got = 0;
	s->uid = head->uid;
	mix(s, &offset, sizeof(offset));
	mix(s, &size, sizeof(size));
	return (SP_OK);
}

static enum sp_code
on_data(void *ctx, const char *p, size_t n, struct sp_err *err)
{
	struct seen *s = ctx;

	(void)err;
	must(s->in_body && n > 0);
	s->got += n;
	must(s->got <= s->announced);
	mix(s, p, n);
	return (SP_OK);
}

static void
check_sets(struct sp_view set)
{
	uint32_t low, high;

	while (sp_imap_set_next(&set, &low, &high))
		must(low > 0 && low <= high);
	must(sp_view_trim(set).n == 0);
}

static enum sp_code
on_response(void *ctx, const struct sp_imap_response *r, struct sp_err *err)
{
	struct seen *s = ctx;
	int kind = (int)r->kind;

	(void)err;
	must(!s->in_body ||
	     (r->kind == SP_IMAP_FETCH && s->got == s->announced));
	must(s->in_body ==
	     (r->kind == SP_IMAP_FETCH && r->fetch.body == SP_IMAP_BODY_GIVEN));
	must(!s->in_body || s->uid == 0 || s->uid == r->fetch.uid);
	s->in_body = false;
	must(r->fetch.nlabels <= SP_IMAP_LABELS_MAX);
	mix(s, &kind, sizeof(kind));
	mix_view(s, r->tag);
	mix_view(s, r->status.text);
	mix_view(s, r->status.args);
	mix_view(s, r->text);
	mix_view(s, r->set);
	mix_view(s, r->fetch.internaldate);
	mix_view(s, r->fetch.flags);
	for (size_t i = 0; i < r->fetch.nlabels; i++)
		mix_view(s, r->fetch.labels[i]);
	mix(s, &r->fetch.uid, sizeof(r->fetch.uid));
	mix_view(s, r->list.name);
	mix_view(s, r->mailbox.name);
	check_sets(r->set);
	(void)sp_imap_caps(r->text);
	return (SP_OK);
}

static enum sp_code
run(const char *data, size_t size, size_t step, struct seen *s)
{
	const struct sp_imap_events ev = { .body = on_body,
		.data = on_data,
		.response = on_response,
		.ctx = s };
	struct sp_imap_parser *p = sp_imap_parser_new(&ev);
	enum sp_code rc = SP_OK;

	for (size_t at = 0; rc == SP_OK && at < size; at += step) {
		struct sp_err err = { .code = SP_OK };

		rc = sp_imap_parser_feed(
		    p, data + at, size - at < step ? size - at : step, &err);
		must(rc == SP_OK || (err.code == rc && err.msg[0] != '\0'));
		must(rc == SP_OK || rc == SP_EFORMAT || rc == SP_ELIMIT);
	}
	sp_imap_parser_free(p);
	return (rc);
}

/* What a server calls a mailbox: once decoded, there and back is the same. */
static void
names(struct sp_view v)
{
	struct sp_buf utf8, back, again;

	sp_buf_init(&utf8, 1u << 20);
	sp_buf_init(&back, 1u << 20);
	sp_buf_init(&again, 1u << 20);
	must(sp_imap_name_decode(v, false, &utf8) == SP_OK);
	if (sp_imap_name_encode(sp_buf_view(&utf8), &back) == SP_OK) {
		must(sp_imap_name_decode(sp_buf_view(&back), false, &again) ==
		     SP_OK);
		must(sp_view_eq(sp_buf_view(&utf8), sp_buf_view(&again)));
	}
	sp_buf_clear(&back);
	if (sp_imap_quote(v, true, &back) == SP_OK)
		must(memchr(back.p, '\n', back.n) == NULL);
	sp_buf_done(&utf8);
	sp_buf_done(&back);
	sp_buf_done(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = { 0 }, bytes = { 0 };
	const char *p = (const char *)data;
	enum sp_code rc;

	if (size > 20000)
		return (0);
	rc = run(p, size, size + 1, &whole);
	must(run(p, size, 1, &bytes) == rc);
	must(whole.calls == bytes.calls);
	if (size < 1000)
		names(sp_view_mem(p, size));
	return (0);
}
