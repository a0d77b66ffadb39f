/*
 * An item of libpff as a sp_pst_mail: reads the properties, bodies, recipients
 * and attachments.  Only in the child process (import_child.h), since libpff
 * reads hostile bytes; called by import_pst.c.
 */
#ifndef SP_IMPORT_PST_ITEM_H
#define SP_IMPORT_PST_ITEM_H

#include <libpff.h>

#include "journal/import/pst_mail.h"

/*
 * Read ${item}, which lies ${depth} messages deep in another one (0: in none).
 * ${budget} is how many bytes of bodies and attachments may still be read, and
 * becomes less.  The caller frees.  NULL where the item cannot be read at all,
 * with the reason in ${why} of ${size} bytes; what is missing of a readable one
 * makes it incomplete.
 */
struct sp_pst_mail *sp_pst_item_read(libpff_item_t *item, uint64_t *budget,
    unsigned depth, char *why, size_t size);
/* PidTagMessageClass of ${item}, or NULL; malloc'ed. */
char *sp_pst_item_class(libpff_item_t *item);
/* Write into ${out} of ${size} bytes that ${what} ("header damaged") keeps from
 * reading, and what to do.  The libpff error ${e} is freed. */
void sp_pst_item_error(
    libpff_error_t **e, const char *what, char *out, size_t size);

#endif
