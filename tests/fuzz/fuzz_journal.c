/*
 * Any bytes may claim to be a journal report.  What must hold for any input:
 * nothing is unwrapped without trust; the original is within what was given,
 * or was decoded from it; its digest is that of its bytes; nobody without an
 * address is a recipient; the JSON is well formed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/sha256.h"
#include "index/mail/mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_journal(struct sp_view msg, const struct sp_mail *m)
{
	const struct sp_journal *j = m->journal;
	uint8_t sum[SP_SHA256_LEN];

	assert(j->inner.n > 0 && j->inner.n <= msg.n);
	sp_sha256_once(j->inner.p, j->inner.n, sum);
	assert(memcmp(sum, j->inner_sha256, sizeof(sum)) == 0);
	for (size_t i = 0; i < j->nrcpts; i++) {
		assert(j->rcpts[i].nvia <= SP_JOURNAL_VIAS_MAX);
		for (unsigned v = 0; v < j->rcpts[i].nvia; v++)
			assert(j->rcpts[i].via[v].addr != NULL);
	}
	assert(strlen(j->inner_path) > 0);
	(void)sum;
	(void)msg;
}

static void
check_json(const struct sp_mail *m)
{
	struct sp_buf b;
	struct sp_json j;
	json_t *v = NULL;

	sp_buf_init(&b, (size_t)256 << 20);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_mail_json_journal(m, &j);
	sp_json_obj_end(&j);
	if (sp_json_end(&j) != SP_OK)
		abort();
	v = json_loadb(b.p, b.n, 0, NULL);
	assert(v != NULL);
	json_decref(v);
	sp_buf_done(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int trusted = 0; trusted < 2; trusted++) {
		struct sp_mail_opts o = { .journal = trusted == 1 };
		struct sp_view msg = sp_view_mem(data, size);
		struct sp_mail *m = sp_mail_parse(msg, &o);

		assert(trusted == 1 || m->journal == NULL);
		if (m->journal != NULL)
			check_journal(msg, m);
		check_json(m);
		sp_mail_free(m);
	}
	return (0);
}
