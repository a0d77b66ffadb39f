/*
 * Private to journal/watch: Exim's form of a log line, and the cutting of lines
 * that both forms need.
 */
#ifndef SP_WATCH_MAILLOG_PRIV_H
#define SP_WATCH_MAILLOG_PRIV_H

#include "journal/watch/maillog.h"

/* Read a line of Exim's main log, with or without a syslog prefix, into ${out};
 * false: it is none, and ${out} is as before. */
bool sp_maillog_exim(struct sp_view line, struct sp_maillog_line *out);
/* Cut the next word off ${rest}, at blanks; empty at the end. */
struct sp_view sp_maillog_word(struct sp_view *rest);
/* What stands behind the first ${what} in ${v}; {NULL, 0} if it is nowhere. */
struct sp_view sp_maillog_after(struct sp_view v, const char *what);

#endif
