/* Members of "source" that every listener writes (doc/format-record.md). */
#ifndef SP_SMTP_SOURCE_H
#define SP_SMTP_SOURCE_H

#include <stdint.h>

#include "base/json.h"
#include "journal/smtp/data.h"

#define SP_LONG_LINE 1000 /* RFC 5321 section 4.5.3.1.6 */

void sp_source_time(struct sp_json *j, const char *key, int64_t us);
/* Counts of what is odd, where anything is. */
void sp_source_lines(struct sp_json *j, const struct sp_data *d);

#endif
