/*
 * Members of "source" that SMTP, LMTP and the milter write alike
 * (doc/format-record.md).
 */
#ifndef SP_SMTP_SOURCE_H
#define SP_SMTP_SOURCE_H

#include <stdint.h>

#include "base/json.h"
#include "journal/smtp/data.h"

#define SP_LONG_LINE 1000 /* bytes with CR LF; RFC 5321 section 4.5.3.1.6 */

/* Write the instant ${us}, microseconds since the epoch, as RFC 3339. */
void sp_source_time(struct sp_json *j, const char *key, int64_t us);
/* Write "lines", the counts of what is odd in a message, if anything is. */
void sp_source_lines(struct sp_json *j, const struct sp_data *d);

#endif
