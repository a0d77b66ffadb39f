/* Options of a command: one table gives parsing (getopt_long) and --help. */
#ifndef SP_APP_COMMON_OPTIONS_H
#define SP_APP_COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum sp_option_kind { SP_OPT_FLAG, SP_OPT_TEXT, SP_OPT_COUNT };

struct sp_option {
	const char *name; /* without the dashes */
	char letter; /* or '\0' */
	enum sp_option_kind kind;
	const char *arg; /* name of the value in the help, or NULL */
	const char *help;
	void *to; /* bool *, const char **, uint64_t * */
};

struct sp_usage {
	const char *name; /* "export" */
	const char *args; /* "[OPTION]... [QUERY...]" */
	const char *about; /* what it does, one paragraph */
	const struct sp_option *options;
	size_t n;
	bool options_first; /* everything after the first word is argument */
};

enum sp_parsed { SP_PARSED_GO, SP_PARSED_HELP, SP_PARSED_BAD };

/*
 * Parse argv[1...]; *first is the index of the first argument (arguments are
 * moved to the end).  SP_PARSED_HELP: the help was printed, exit 0.
 * SP_PARSED_BAD: one line was printed, exit 2.
 */
enum sp_parsed sp_options_parse(
    const struct sp_usage *u, int argc, char **argv, int *first);

#endif
