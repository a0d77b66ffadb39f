/*
 * What the record says of an Outlook item: "pst" in its "source" (doc/import.md,
 * "Outlook").  Exchange addresses are kept here as they are, since the rebuilt
 * header cannot hold them.  Pure; called by import_pst.c.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/time_text.h"
#include "journal/import/pst_mail.h"

#define RCPTS_SHOWN 500

static void
add_time(struct sp_json *j, const char *key, int64_t us)
{
	char t[SP_TIME_LEN + 1];

	if (us <= 0)
		return;
	sp_time_format(us, t);
	sp_json_cstr(j, key, t);
}

static void
add_person(struct sp_json *j, const char *name, const char *addr)
{
	if (name != NULL)
		sp_json_str(j, "name", sp_view_str(name));
	if (addr != NULL)
		sp_json_str(j, "addr", sp_view_str(addr));
}

/* The recipients that the item names: the first RCPTS_SHOWN of them. */
static void
add_recipients(struct sp_json *j, const struct sp_pst_mail *m)
{
	static const char *const types[] = { "originator", "to", "cc", "bcc" };

	sp_json_arr(j, "recipients");
	for (size_t i = 0; i < m->nrcpt && i < RCPTS_SHOWN; i++) {
		const struct sp_pst_rcpt *r = &m->rcpt[i];

		sp_json_obj(j, NULL);
		if (r->type < SP_COUNTOF(types))
			sp_json_cstr(j, "type", types[r->type]);
		add_person(j, r->name, r->addr);
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
	add_person(&j, m->from_name, m->from_addr);
	sp_json_obj_end(&j);
	add_recipients(&j, m);
	add_time(&j, "submitted", m->submitted);
	add_time(&j, "delivered", m->delivered);
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}
