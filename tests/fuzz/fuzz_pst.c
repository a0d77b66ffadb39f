/* The properties of an Outlook item: whatever they are, a message with
 * well-formed lines comes out, and its facts. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "journal/import/pst_mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text up to the next 0xFF; NULL where it is empty. */
static char *
next(struct sp_view *rest)
{
	struct sp_view v = sp_view_cut(rest, '\xff');

	return (v.n == 0 ? NULL : sp_view_dup(v));
}

static void
body(struct sp_view *rest, struct sp_buf *out)
{
	struct sp_view v = sp_view_cut(rest, '\xff');

	(void)!sp_buf_addv(out, v);
}

static struct sp_pst_mail *
mail_of(struct sp_view *rest, unsigned depth)
{
	struct sp_pst_mail *m = sp_pst_mail_new(1u << 20);
	char *kinds = next(rest);
	size_t n = kinds == NULL ? 0 : strlen(kinds) % 8;

	m->headers = next(rest);
	m->subject = next(rest);
	m->message_id = next(rest);
	m->references = next(rest);
	m->from_name = next(rest);
	m->from_addr = next(rest);
	m->cls = next(rest);
	m->submitted =
	    (int64_t)(kinds == NULL ? 0 : (uint64_t)(uint8_t)kinds[0] << 48);
	m->codepage = (uint32_t)n * 600;
	body(rest, &m->text);
	body(rest, &m->html);
	body(rest, &m->rtf);
	m->rcpt = sp_xcalloc(n + 1, sizeof(*m->rcpt));
	m->part = sp_xcalloc(n + 1, sizeof(*m->part));
	for (size_t i = 0; i < n && kinds != NULL; i++) {
		struct sp_pst_rcpt *r = &m->rcpt[m->nrcpt++];
		struct sp_pst_part *p = &m->part[m->npart++];

		r->type = (uint32_t)kinds[i] & 3;
		r->name = next(rest);
		r->addr = next(rest);
		p->name = next(rest);
		p->type = next(rest);
		p->cid = next(rest);
		sp_buf_init(&p->data, 1u << 20);
		if (depth < 3 && (kinds[i] & 4) != 0)
			p->mail = mail_of(rest, depth + 1);
		else
			body(rest, &p->data);
	}
	free(kinds);
	return (m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_view rest = sp_view_mem(data, size);
	struct sp_pst_mail *m = mail_of(&rest, 0);
	struct sp_buf a, b;

	sp_buf_init(&a, 8u << 20);
	sp_buf_init(&b, 8u << 20);
	if (sp_pst_mail_format(m, &a) == SP_OK) {
		assert(memmem(a.p, a.n, "\r\n\r\n", 4) != NULL);
		for (size_t i = 0; i < a.n; i++) {
			assert(a.p[i] != '\n' || (i > 0 && a.p[i - 1] == '\r'));
			assert(a.p[i] != '\r' ||
			       (i + 1 < a.n && a.p[i + 1] == '\n'));
			assert(a.p[i] != '\0');
		}
		/* The same item gives the same bytes. */
		assert(sp_pst_mail_format(m, &b) == SP_OK);
		assert(a.n == b.n && memcmp(a.p, b.p, a.n) == 0);
	}
	sp_buf_clear(&b);
	(void)!sp_pst_mail_facts(m, "Inbox", &b);
	sp_buf_done(&a);
	sp_buf_done(&b);
	sp_pst_mail_free(m);
	return (0);
}
