/*
 * An export of another archive (doc/format-export.md) as a source of mail: it
 * is verified first, then each message goes to the walk's item, with the old
 * record, its line and who vouches for them.
 */
#ifndef SP_APP_CMD_IMPORT_BAG_H
#define SP_APP_CMD_IMPORT_BAG_H

#include "app/common/app.h"
#include "journal/tree/note.h"
#include "journal/import/import.h"

struct sp_bag_trust {
	const struct sp_vkey *vkey; /* of --vkey, or NULL */
	bool embedded; /* --trust-embedded-key */
};

/* Whether the folder at ${path} is an export. */
bool sp_import_bag_is(const char *path);
/* What cannot be trusted or read is a line for im->failed, and SP_OK. */
SP_CHECK enum sp_code sp_import_bag(const struct sp_import *im,
    const char *path, const struct sp_bag_trust *trust, struct sp_err *err);

#endif
