/* How much an import has to read, found out before it begins, for the
 * percentage that is shown meanwhile. */
#ifndef SP_APP_CMD_IMPORT_SIZE_H
#define SP_APP_CMD_IMPORT_SIZE_H

#include <stdint.h>

/* Bytes of the regular files at and below ${n} paths; links are not followed,
 * and what cannot be read counts as nothing. */
uint64_t sp_import_size(int n, char *const *paths);

#endif
