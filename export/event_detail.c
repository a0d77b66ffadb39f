/*
 * What is logged of an export: the details of its two events
 * (doc/format-record.md, "Events").  `export` says what was asked, before
 * anything is read; a verifier holds the bag against it (doc/format-export.md,
 * "data/proof/events").  `exported` says what went out.  Called by export.c.
 */
#include "base/json.h"
#include "base/sha256.h"
#include "base/time_text.h"
#include "export/export_priv.h"

/* A time, or null where there is none. */
static void
add_instant(struct sp_json *js, const char *key, bool have, int64_t us)
{
	char time[SP_TIME_LEN + 1];

	sp_time_format(us, time);
	sp_json_cstr(js, key, have ? time : NULL);
}

/* The range as it was resolved, and as it was typed. */
static void
add_range(const struct sp_export_opts *o, struct sp_json *js)
{
	sp_json_obj(js, "range");
	sp_json_cstr(js, "by", o->by_date ? "date" : "received");
	add_instant(js, "since", o->have_since, o->since);
	add_instant(js, "until", o->have_until, o->until);
	sp_json_cstr(js, "since_text", o->since_text);
	sp_json_cstr(js, "until_text", o->until_text);
	sp_json_cstr(js, "tz", o->tz == NULL ? "UTC" : o->tz);
	sp_json_obj_end(js);
}

/*
 * The verifier reads range, query, at and with_records (verify_bag_events.c in
 * journal/verify); the other members are for people.
 */
enum sp_code
sp_export_event_detail(
    const struct sp_export_job *j, struct sp_buf *out, struct sp_err *err)
{
	const struct sp_export_opts *o = j->o;
	struct sp_json js;

	sp_json_init(&js, out);
	sp_json_obj(&js, NULL);
	add_range(o, &js);
	sp_json_str(
	    &js, "query", sp_view_str(o->query == NULL ? "" : o->query));
	if (o->at > 0)
		sp_json_u64(&js, "at", o->at);
	else
		sp_json_null(&js, "at");
	sp_json_bool(&js, "with_records", o->with_records);
	if (j->kept_size > 0)
		sp_json_u64(&js, "from_checkpoint", j->kept_size);
	else
		sp_json_null(&js, "from_checkpoint");
	sp_json_cstr(&js, "container",
	    sp_container_name(sp_container_kind_of(o->output)));
	sp_json_str(&js, "output", sp_view_str(o->output));
	sp_json_arr(&js, "loadfile");
	if (o->csv)
		sp_json_cstr(&js, NULL, "csv");
	if (o->jsonl)
		sp_json_cstr(&js, NULL, "jsonl");
	sp_json_arr_end(&js);
	sp_json_obj_end(&js);
	if (sp_json_end(&js) == SP_OK)
		return (SP_OK);
	return (sp_err_set(err, SP_ELIMIT, 0,
	    "the query is too long for an export; use a shorter one"));
}

enum sp_code
sp_export_finished_detail(const struct sp_export_job *j,
    struct sp_view tagmanifest, struct sp_buf *out, struct sp_err *err)
{
	uint8_t digest[SP_SHA256_LEN];
	struct sp_json js;

	sp_sha256_once(tagmanifest.p, tagmanifest.n, digest);
	sp_json_init(&js, out);
	sp_json_obj(&js, NULL);
	sp_json_u64(&js, "export", j->event);
	sp_json_str(&js, "output", sp_view_str(j->o->output));
	sp_json_hex(&js, "tagmanifest_sha256", digest, sizeof(digest));
	sp_json_u64(&js, "tree_size", j->cp.size);
	sp_json_u64(&js, "given", j->result->given);
	sp_json_cstr(&js, "verdict", sp_export_verdict(j));
	sp_json_obj_end(&js);
	if (sp_json_end(&js) == SP_OK)
		return (SP_OK);
	return (sp_err_set(
	    err, SP_ELIMIT, 0, "the path of the export is too long"));
}
