/*
 * Text from mail, files or a peer on a terminal: cut and padded to the columns
 * of a table, with every control byte and everything that is no character
 * shown as '?', so that no message can move the cursor or change a terminal.
 */
#ifndef SP_APP_COMMON_CELL_H
#define SP_APP_COMMON_CELL_H

#include <stdbool.h>
#include <stddef.h>

/* Print ${text} (NULL: nothing) on standard output, at most ${width} columns
 * of it (0: all of it), padded with blanks to ${width} unless it is the
 * ${last} of its line. */
void sp_common_cell(const char *text, size_t width, bool last);
/* Print a line "NAME         TEXT", the name padded to 12 columns. */
void sp_common_field(const char *name, const char *text);

#endif
