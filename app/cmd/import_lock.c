/*
 * The locks state/import-0.lock to state/import-f.lock: see
 * app/cmd/import_lock.h.  Which one an import takes is decided by its statement
 * of source and trust, since only equal statements can meet in the log.
 */
#include "app/cmd/import_lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/common/account.h"
#include "app/common/interrupt.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/sha256.h"

#define TRY_MS 500 /* between two looks at Ctrl-C */

/* The path of the lock for ${st}, malloc'ed. */
static char *
lock_path(const struct sp_app *app, const struct sp_import_statement *st)
{
	uint8_t digest[SP_SHA256_LEN];
	struct sp_view name = sp_view_str(st->source);

	sp_sha256_two(st->journal ? "j" : "m", 1, name.n == 0 ? "" : name.p,
	    name.n, digest);
	return (sp_xasprintf(
	    "%s/state/import-%x.lock", app->dir, (unsigned)digest[0] & 0xf));
}

/* Try again and again, so that Ctrl-C is seen; the file belongs to the
 * archive's account, also where root imports. */
enum sp_code
sp_import_lock(const struct sp_app *app, const struct sp_import_statement *st,
    int *fd, struct sp_err *err)
{
	struct sp_account account;
	bool told = app->quiet;
	mode_t mask;
	enum sp_code rc = sp_account_find(app->dir, app->cfg, &account, err);
	char *path = lock_path(app, st);

	*fd = -1;
	if (rc != SP_OK)
		goto out;
	do {
		if (sp_interrupt_caught()) {
			rc = sp_err_set(err, SP_EINTERRUPT, 0,
			    "interrupted; nothing was taken");
			break;
		}
		/* With the modes of all that is in the archive. */
		mask = umask(0027);
		sp_account_enter(&account);
		rc = sp_io_lock(path, TRY_MS, fd, err);
		sp_account_leave(&account);
		(void)umask(mask);
		if (rc == SP_ELOCKED && !told)
			(void)fprintf(stderr,
			    "sealpost: note: another import of this source is at work; waiting for its end\n");
		told = told || rc == SP_ELOCKED;
	} while (rc == SP_ELOCKED);
	if (rc == SP_EPERM || rc == SP_ENOTFOUND)
		rc = SP_OK;
out:
	free(path);
	return (rc);
}
