/* show --format json: all facts of one entry. */
#ifndef SP_APP_CMD_SHOW_JSON_H
#define SP_APP_CMD_SHOW_JSON_H

#include <stdio.h>

#include "base/record.h"
#include "index/family.h"
#include "index/mail/mail.h"
#include "journal/log/reader.h"

SP_CHECK enum sp_code sp_show_json(const struct sp_record *r,
    const struct sp_entry *e, const struct sp_family *family, FILE *to,
    struct sp_err *err);

#endif
