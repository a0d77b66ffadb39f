/*
 * `reconcile`: what the archive should have and has not, one source a file.
 * Findings are printed as they are found; the caller turns their number into
 * the exit status.
 */
#ifndef SP_APP_CMD_RECONCILE_H
#define SP_APP_CMD_RECONCILE_H

#include <stdbool.h>

#include "app/common/app.h"

struct sp_reconcile {
	struct sp_app *app; /* open */
	bool json; /* findings as JSON Lines on standard output */
	const char *relay; /* what the log calls the archive, or NULL */
};

/*
 * Read a mail server's log (${path}, "-": standard input) and print each
 * message that the archive should have and has not; adds their number to
 * ${missing}.  SP_EFORMAT: it is no log of a known mail server; SP_EUSAGE: it
 * is compressed; SP_EINTERRUPT after Ctrl-C; else the errors of the readers.
 */
SP_CHECK enum sp_code sp_reconcile_maillog(const struct sp_reconcile *r,
    const char *path, uint64_t *missing, struct sp_err *err);

/*
 * The same for the mailbox of the account ${name}: what is in it and the log
 * does not have.  Sets ${missing}.  SP_EUSAGE: there is no such account;
 * SP_EAGAIN: the server cannot name some of its messages; else the errors of
 * a visit (sp_pull_visit()).
 */
SP_CHECK enum sp_code sp_reconcile_account(const struct sp_reconcile *r,
    const char *name, uint64_t *missing, struct sp_err *err);

#endif
