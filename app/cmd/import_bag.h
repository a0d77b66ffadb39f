/*
 * An export of another archive (doc/format-export.md) as a source of mail: it
 * is verified first, then each message goes to the walk's callback, with the
 * former record, its line and who vouches for them.
 */
#ifndef SP_APP_CMD_IMPORT_BAG_H
#define SP_APP_CMD_IMPORT_BAG_H

#include "app/common/app.h"
#include "journal/import/import.h"
#include "journal/tree/note.h"

/* Whose signature is enough. */
struct sp_bag_trust {
	const struct sp_vkey *vkey; /* of --vkey, or NULL */
	bool embedded; /* --trust-embedded-key: the key found inside */
};

/* Whether the folder at ${path} is an export. */
bool sp_import_bag_is(const char *path);
/*
 * Verify the export ${path}, a folder or a container, and give each of its
 * messages to im->item.  An export that does not verify or that no trusted key
 * signed, and a message that cannot be read, is a call of im->failed and SP_OK.
 * Else the code of im->item, SP_EIO, SP_ELIMIT.
 */
SP_CHECK enum sp_code sp_import_bag(const struct sp_import *im,
    const char *path, const struct sp_bag_trust *trust, struct sp_err *err);

#endif
