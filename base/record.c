/*
 * Writes the record of an entry.  The order of the members is part of the
 * format (doc/format-record.md); the bytes are hashed as they come out here and
 * never written again.
 */
#include "base/record.h"

#include <string.h>

#include "base/time_text.h"

/* Write the members that every record begins with. */
static void
open_record(struct sp_json *j, const struct sp_stamp *st, const char *kind)
{
	char time[SP_TIME_LEN + 1];

	sp_json_obj(j, NULL);
	sp_json_u64(j, "v", 1);
	sp_json_u64(j, "seq", st->seq);
	sp_json_cstr(j, "kind", kind);
	sp_time_format(st->received, time);
	sp_json_cstr(j, "received", time);
	if (st->clock != st->received) {
		sp_time_format(st->clock, time);
		sp_json_cstr(j, "clock", time);
	}
	sp_json_b64(j, "salt", st->salt, sizeof(st->salt));
}

static void
views(struct sp_json *j, const char *key, const struct sp_view *v, size_t n)
{
	sp_json_arr(j, key);
	for (size_t i = 0; i < n; i++)
		sp_json_str(j, NULL, v[i]);
	sp_json_arr_end(j);
}

/* Write an array of recipients, with what there is of each. */
static void
recipients(
    struct sp_json *j, const char *key, const struct sp_rcpt *r, size_t n)
{
	sp_json_arr(j, key);
	for (size_t i = 0; i < n; i++) {
		sp_json_obj(j, NULL);
		sp_json_str(j, "addr", r[i].addr);
		if (r[i].original.n > 0)
			sp_json_str(j, "original", r[i].original);
		if (r[i].nparams > 0)
			views(j, "params", r[i].params, r[i].nparams);
		if (r[i].reply.n > 0)
			sp_json_str(j, "reply", r[i].reply);
		sp_json_obj_end(j);
	}
	sp_json_arr_end(j);
}

static void
envelope(struct sp_json *j, const struct sp_facts *f)
{
	sp_json_obj(j, "envelope");
	sp_json_str(j, "from", f->from);
	if (f->nfrom_params > 0)
		views(j, "from_params", f->from_params, f->nfrom_params);
	recipients(j, "to", f->to, f->nto);
	if (f->nrefused > 0)
		recipients(j, "refused", f->refused, f->nrefused);
	sp_json_obj_end(j);
}

/* Members in the order of the format, those without content left out. */
enum sp_code
sp_record_format_message(
    struct sp_buf *out, const struct sp_stamp *st, const struct sp_facts *f)
{
	struct sp_json j;

	sp_json_init(&j, out);
	open_record(&j, st, "message");
	sp_json_obj(&j, "message");
	sp_json_u64(&j, "size", st->size);
	sp_json_hex(&j, "sha256", st->sha256, sizeof(st->sha256));
	sp_json_b64(&j, "salt", st->msalt, sizeof(st->msalt));
	sp_json_obj_end(&j);
	if (f->has_envelope)
		envelope(&j, f);
	sp_json_obj(&j, "source");
	if (f->source.n > 0)
		sp_json_raw(&j, NULL, f->source);
	sp_json_obj_end(&j);
	if (f->origin_date.n > 0)
		sp_json_str(&j, "origin_date", f->origin_date);
	if (f->nflags > 0) {
		sp_json_arr(&j, "flags");
		for (size_t i = 0; i < f->nflags; i++)
			sp_json_cstr(&j, NULL, f->flags[i]);
		sp_json_arr_end(&j);
	}
	sp_json_cstr(&j, "by", st->by);
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}

enum sp_code
sp_record_format_event(
    struct sp_buf *out, const struct sp_stamp *st, const struct sp_event *ev)
{
	struct sp_json j;

	sp_json_init(&j, out);
	open_record(&j, st, "event");
	sp_json_cstr(&j, "event", ev->name);
	sp_json_raw(
	    &j, "actor", ev->actor.n > 0 ? ev->actor : SP_VIEW_LIT("{}"));
	sp_json_raw(
	    &j, "detail", ev->detail.n > 0 ? ev->detail : SP_VIEW_LIT("{}"));
	sp_json_cstr(&j, "by", st->by);
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}
