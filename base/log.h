/*
 * The log: one line for each event, key=value, control bytes escaped, never
 * content of mail or secrets.  Event names are interface (doc/log-events.md).
 * Only app/ and the workers log; other rooms return errors or call back.
 */
#ifndef SP_BASE_LOG_H
#define SP_BASE_LOG_H

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

enum sp_log_level { SP_LOG_DEBUG, SP_LOG_INFO, SP_LOG_WARN, SP_LOG_ERROR };

/* Begin to log from ${level} on to ${target}: "stderr" (with the <N> priorities
 * of sd-daemon(3) where $JOURNAL_STREAM is set) or "syslog" under the name
 * ${ident}.  SP_ECONFIG for another target. */
SP_CHECK enum sp_code sp_log_open(const char *target, enum sp_log_level level,
    const char *ident, struct sp_err *err);
/* Log from ${level} on; any thread may call it. */
void sp_log_set_level(enum sp_log_level level);
/* Put worker=NAME into every line from here on; NULL for none.  Before the
 * first thread is started. */
void sp_log_set_worker(const char *name);

/*
 * Log an event with its keys and values; ${fmt} NULL for none.
 * sp_log(SP_LOG_INFO, "accepted", "seq=%" PRIu64 " from=%s", seq, q): values
 * that may hold blanks or control bytes go through sp_log_quote first.  A line
 * is cut to 4,095 bytes with its newline.  Any thread may call it.
 */
void sp_log(enum sp_log_level level, const char *event, const char *fmt, ...)
    SP_PRINTF(3, 4);
/* Write a value for the log into ${out}: as it is if it is plain, else in
 * quotes with \xNN for control bytes; cut to ${size} bytes with its NUL.
 * Returns ${out}. */
const char *sp_log_quote(struct sp_view v, char *out, size_t size);

#endif
