/*
 * Time.  Nothing else calls clock_gettime.  Instants are microseconds since
 * 1970-01-01T00:00:00Z (UTC, no leap seconds), as int64_t.
 */
#ifndef SP_BASE_CLOCK_H
#define SP_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

#define SP_TIME_LEN 27 /* "2026-11-23T16:31:02.123456Z" */
#define SP_SECOND   INT64_C(1000000)

int64_t sp_clock_wall(void); /* UTC; tests may set it */
int64_t sp_clock_boot(void); /* CLOCK_BOOTTIME, never steps */
/* Tests: freeze the wall clock at ${us}, advancing by ${step} each reading;
 * also settable by the environment SP_TEST_CLOCK="US[:STEP]" in test builds.
 * us < 0 goes back to the real clock. */
void sp_clock_set_for_test(int64_t us, int64_t step);

/* "2026-11-23T16:31:02.123456Z", NUL-terminated. */
void sp_time_format(int64_t us, char out[SP_TIME_LEN + 1]);
/* Exactly that form (six digits, Z). */
bool sp_time_parse(struct sp_view v, int64_t *us);

/*
 * What a person writes: YYYY, YYYY-MM, YYYY-MM-DD, RFC 3339, "today",
 * "yesterday", "30d" (also h, w, m, y), read in the zone ${tz} (a tz database
 * name; NULL is UTC).  Gives the instant range [*from, *end) that the text
 * means: a plain date is its whole day, an instant has *end == *from.
 * SP_EUSAGE with a clear message otherwise.
 */
SP_CHECK enum sp_code sp_time_parse_human(const char *text, const char *tz,
    int64_t now, int64_t *from, int64_t *end, struct sp_err *err);
/* year 1-9999, month 1-12 of an instant in UTC. */
void sp_time_year_month(int64_t us, int *year, int *month);
/* "2026-11-23 16:31:02" in ${tz} (NULL: UTC); ${out} of 32 bytes. */
void sp_time_local(int64_t us, const char *tz, char out[32]);

#endif
