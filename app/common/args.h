/*
 * What a command does with its arguments once the options are parsed
 * (app/common/options.h): a sequence number, a query of several words, a
 * value that must be one of a few names.
 */
#ifndef SP_APP_COMMON_ARGS_H
#define SP_APP_COMMON_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* argv[first] to argv[argc - 1] joined by single blanks, such as a query;
 * malloc'ed, the caller frees it.  At most 1 MiB, the rest is left out. */
char *sp_args_join(int argc, char **argv, int first);
/* Read a sequence number (decimal, at most SP_SEQ_MAX) into ${seq}.  False: it
 * is none, which was printed; the command exits with 2. */
bool sp_args_seq(const char *text, uint64_t *seq);
/* The place of ${text}, the value of --${option}, among ${n} ${names}.  -1: it
 * is none of them, which was printed with the list; the command
 * exits with 2. */
int sp_args_choice(
    const char *option, const char *text, const char *const *names, size_t n);

#endif
