/*
 * Options of a command: one table gives both the parsing (getopt_long) and the
 * text of --help.  A command declares its table on the stack, with pointers to
 * its variables, and calls sp_options_parse() first of all.
 */
#ifndef SP_APP_COMMON_OPTIONS_H
#define SP_APP_COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What ${to} of an option points to: bool, const char *, uint64_t. */
enum sp_option_kind { SP_OPT_FLAG, SP_OPT_TEXT, SP_OPT_COUNT };

struct sp_option {
	const char *name; /* without the dashes */
	char letter; /* of the short form, or '\0' */
	enum sp_option_kind kind;
	const char *arg; /* name of the value in the help; NULL for a flag */
	const char *help;
	void *to; /* where the value goes; texts are borrowed from argv */
};

struct sp_usage {
	const char *name; /* "export"; "" for the options before the command */
	const char *args; /* "[OPTION]... [QUERY...]" */
	const char *about; /* what it does, one paragraph */
	const struct sp_option *options;
	size_t n;
	bool options_first; /* all behind the first word is argument, so that
			     * a query may hold -WORD */
};

/*
 * Parse argv[1] to argv[argc - 1]; --help is known to every command.  -1: go
 * on, argv[*first] is the first argument (arguments are moved behind the
 * options).  Else the exit status: 0, the help was printed; 2, an option or
 * value is wrong, which was printed as one line.
 */
int sp_options_parse(
    const struct sp_usage *u, int argc, char **argv, int *first);
/* The same for a command that takes at most ${max} arguments: one too many is
 * an error, too. */
int sp_common_parse_max(
    const struct sp_usage *u, int argc, char **argv, int max, int *first);

#endif
