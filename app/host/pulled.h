/*
 * Which messages of an account the log has.  The pull worker may not read the
 * log: it asks the index worker through state/control (doc/door.md):
 *
 *	pulled ACCOUNT FROM HOST USER  ->  NEXT more|end KEY KEY ...
 *
 * A section that names another server or user than before is another mailbox:
 * what was pulled from the old one says nothing of the new one.
 *
 * A key is 32 hexadecimal digits (journal/pull/ids.h), one for each message
 * in entries FROM to NEXT-1; "end": NEXT is one past the last entry.
 */
#ifndef SP_APP_HOST_PULLED_H
#define SP_APP_HOST_PULLED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/config/config.h"
#include "base/err.h"

/* Look through entries from ${from} on, a bounded number; keys of 16 bytes.  Of
 * ${of} name, server and user count. */
SP_CHECK enum sp_code sp_pulled_scan(const char *dir,
    const struct sp_pull_conf *of, uint64_t from, struct sp_buf *keys,
    uint64_t *next, bool *end, struct sp_err *err);
/* The index worker's answer to "ACCOUNT FROM HOST USER". */
SP_CHECK enum sp_code sp_pulled_answer(
    const char *dir, const char *args, struct sp_buf *text, struct sp_err *err);
/* Ask the service. */
SP_CHECK enum sp_code sp_pulled_ask(const char *dir,
    const struct sp_pull_conf *of, uint64_t from, struct sp_buf *keys,
    uint64_t *next, bool *end, struct sp_err *err);

#endif
