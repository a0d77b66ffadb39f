/* The report of an import: JSON Lines, one for each thing that was met. */
#ifndef SP_APP_CMD_IMPORT_REPORT_H
#define SP_APP_CMD_IMPORT_REPORT_H

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

struct sp_report;

/* A new file; SP_EEXISTS where something is there. */
SP_CHECK enum sp_code sp_report_open(
    const char *path, struct sp_report **out, struct sp_err *err);
/* {"what":WHAT,"file":FILE ... between begin and end the caller adds members.
 * With ${r} NULL nothing is done, and begin gives NULL. */
struct sp_json *sp_report_begin(
    struct sp_report *r, const char *what, const char *file);
void sp_report_end(struct sp_report *r);
/* The first failure of all, if there was one; the file is synced. */
SP_CHECK enum sp_code sp_report_close(
    struct sp_report *r, struct sp_err *err); /* NULL is fine */

#endif
