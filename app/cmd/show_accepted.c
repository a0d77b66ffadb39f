/*
 * Who accepted an entry as a journal report, and when (`sealpost journal
 * accept`): read from the event in the log, since the index only has its
 * number.  Called by the ways in which `sealpost show` prints an entry.
 */
#include "app/cmd/show_accepted.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/common/cell.h"
#include "base/buf.h"
#include "base/record.h"
#include "base/time_text.h"
#include "index/links.h"
#include "journal/log/reader.h"

void
sp_show_accept_opts(const struct sp_record *r, const struct sp_family *f,
    struct sp_mail_opts *o)
{
	o->journal = r->journal;
	if (r->journal || !f->indexed || f->accepted_by == SP_LINK_NONE)
		return;
	o->journal = o->accepted = true;
	o->accepted_by = f->accepted_by;
}

/* Read event ${seq} into ${out}, for sp_record_done(); false where that cannot
 * be. */
static bool
read_event(const struct sp_app *app, uint64_t seq, struct sp_record *out)
{
	struct sp_reader *log = NULL;
	struct sp_entry e = { 0 };
	struct sp_err err;
	bool ok = sp_reader_open(app->dir, &log, &err) == SP_OK &&
		  sp_reader_get(log, seq, &e, &err) == SP_OK && e.has_record &&
		  sp_record_parse(e.record, out, &err) == SP_OK;

	sp_reader_close(log);
	return (ok);
}

void
sp_show_accepted(const struct sp_app *app, const struct sp_mail *m)
{
	char time[32], text[256], uid[32] = "somebody";
	const json_t *actor, *id;
	const char *user;
	struct sp_record r;

	if (m->accepted_by == UINT64_MAX ||
	    !read_event(app, m->accepted_by, &r))
		return;
	actor = json_object_get(r.json, "actor");
	user = json_string_value(json_object_get(actor, "user"));
	id = json_object_get(actor, "uid");
	if (user == NULL && json_is_integer(id))
		(void)snprintf(uid, sizeof(uid), "uid %" PRId64,
		    (int64_t)json_integer_value(id));
	sp_time_local(r.received, app->tz, time);
	(void)snprintf(text, sizeof(text),
	    "as a report by %.64s on %s (entry %" PRIu64 ")",
	    user == NULL ? uid : user, time, m->accepted_by);
	sp_cell_field("Accepted", text);
	sp_record_done(&r);
}

void
sp_show_accepted_json(
    const struct sp_app *app, const struct sp_mail *m, struct sp_json *j)
{
	char time[SP_TIME_LEN + 1], *actor;
	struct sp_record r;

	if (m->accepted_by == UINT64_MAX ||
	    !read_event(app, m->accepted_by, &r))
		return;
	actor = json_dumps(json_object_get(r.json, "actor"), JSON_COMPACT);
	sp_time_format(r.received, time);
	sp_json_obj(j, "journal_accepted");
	sp_json_u64(j, "entry", m->accepted_by);
	sp_json_cstr(j, "at", time);
	sp_json_raw(j, "actor", sp_view_str(actor == NULL ? "null" : actor));
	sp_json_obj_end(j);
	free(actor);
	sp_record_done(&r);
}
