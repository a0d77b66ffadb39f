/* The range of time that --since and --until of a command mean. */
#ifndef SP_APP_COMMON_DATE_RANGE_H
#define SP_APP_COMMON_DATE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "app/common/app.h"

/* [since, until), microseconds since 1970 in UTC; an end that was not given is
 * 0 and its flag false. */
struct sp_range {
	bool have_since, have_until;
	int64_t since, until;
};

/*
 * Read the two options (sp_time_parse_human(), in the zone of --tz); either
 * may be NULL.  A plain date in ${until} includes that whole day, an instant
 * is exclusive.  SP_EUSAGE: a text is no date, or nothing lies between the
 * two.  ${out} is zeroed first, also on failure.
 */
SP_CHECK enum sp_code sp_range_parse(const struct sp_app *app,
    const char *since, const char *until, struct sp_range *out,
    struct sp_err *err);

#endif
