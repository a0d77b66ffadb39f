/* `show --format json`: all facts of one entry, a message or an event, as one
 * line of JSON. */
#ifndef SP_APP_CMD_SHOW_JSON_H
#define SP_APP_CMD_SHOW_JSON_H

#include <stdio.h>

#include "app/common/app.h"
#include "base/record.h"
#include "index/family.h"
#include "index/mail/mail.h"
#include "journal/log/reader.h"

/* Print entry ${e}, whose parsed record is ${r}, to ${to}; ${family} is what
 * the index knows of its copies.  SP_ELIMIT: larger than 512 MiB, and nothing
 * was printed. */
SP_CHECK enum sp_code sp_show_json(const struct sp_app *app,
    const struct sp_record *r, const struct sp_entry *e,
    const struct sp_family *family, FILE *to, struct sp_err *err);

#endif
