/*
 * The header of a rebuilt message, up to and with MIME-Version; the fields of
 * the body are pst_mail.c's.
 */
#ifndef SP_IMPORT_PST_HEADER_H
#define SP_IMPORT_PST_HEADER_H

#include "journal/import/pst_mail.h"

/* Append the header of ${m} to ${out}, without the empty line behind it.
 * SP_ELIMIT: no room in ${out}. */
SP_CHECK enum sp_code sp_pst_header_format(
    const struct sp_pst_mail *m, struct sp_buf *out);
/* Whether ${s} is printable ASCII only. */
bool sp_pst_header_is_plain(const char *s);

#endif
