/*
 * A message's own date as its instant and the sender's zone, so that its text
 * is not stored where it can be made again.  put.c takes dates apart, row.c
 * puts them together.
 */
#ifndef SP_INDEX_ZONE_H
#define SP_INDEX_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#define SP_ZONE_LEN 40

/* Minutes east of UTC of the RFC 3339 date ${text} with the instant ${us}
 * (microseconds since 1970); false unless the text is exactly what
 * sp_zone_format() makes of these two. */
bool sp_zone_of(const char *text, int64_t us, int *minutes);
/* "2002-08-22T18:26:25+07:00" */
void sp_zone_format(int64_t us, int minutes, char out[SP_ZONE_LEN]);

#endif
