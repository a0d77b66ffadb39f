/*
 * --since and --until of audit, export, reindex, search and verify, read in
 * one place so that all of them mean the same range.  What a text means is
 * decided by sp_time_parse_human(); here the two become one range.
 */
#include "app/common/date_range.h"

#include "base/clock.h"
#include "base/time_text.h"

/* Both ends from one reading of the clock: "30d" and "today" agree. */
enum sp_code
sp_range_parse(const struct sp_app *app, const char *since, const char *until,
    struct sp_range *out, struct sp_err *err)
{
	int64_t now = sp_clock_wall(), from, end;
	enum sp_code rc;

	*out = (struct sp_range){ 0 };
	if (since != NULL) {
		rc = sp_time_parse_human(
		    since, app->tz, now, &out->since, &end, err);
		if (rc != SP_OK)
			return (sp_err_prefix(err, "--since"));
		out->have_since = true;
	}
	if (until != NULL) {
		rc = sp_time_parse_human(
		    until, app->tz, now, &from, &out->until, err);
		if (rc != SP_OK)
			return (sp_err_prefix(err, "--until"));
		out->have_until = true;
	}
	if (out->have_since && out->have_until && out->since >= out->until)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "impossible range: --since %s is not before --until %s",
		    since, until));
	return (SP_OK);
}
