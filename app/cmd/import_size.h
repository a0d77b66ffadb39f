/* How much there is to read, for the percentage shown. */
#ifndef SP_APP_CMD_IMPORT_SIZE_H
#define SP_APP_CMD_IMPORT_SIZE_H

#include <stdint.h>

/* Bytes of the files at and below ${n} paths; links are not followed. */
uint64_t sp_import_size(int n, char *const *paths);

#endif
