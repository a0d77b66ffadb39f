/*
 * The log: one line per event, key=value, control bytes escaped, never
 * content or secrets.  Event names are interface (doc/log-events.md).
 * Only app and the workers log; libraries report through callbacks.
 */
#ifndef SP_BASE_LOG_H
#define SP_BASE_LOG_H

#include "base/attr.h"
#include "base/err.h"
#include "base/view.h"

enum sp_log_level { SP_LOG_DEBUG, SP_LOG_INFO, SP_LOG_WARN, SP_LOG_ERROR };

/* ${target}: "stderr" (with journald's <N> prefixes when $JOURNAL_STREAM is
 * set) or "syslog". */
SP_CHECK enum sp_code sp_log_open(const char *target, enum sp_log_level level,
    const char *ident, struct sp_err *err);
void sp_log_set_level(enum sp_log_level level);
/* The name of the worker, put in every line as worker=NAME; NULL for none. */
void sp_log_set_worker(const char *name);

/*
 * sp_log(SP_LOG_INFO, "accepted", "seq=%" PRIu64 " from=%s", seq, q): the
 * caller quotes values with sp_log_quote where they may hold blanks or
 * control bytes.
 */
void sp_log(enum sp_log_level level, const char *event, const char *fmt, ...)
    SP_PRINTF(3, 4);
/* Quote for a log value: as it is if plain, else "..." with \xNN escapes; cut
 * to ${size}.  Returns ${out}. */
const char *sp_log_quote(struct sp_view v, char *out, size_t size);
/* Whether ${level} is logged now. */
int sp_log_enabled(enum sp_log_level level);

#endif
