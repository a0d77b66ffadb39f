/*
 * Members of "source" that SMTP, LMTP and the milter write alike
 * (doc/format-record.md).
 */
#ifndef SP_SMTP_SOURCE_H
#define SP_SMTP_SOURCE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "journal/smtp/data.h"
#include "journal/smtp/memory.h"

#define SP_LONG_LINE 1000 /* bytes with CR LF; RFC 5321 section 4.5.3.1.6 */

/* Write the instant ${us}, microseconds since the epoch, as RFC 3339. */
void sp_source_time(struct sp_json *j, const char *key, int64_t us);
/* Write "lines", the counts of what is odd in a message, if anything is. */
void sp_source_lines(struct sp_json *j, const struct sp_data *d);
/* Count the finished text ${b} in the budget, where it is large; how much goes
 * to ${charged}, which is 0 before.  False: the budget is used up. */
bool sp_source_charge(
    struct sp_memory *m, const struct sp_buf *b, size_t *charged);
/* The text is of no use any more: empty ${b}, and free and uncount it where it
 * was counted. */
void sp_source_done(struct sp_memory *m, struct sp_buf *b, size_t *charged);

#endif
