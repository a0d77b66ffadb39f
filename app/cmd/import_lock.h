/*
 * One import at a time of each source: what another one is just taking in must
 * be in the log before it is asked what the log has, or both take it.
 */
#ifndef SP_APP_CMD_IMPORT_LOCK_H
#define SP_APP_CMD_IMPORT_LOCK_H

#include "app/cmd/import_seen.h"

/*
 * Wait until no other import with the statement ${st} is at work (which a line
 * says), and keep others waiting until ${fd} is closed or the process ends.
 * Imports with other statements go on beside it, but for the few that share a
 * lock by chance.  ${fd} is -1 for a user who may not write in the archive: to
 * say so is for what comes next.  SP_EINTERRUPT after Ctrl-C; SP_EIO.
 */
SP_CHECK enum sp_code sp_import_lock(const struct sp_app *app,
    const struct sp_import_statement *st, int *fd, struct sp_err *err);

#endif
