/* reconcile: what the archive should have, and has not.  One source a file. */
#ifndef SP_APP_CMD_RECONCILE_H
#define SP_APP_CMD_RECONCILE_H

#include <stdbool.h>

#include "app/common/app.h"

struct sp_reconcile {
	struct sp_app *app; /* open */
	bool json; /* findings as JSON Lines on standard output */
	const char *relay; /* how the mail server calls us, or NULL */
};

/*
 * Read a mail server's log (${path}, "-": standard input) and print each
 * message that the archive should have and has not.  ${missing}: how many.
 */
SP_CHECK enum sp_code sp_reconcile_maillog(const struct sp_reconcile *r,
    const char *path, uint64_t *missing, struct sp_err *err);

/* The same for the mailbox of the account ${name}: what is in it and was never
 * taken in. */
SP_CHECK enum sp_code sp_reconcile_account(const struct sp_reconcile *r,
    const char *name, uint64_t *missing, struct sp_err *err);

#endif
