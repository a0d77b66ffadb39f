/* What the record says of an Outlook item; the memory of one. */
#include <stdlib.h>

#include "base/json.h"
#include "base/time_text.h"
#include "journal/import/import_pst.h"

static void
time_fact(struct sp_json *j, const char *key, int64_t us)
{
	char t[SP_TIME_LEN + 1];

	if (us <= 0)
		return;
	sp_time_format(us, t);
	sp_json_cstr(j, key, t);
}

static void
person(struct sp_json *j, const char *name, const char *addr)
{
	if (name != NULL)
		sp_json_str(j, "name", sp_view_str(name));
	if (addr != NULL)
		sp_json_str(j, "addr", sp_view_str(addr));
}

static void
people(struct sp_json *j, const struct sp_pst_mail *m)
{
	static const char *const types[] = { "originator", "to", "cc", "bcc" };

	sp_json_arr(j, "recipients");
	for (size_t i = 0; i < m->nrcpt && i < 500; i++) {
		const struct sp_pst_rcpt *r = &m->rcpt[i];

		sp_json_obj(j, NULL);
		if (r->type < SP_COUNTOF(types))
			sp_json_cstr(j, "type", types[r->type]);
		person(j, r->name, r->addr);
		sp_json_obj_end(j);
	}
	sp_json_arr_end(j);
}

enum sp_code
sp_pst_mail_facts(
    const struct sp_pst_mail *m, const char *folder, struct sp_buf *out)
{
	struct sp_json j;

	sp_json_init(&j, out);
	sp_json_obj(&j, "pst");
	sp_json_u64(&j, "id", m->id);
	sp_json_str(&j, "folder", sp_view_str(folder));
	if (m->cls != NULL)
		sp_json_str(&j, "class", sp_view_str(m->cls));
	sp_json_bool(&j, "headers", m->headers != NULL);
	sp_json_obj(&j, "sender");
	person(&j, m->from_name, m->from_addr);
	sp_json_obj_end(&j);
	people(&j, m);
	time_fact(&j, "submitted", m->submitted);
	time_fact(&j, "delivered", m->delivered);
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}

struct sp_pst_mail *
sp_pst_mail_new(size_t max)
{
	struct sp_pst_mail *m = sp_xcalloc(1, sizeof(*m));

	sp_buf_init(&m->text, max);
	sp_buf_init(&m->html, max);
	sp_buf_init(&m->rtf, max);
	return (m);
}

static void
part_done(struct sp_pst_part *p)
{
	free(p->name);
	free(p->type);
	free(p->cid);
	sp_buf_done(&p->data);
	sp_pst_mail_free(p->mail);
}

void
sp_pst_mail_free(struct sp_pst_mail *m)
{
	if (m == NULL)
		return;
	free(m->headers);
	free(m->cls);
	free(m->subject);
	free(m->message_id);
	free(m->in_reply_to);
	free(m->references);
	free(m->from_name);
	free(m->from_addr);
	for (size_t i = 0; i < m->nrcpt; i++) {
		free(m->rcpt[i].name);
		free(m->rcpt[i].addr);
	}
	free(m->rcpt);
	for (size_t i = 0; i < m->npart; i++)
		part_done(&m->part[i]);
	free(m->part);
	sp_buf_done(&m->text);
	sp_buf_done(&m->html);
	sp_buf_done(&m->rtf);
	free(m);
}
