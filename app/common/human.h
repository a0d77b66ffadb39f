/* Numbers as a person reads them, for the output of commands.  JSON and
 * everything on disk has the plain number. */
#ifndef SP_APP_COMMON_HUMAN_H
#define SP_APP_COMMON_HUMAN_H

#include <stdint.h>

/* "1,234,567"; returns ${out}, which the caller owns. */
const char *sp_text_count(uint64_t n, char out[32]);
/* ${n} bytes as "17.8 KiB", in the largest unit that gives 1 or more; returns
 * ${out}, which the caller owns. */
const char *sp_text_size(uint64_t n, char out[32]);

#endif
