/*
 * Which messages of an account the log has.  The pull worker may not read the
 * log: it asks the index worker through state/control (doc/door.md):
 *
 *	pulled ACCOUNT FROM HOST USER  ->  NEXT more|end ENTRY ENTRY ...
 *
 * A section that names another server or user than before is another mailbox:
 * what was pulled from the old one says nothing of the new one.
 *
 * An ENTRY is KEY=CONTENT, one for each message in entries FROM to NEXT-1: a key
 * of 32 hexadecimal digits (journal/pull/ids.h) and the first 32 of the
 * message's SHA-256; KEY?CONTENT where the record's flags say that it is no
 * capture.  "end": NEXT is one past the last entry.
 */
#ifndef SP_APP_HOST_PULLED_H
#define SP_APP_HOST_PULLED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/config/config.h"
#include "base/err.h"

/*
 * Look through the log of the archive ${dir} from entry ${from} on, a bounded
 * number, and append to ${keys} a struct sp_pull_entry of each message
 * that was pulled from the mailbox ${of}, of which name, server and user
 * count.  ${next}: the entry to go on from; ${end}: there are no more.  The
 * errors of sp_reader_open() and sp_reader_next(); SP_ELIMIT if ${keys} is
 * full, SP_EAGAIN if the log became shorter meanwhile.
 */
SP_CHECK enum sp_code sp_pulled_scan(const char *dir,
    const struct sp_pull_conf *of, uint64_t from, struct sp_buf *keys,
    uint64_t *next, bool *end, struct sp_err *err);
/* The index worker: append to ${text} the answer to "ACCOUNT FROM HOST USER".
 * SP_EUSAGE for another text, else as above. */
SP_CHECK enum sp_code sp_pulled_answer(
    const char *dir, const char *args, struct sp_buf *text, struct sp_err *err);
/* The pull worker: ask the running service; outputs as of sp_pulled_scan(),
 * errors as of sp_control_ask(), SP_EFORMAT for an answer that is none. */
SP_CHECK enum sp_code sp_pulled_ask(const char *dir,
    const struct sp_pull_conf *of, uint64_t from, struct sp_buf *keys,
    uint64_t *next, bool *end, struct sp_err *err);

#endif
