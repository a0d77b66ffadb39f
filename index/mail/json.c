/*
 * The JSON of a message, the members that come from the message itself: for
 * search and show with --format json.  What a journal report says is written by
 * json_journal.c.
 */
#include "index/mail/mail.h"

static void
addresses(struct sp_json *j, const char *key, const struct sp_mail_addrs *l)
{
	if (!l->present) {
		sp_json_null(j, key);
		return;
	}
	sp_json_arr(j, key);
	for (size_t i = 0; i < l->n; i++) {
		sp_json_obj(j, NULL);
		sp_json_cstr(j, "name", l->v[i].name);
		sp_json_cstr(j, "addr", l->v[i].addr);
		sp_json_obj_end(j);
	}
	sp_json_arr_end(j);
}

static void
attachments(struct sp_json *j, const struct sp_mail *m)
{
	sp_json_arr(j, "attachments");
	for (size_t i = 0; i < m->nparts; i++) {
		const struct sp_mail_part *p = &m->parts[i];

		if (!p->attachment)
			continue;
		sp_json_obj(j, NULL);
		sp_json_cstr(j, "name", p->name);
		sp_json_cstr(j, "type", p->type);
		sp_json_cstr(j, "detected_type", p->detected);
		sp_json_u64(j, "size", p->size);
		sp_json_hex(j, "sha256", p->sha256, sizeof(p->sha256));
		sp_json_obj_end(j);
	}
	sp_json_arr_end(j);
}

static void
leaves(struct sp_json *j, const struct sp_mail *m)
{
	sp_json_arr(j, "leaves");
	for (size_t i = 0; i < m->nparts; i++) {
		const struct sp_mail_part *p = &m->parts[i];

		if (p->message)
			continue;
		sp_json_obj(j, NULL);
		sp_json_cstr(j, "path", p->path);
		sp_json_cstr(j, "type", p->type);
		sp_json_cstr(j, "charset", p->charset);
		sp_json_u64(j, "size", p->size);
		sp_json_hex(j, "sha256", p->sha256, sizeof(p->sha256));
		sp_json_hex(j, "tsha256", p->tsha256, sizeof(p->tsha256));
		sp_json_obj_end(j);
	}
	sp_json_arr_end(j);
}

static void
headers(struct sp_json *j, const struct sp_mail *m)
{
	sp_json_arr(j, "headers");
	for (size_t i = 0; i < m->nheaders; i++) {
		sp_json_obj(j, NULL);
		sp_json_cstr(j, "name", m->headers[i].name);
		sp_json_cstr(j, "value", m->headers[i].value);
		sp_json_obj_end(j);
	}
	sp_json_arr_end(j);
}

void
sp_mail_json(const struct sp_mail *m, struct sp_json *j, bool full)
{
	sp_json_cstr(j, "message_id", m->message_id);
	sp_json_cstr(j, "date", m->date);
	sp_json_cstr(j, "subject", m->subject);
	addresses(j, "from", &m->from);
	addresses(j, "to", &m->to);
	addresses(j, "cc", &m->cc);
	addresses(j, "bcc", &m->bcc);
	addresses(j, "reply_to", &m->reply_to);
	attachments(j, m);
	if (!full)
		return;
	headers(j, m);
	sp_json_str(j, "text", sp_view_mem(m->text, m->text_len));
	leaves(j, m);
}
