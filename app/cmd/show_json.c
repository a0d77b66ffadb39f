/*
 * `sealpost show --format json`: all facts of one entry as one line of JSON,
 * the same members as `search --format json` has, and the full ones: header,
 * text, parts, record, entry line.  Called by cmd_show.c.
 */
#include "app/cmd/show_json.h"

#include "app/cmd/show_accepted.h"
#include "base/buf.h"
#include "base/line.h"
#include "base/sha256.h"
#include "base/time_text.h"
#include "index/links.h"

#define JSON_MAX (512u << 20) /* bytes */

/* envelope_from (null without an envelope) and envelope_to. */
static void
write_envelope(const struct sp_record *r, struct sp_json *j)
{
	const json_t *env = json_object_get(r->json, "envelope"), *rcpt;
	struct sp_buf tmp;
	struct sp_view v;
	size_t i;

	sp_buf_init(&tmp, 64u << 10);
	if (sp_json_get_str(env, "from", &tmp, &v))
		sp_json_str(j, "envelope_from", v);
	else
		sp_json_null(j, "envelope_from");
	sp_json_arr(j, "envelope_to");
	json_array_foreach(json_object_get(env, "to"), i, rcpt)
	{
		/* Whom it was for, where the address it was sent to is
		 * another: as in the index. */
		if (sp_json_get_str(rcpt, "original", &tmp, &v) ||
		    sp_json_get_str(rcpt, "addr", &tmp, &v))
			sp_json_str(j, NULL, v);
	}
	sp_json_arr_end(j);
	sp_buf_done(&tmp);
}

/* Flags of the record (observed), of the parser (concluded), and of other
 * entries (found by the index). */
static void
write_flags(const struct sp_record *r, const struct sp_mail *m,
    const struct sp_family *f, struct sp_json *j)
{
	const json_t *flag;
	size_t i;

	sp_json_arr(j, "flags");
	json_array_foreach(json_object_get(r->json, "flags"), i, flag)
	    sp_json_cstr(j, NULL, json_string_value(flag));
	for (i = 0; m != NULL && i < m->nflags; i++)
		sp_json_cstr(j, NULL, m->flags[i]);
	if (f->indexed && f->duplicate_of != SP_LINK_NONE)
		sp_json_cstr(j, NULL, "duplicate");
	else if (f->indexed && f->same_as != SP_LINK_NONE)
		sp_json_cstr(j, NULL, "same_message");
	if (f->indexed && f->conflict_with != SP_LINK_NONE)
		sp_json_cstr(j, NULL, "msgid_conflict");
	sp_json_arr_end(j);
}

/* The entry line, the leaf of the tree (doc/format-record.md). */
static void
write_line(
    const struct sp_record *r, const struct sp_entry *e, struct sp_json *j)
{
	struct sp_line line;
	char text[SP_LINE_MAX];
	size_t n;

	sp_line_of_record(r, e->record, &line);
	n = sp_line_format(&line, text);
	sp_json_str(j, "line", sp_view_mem(text, n));
}

/* The object is built in memory: what is printed is whole. */
enum sp_code
sp_show_json(const struct sp_app *app, const struct sp_record *r,
    const struct sp_entry *e, const struct sp_family *family, FILE *to,
    struct sp_err *err)
{
	struct sp_mail_opts o = { .max_text = 64u << 20,
		.max_header = 256u << 10,
		.detect = true,
		.digests = true };
	struct sp_mail *m = NULL;
	char time[SP_TIME_LEN + 1];
	struct sp_json j;
	struct sp_buf b;
	enum sp_code rc;

	sp_show_accept_opts(r, family, &o);
	if (e->has_message)
		m = sp_mail_parse(e->msg, &o);
	sp_buf_init(&b, JSON_MAX);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_u64(&j, "seq", r->seq);
	sp_time_format(r->received, time);
	sp_json_cstr(&j, "received", time);
	if (r->kind == SP_KIND_MESSAGE) {
		sp_json_cstr(&j, "grade", r->grade);
		sp_json_cstr(&j, "via", r->via);
		sp_json_u64(&j, "size", r->size);
		sp_json_hex(&j, "sha256", r->sha256, SP_SHA256_LEN);
		write_envelope(r, &j);
	} else {
		sp_json_cstr(&j, "event", r->event);
	}
	if (m != NULL)
		sp_mail_json(m, &j, true);
	if (m != NULL)
		sp_mail_json_claims(m, &j);
	if (m != NULL)
		sp_mail_json_journal(m, &j);
	if (m != NULL)
		sp_show_accepted_json(app, m, &j);
	if (r->kind == SP_KIND_MESSAGE)
		sp_family_json(family, &j);
	write_flags(r, m, family, &j);
	sp_json_raw(&j, "record", e->record);
	write_line(r, e, &j);
	sp_json_obj_end(&j);
	rc = sp_json_end(&j);
	if (rc == SP_OK) {
		(void)fwrite(b.p, 1, b.n, to);
		(void)fputc('\n', to);
	} else {
		(void)sp_err_set(err, rc, 0,
		    "the JSON of this message would be larger than %u bytes; use --format raw",
		    JSON_MAX);
	}
	sp_mail_free(m);
	sp_buf_done(&b);
	return (rc);
}
