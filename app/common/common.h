/* The few lines that every command would repeat. */
#ifndef SP_APP_COMMON_COMMON_H
#define SP_APP_COMMON_COMMON_H

#include "app/common/app.h"
#include "app/common/options.h"

/* Parse; -1: go on with *first set, else the exit status. */
int sp_common_parse(
    const struct sp_usage *u, int argc, char **argv, int *first);
/* As above, for a command that takes at most ${max} arguments. */
int sp_common_parse_max(
    const struct sp_usage *u, int argc, char **argv, int max, int *first);
/* argv[first...] joined by blanks; malloc'ed. */
char *sp_common_join(int argc, char **argv, int first);
/* A sequence number argument; false prints one line. */
bool sp_common_seq(const char *text, uint64_t *seq);
/* Whether ${text} is one of the ${n} names; its place, else -1 and one line. */
int sp_common_choice(
    const char *option, const char *text, const char *const *names, size_t n);
/* Text for a terminal: control bytes become '?', at most ${width} columns
 * (0: any), padded to it unless it is the last of the line. */
void sp_common_cell(const char *text, size_t width, bool last);
/* The same for a value of its own line. */
void sp_common_field(const char *name, const char *text);

#endif
