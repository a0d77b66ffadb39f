/*
 * Any bytes are a message: facts, JSON, and the bytes of each part.  The
 * first byte picks the options.  What must hold for any input is asserted:
 * the digest of each part is that of the bytes sp_mail_part_bytes gives, text
 * is UTF-8 and within its limit, and the JSON is well formed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/sha256.h"
#include "index/mail/mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_PARTS 50 /* of a message, decoded once more */

static void
check_part(struct sp_view msg, const struct sp_mail_part *p)
{
	uint8_t sum[SP_SHA256_LEN];
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, (size_t)64 << 20);
	rc = sp_mail_part_bytes(msg, p->path, &b, NULL);
	assert(rc == SP_OK);
	assert(b.n == p->size);
	sp_sha256_once(b.n == 0 ? "" : b.p, b.n, sum);
	assert(memcmp(sum, p->sha256, sizeof(sum)) == 0);
	sp_buf_done(&b);
	(void)rc;
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
	sp_mail_json(m, &j, true);
	sp_json_obj_end(&j);
	if (sp_json_end(&j) != SP_OK)
		abort();
	if (b.n < (1u << 20)) {
		v = json_loadb(b.p, b.n, 0, NULL);
		assert(v != NULL);
		json_decref(v);
	}
	sp_buf_done(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_mail_opts o = { .digests = true, .detect = false };
	struct sp_view msg;
	struct sp_mail *m;

	if (size == 0)
		return (0);
	o.max_text = data[0] == 's' ? 100 : 0;
	o.max_header = data[0] == 's' ? 200 : 0;
	msg = sp_view_mem(data + 1, size - 1);
	m = sp_mail_parse(msg, &o);
	assert(o.max_text == 0 || m->text_len <= o.max_text);
	assert(m->text_len == 0 ||
	       sp_view_is_utf8(sp_view_mem(m->text, m->text_len)));
	for (size_t i = 0; i < m->nparts && i < MAX_PARTS; i++)
		check_part(msg, &m->parts[i]);
	check_json(m);
	sp_mail_free(m);
	return (0);
}
