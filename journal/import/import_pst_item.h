/* An item of libpff as a sp_pst_mail.  Only in the child process. */
#ifndef SP_IMPORT_IMPORT_PST_ITEM_H
#define SP_IMPORT_IMPORT_PST_ITEM_H

#include <libpff.h>

#include "journal/import/import_pst.h"

/* ${budget}: bytes of bodies and attachments that may still be read.  NULL and
 * ${why} (static or in ${tmp}) where it cannot be read. */
struct sp_pst_mail *sp_pst_item_read(libpff_item_t *item, uint64_t *budget,
    unsigned depth, char *why, size_t size);
/* A property as UTF-8, or NULL; malloc'ed. */
char *sp_pst_item_text(libpff_item_t *item, int set, uint32_t type);
/* The text of a libpff error, which is freed; one line. */
void sp_pst_error(libpff_error_t **e, char *out, size_t size);

#endif
