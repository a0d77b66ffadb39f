/* Texts of the bag: the event's detail, bag-info.txt, VERIFY.txt. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/time_text.h"
#include "export/job_priv.h"

static void
instant(struct sp_json *js, const char *key, bool have, int64_t us)
{
	char time[SP_TIME_LEN + 1];

	sp_time_format(us, time);
	sp_json_cstr(js, key, have ? time : NULL);
}

static void
range_detail(const struct sp_export_opts *o, struct sp_json *js)
{
	sp_json_obj(js, "range");
	sp_json_cstr(js, "by", o->by_date ? "date" : "received");
	instant(js, "since", o->have_since, o->since);
	instant(js, "until", o->have_until, o->until);
	sp_json_cstr(js, "since_text", o->since_text);
	sp_json_cstr(js, "until_text", o->until_text);
	sp_json_cstr(js, "tz", o->tz == NULL ? "UTC" : o->tz);
	sp_json_obj_end(js);
}

enum sp_code
sp_job_detail(const struct sp_job *j, struct sp_buf *out, struct sp_err *err)
{
	const struct sp_export_opts *o = j->o;
	struct sp_json js;

	sp_json_init(&js, out);
	sp_json_obj(&js, NULL);
	range_detail(o, &js);
	sp_json_str(
	    &js, "query", sp_view_str(o->query == NULL ? "" : o->query));
	if (o->at > 0)
		sp_json_u64(&js, "at", o->at);
	else
		sp_json_null(&js, "at");
	sp_json_bool(&js, "with_records", o->with_records);
	if (j->kept > 0)
		sp_json_u64(&js, "from_checkpoint", j->kept);
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

static void
info_time(struct sp_buf *out, const char *label, bool have, int64_t us)
{
	char time[SP_TIME_LEN + 1];

	sp_time_format(us, time);
	(void)!sp_buf_addf(out, "%s: %s\n", label, have ? time : "-");
}

enum sp_code
sp_job_info(const struct sp_job *j, struct sp_buf *out, struct sp_err *err)
{
	const struct sp_export_opts *o = j->o;
	const char *text = o->query == NULL ? "" : o->query;
	char *query = sp_xstrdup(text);
	char time[SP_TIME_LEN + 1];
	bool some = query[strspn(query, " \t\r\n")] != '\0';

	for (char *p = query; *p != '\0'; p++) {
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	}
	sp_time_format(j->event_time, time);
	(void)!sp_buf_addf(out,
	    "Bag-Software-Agent: sealpost " SP_VERSION "\n"
	    "Bagging-Date: %.10s\n"
	    "External-Identifier: %s#%" PRIu64 "\n"
	    "Payload-Oxum: @OXUM@\n"
	    "Sealpost-Bag: 1\n"
	    "Sealpost-Origin: %s\n"
	    "Sealpost-Event: %" PRIu64 "\n"
	    "Sealpost-Tree-Size: %" PRIu64 "\n"
	    "Sealpost-Run: %" PRIu64 "-%" PRIu64 "\n"
	    "Sealpost-Range-By: %s\n",
	    time, j->cp.origin, j->event, j->cp.origin, j->event, j->cp.size,
	    j->first, j->end, o->by_date ? "date" : "received");
	info_time(out, "Sealpost-Range-Since", o->have_since, o->since);
	info_time(out, "Sealpost-Range-Until", o->have_until, o->until);
	(void)!sp_buf_addf(
	    out, "Sealpost-Query:%s%s\n", some ? " " : "", some ? query : "");
	free(query);
	if (sp_buf_addf(out,
		"Sealpost-Given: %" PRIu64 "\nSealpost-Verdict: %s\n",
		j->result->given,
		j->result->complete ? "COMPLETE" : "SELECTION") == SP_OK)
		return (SP_OK);
	return (sp_err_set(err, SP_ELIMIT, 0,
	    "bag-info.txt would be too long; use a shorter query"));
}

static const char verify_text[] =
    "HOW TO CHECK THIS EXPORT\n"
    "\n"
    "Nothing here asks you to trust us, or the machine that made it.  You need one thing\n"
    "from outside this bag: the verification key of the log (a line that begins with the\n"
    "origin below), given to you by another way, or a checkpoint that you kept.\n"
    "\n"
    "1. With our verifier (one program, no network, sources published):\n"
    "\n"
    "     sealpost-verify --vkey 'KEY YOU WERE GIVEN' BAG\n"
    "\n"
    "   It must end with COMPLETE (every message of the range is here, or its destruction\n"
    "   is in the log) or SELECTION (n of m; the choice is the producer's statement).\n"
    "\n"
    "2. With stock tools, inside this folder:\n"
    "\n"
    "     sha256sum -c --strict --quiet tagmanifest-sha256.txt\n"
    "     sha256sum -c --strict --quiet manifest-sha256.txt\n"
    "     openssl cms -verify -binary -inform DER -purpose any \\\n"
    "       -CAfile data/proof/seal.crt -in tagmanifest-sha256.txt.p7s \\\n"
    "       -content tagmanifest-sha256.txt -out /dev/null\n"
    "\n"
    "   That shows that the bag is whole and was signed with the certificate in it.  That\n"
    "   no message is missing is shown by data/proof: the format is public (format-export.md),\n"
    "   so anyone can write a verifier; a second one, in Python, comes with the sources.\n"
    "\n"
    "3. Keep data/proof/checkpoint.  With it you can check any later export: a log that\n"
    "   was changed behind it cannot be proven any more (--from-checkpoint FILE).\n"
    "\n";

enum sp_code
sp_job_verify_text(struct sp_job *j, struct sp_err *err)
{
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, 64u << 10);
	(void)!sp_buf_adds(&b, verify_text);
	(void)!sp_buf_addf(&b,
	    "Origin       %s\n"
	    "Range        entries %" PRIu64 " to %" PRIu64
	    " (end exclusive), %" PRIu64 " messages, %" PRIu64 " here\n"
	    "Verdict      %s, as the producer states it\n",
	    j->cp.origin, j->first, j->end, j->result->messages,
	    j->result->given, j->result->complete ? "COMPLETE" : "SELECTION");
	rc = sp_bag_add(
	    &j->bag, "data/VERIFY.txt", j->event_time, sp_buf_view(&b), err);
	sp_buf_done(&b);
	return (rc);
}
