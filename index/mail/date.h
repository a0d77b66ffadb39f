/*
 * Dates of mail: RFC 5322 with the obsolete forms, asctime, ISO 8601, and what
 * broken senders write.  Total; nothing depends on the locale.
 */
#ifndef SP_INDEX_MAIL_DATE_H
#define SP_INDEX_MAIL_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

#define SP_DATE_LEN 25 /* "2026-11-23T16:31:02+01:00" */

/*
 * Write ${value} to ${out} as RFC 3339 with the sender's offset ("-00:00" where
 * it is not known), and its instant to *us, in microseconds since 1970 UTC.
 * False, and nothing written, if the value is no date.
 */
bool sp_date_parse(
    struct sp_view value, char out[SP_DATE_LEN + 1], int64_t *us);

#endif
