/*
 * bag-info.txt (RFC 8493 section 2.2.2; labels: doc/format-export.md): what a
 * bag is about, for people and for the verifier, which holds every Sealpost
 * label against the log.  The Payload-Oxum is filled in by bag.c, which counts.
 * Called by export.c when all else is in the bag.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_text.h"
#include "export/export_priv.h"

const char *
sp_export_verdict(const struct sp_job *j)
{
	return (j->result->complete ? "COMPLETE" : "SELECTION");
}

/* One label with a time, or "-" for none. */
static void
add_time(struct sp_buf *out, const char *label, bool have, int64_t us)
{
	char time[SP_TIME_LEN + 1];

	sp_time_format(us, time);
	(void)!sp_buf_addf(out, "%s: %s\n", label, have ? time : "-");
}

/* The query goes on one line: LF and CR in it become blanks. */
enum sp_code
sp_job_info(const struct sp_job *j, struct sp_buf *out, struct sp_err *err)
{
	const struct sp_export_opts *o = j->o;
	const char *text = o->query == NULL ? "" : o->query;
	char *query = sp_xstrdup(text);
	char time[SP_TIME_LEN + 1];
	bool has_query = query[strspn(query, " \t\r\n")] != '\0';

	for (char *p = query; *p != '\0'; p++) {
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	}
	sp_time_format(j->event_time, time);
	(void)!sp_buf_addf(out,
	    "Bag-Software-Agent: sealpost " SP_VERSION "\n"
	    "Bagging-Date: %.10s\n"
	    "External-Identifier: %s#%" PRIu64 "\n"
	    "Payload-Oxum: " SP_BAG_OXUM_MARK "\n"
	    "Sealpost-Bag: 1\n"
	    "Sealpost-Origin: %s\n"
	    "Sealpost-Event: %" PRIu64 "\n"
	    "Sealpost-Tree-Size: %" PRIu64 "\n"
	    "Sealpost-Run: %" PRIu64 "-%" PRIu64 "\n"
	    "Sealpost-Range-By: %s\n",
	    time, j->cp.origin, j->event, j->cp.origin, j->event, j->cp.size,
	    j->first, j->end, o->by_date ? "date" : "received");
	add_time(out, "Sealpost-Range-Since", o->have_since, o->since);
	add_time(out, "Sealpost-Range-Until", o->have_until, o->until);
	(void)!sp_buf_addf(out, "Sealpost-Query:%s%s\n", has_query ? " " : "",
	    has_query ? query : "");
	free(query);
	if (sp_buf_addf(out,
		"Sealpost-Given: %" PRIu64 "\nSealpost-Verdict: %s\n",
		j->result->given, sp_export_verdict(j)) == SP_OK)
		return (SP_OK);
	return (sp_err_set(err, SP_ELIMIT, 0,
	    "bag-info.txt would be too long; use a shorter query"));
}
