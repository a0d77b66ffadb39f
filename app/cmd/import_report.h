/*
 * The report of an import (--report FILE): JSON Lines, one object for each
 * thing that was met, {"what":"taken","file":...}; doc/import.md lists them.
 * cmd_import.c writes it.  Every function takes NULL for "no report".
 */
#ifndef SP_APP_CMD_IMPORT_REPORT_H
#define SP_APP_CMD_IMPORT_REPORT_H

#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

struct sp_import_report;

/* Make a new file; SP_EEXISTS where something is there already, SP_EIO. */
SP_CHECK enum sp_code sp_report_open(
    const char *path, struct sp_import_report **out, struct sp_err *err);
/* Begin a line with its members "what" and "file" (not with NULL); the caller
 * adds more to the writer returned and calls sp_report_end().  NULL where ${r}
 * is. */
struct sp_json *sp_report_begin(
    struct sp_import_report *r, const char *what, const char *file);
/* End the line that sp_report_begin() began. */
void sp_report_end(struct sp_import_report *r);
/* Write what is left, sync, and free ${r}.  The first failure of all: SP_EIO,
 * SP_ENOSPC, SP_ESYNC, or SP_ELIMIT for a line that was too long. */
SP_CHECK enum sp_code sp_report_close(
    struct sp_import_report *r, struct sp_err *err);

#endif
