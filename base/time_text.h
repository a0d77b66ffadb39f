/*
 * Instants as text, and text as instants.  Instants are microseconds since
 * 1970-01-01T00:00:00Z as in base/clock.h.  Records and entry lines use only
 * the one form that sp_time_format writes; the other forms are for people.
 */
#ifndef SP_BASE_TIME_TEXT_H
#define SP_BASE_TIME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

#define SP_TIME_LEN 27 /* "2026-11-23T16:31:02.123456Z" */

/* Write "2026-11-23T16:31:02.123456Z" (RFC 3339, always UTC, always six
 * digits of the second's fraction), NUL-terminated. */
void sp_time_format(int64_t us, char out[SP_TIME_LEN + 1]);
/* Read exactly what sp_time_format writes; false for any other text and for
 * dates that do not exist. */
bool sp_time_parse(struct sp_view v, int64_t *us);

/*
 * Read what a person writes: YYYY, YYYY-MM, YYYY-MM-DD, an RFC 3339 time
 * (seconds and offset may be left out), "now", "today", "yesterday", or an age
 * such as "30d" (h, d, w, m, y), all in the zone ${tz} (a name of the tz
 * database; NULL is UTC) and seen from the instant ${now}.  Gives the range
 * [*from, *end) that the text means: a date is its whole day, month or year, an
 * instant has *end == *from.  SP_EUSAGE if it is none of these or the zone is
 * not known.  Any thread may call it.
 */
SP_CHECK enum sp_code sp_time_parse_human(const char *text, const char *tz,
    int64_t now, int64_t *from, int64_t *end, struct sp_err *err);
/* The year and the month (1 to 12) of an instant, in UTC. */
void sp_time_year_month(int64_t us, int *year, int *month);
/* Write "2026-11-23 16:31:02" in the zone ${tz} (NULL is UTC); "" if the year
 * does not fit.  Any thread may call it. */
void sp_time_local(int64_t us, const char *tz, char out[32]);

#endif
