/*
 * Parsing of options by getopt_long() and the help text, both from one table.
 * The first thing that each command does, and main() for the options in front
 * of the command.  An option that is wrong is printed here, so that all
 * commands say it in the same words.
 */
#include "app/common/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/common/app.h"
#include "base/buf.h"

#define FIRST_LONG 256

/* The text of --help on standard output: usage, purpose, a line an option. */
static void
print_help(const struct sp_usage *u)
{
	printf("usage: sealpost %s %s\n\n%s\n", u->name, u->args, u->about);
	if (u->n > 0)
		printf("\noptions:\n");
	for (size_t i = 0; i < u->n; i++) {
		const struct sp_option *o = &u->options[i];
		char left[64];

		(void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s",
		    o->letter != '\0' ? '-' : ' ',
		    o->letter != '\0' ? o->letter : ' ',
		    o->letter != '\0' ? ", " : "  ", o->name,
		    o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
		printf("  %-30s %s\n", left, o->help);
	}
	printf("\nsee sealpost-%s(1)\n", u->name);
}

/* Store an option's value where its table says; false if the value is no whole
 * number, which was printed. */
static bool
store(const struct sp_option *o, const char *value)
{
	switch (o->kind) {
	case SP_OPT_FLAG:
		*(bool *)o->to = true;
		return (true);
	case SP_OPT_TEXT:
		*(const char **)o->to = value;
		return (true);
	case SP_OPT_COUNT:
		if (sp_view_u64(sp_view_str(value), (uint64_t *)o->to))
			return (true);
		(void)sp_app_usage(
		    "--%s takes a whole number, not \"%s\"", o->name, value);
		return (false);
	}
	return (false);
}

/* The table as getopt_long() wants it, with --help and the closing entry;
 * malloc'ed. */
static struct option *
long_options(const struct sp_usage *u)
{
	struct option *v = sp_xcalloc(u->n + 2, sizeof(*v));

	for (size_t i = 0; i < u->n; i++) {
		v[i].name = u->options[i].name;
		v[i].has_arg = u->options[i].kind == SP_OPT_FLAG
				   ? no_argument
				   : required_argument;
		v[i].val = FIRST_LONG + (int)i;
	}
	v[u->n].name = "help";
	v[u->n].val = 'h';
	return (v);
}

/* The short options as getopt_long() wants them; malloc'ed.  ":" in front: a
 * missing value is reported as ':', not printed; "+": parsing stops at the
 * first word that is no option. */
static char *
short_options(const struct sp_usage *u)
{
	char *s = sp_xcalloc(2 * u->n + 8, 1);
	size_t n = 0;

	if (u->options_first)
		s[n++] = '+';
	s[n++] = ':';
	s[n++] = 'h';
	for (size_t i = 0; i < u->n; i++) {
		if (u->options[i].letter == '\0')
			continue;
		s[n++] = u->options[i].letter;
		if (u->options[i].kind != SP_OPT_FLAG)
			s[n++] = ':';
	}
	return (s);
}

/* The option that getopt_long() returned as ${c}, a letter or FIRST_LONG +
 * index; NULL for none. */
static const struct sp_option *
find_option(const struct sp_usage *u, int c)
{
	if (c >= FIRST_LONG && (size_t)(c - FIRST_LONG) < u->n)
		return (&u->options[c - FIRST_LONG]);
	for (size_t i = 0; i < u->n; i++) {
		if (u->options[i].letter != '\0' && u->options[i].letter == c)
			return (&u->options[i]);
	}
	return (NULL);
}

/* What the person wrote that getopt_long() did not accept: a letter inside of a
 * cluster (-xyz), built in ${letter}, or the whole word that it just left. */
static const char *
bad_option(char *const *argv, char letter[3])
{
	if (optopt <= 0 || optopt >= FIRST_LONG)
		return (argv[optind - 1]);
	letter[0] = '-';
	letter[1] = (char)optopt;
	letter[2] = '\0';
	return (letter);
}

/* Print what is wrong with the option.  The global options have no command's
 * name in front. */
static void
print_bad_option(
    const struct sp_usage *u, bool value_missing, char *const *argv)
{
	bool global = u->name[0] == '\0';
	char letter[3];

	(void)sp_app_usage("%s%s%s%s%s%s; see sealpost %s%s--help", u->name,
	    global ? "" : ": ", value_missing ? "" : "no option ",
	    bad_option(argv, letter), value_missing ? " needs a value" : "",
	    u->options_first && !global && !value_missing
		? " (write -- before a query that begins with -)"
		: "",
	    u->name, global ? "" : " ");
}

/* Clears the state of getopt_long() first (optind 0): commands parse behind the
 * global options. */
int
sp_options_parse(const struct sp_usage *u, int argc, char **argv, int *first)
{
	struct option *longs = long_options(u);
	char *shorts = short_options(u);
	int status = -1, c;

	opterr = 0;
	optind = 0;
	while (status < 0 &&
	       (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct sp_option *o = find_option(u, c);

		if (c == 'h') {
			print_help(u);
			status = 0;
		} else if (o != NULL) {
			if (!store(o, optarg))
				status = 2;
		} else {
			print_bad_option(u, c == ':', argv);
			status = 2;
		}
	}
	*first = optind;
	free(longs);
	free(shorts);
	return (status);
}

int
sp_common_parse_max(
    const struct sp_usage *u, int argc, char **argv, int max, int *first)
{
	int status = sp_options_parse(u, argc, argv, first);

	if (status >= 0 || argc - *first <= max)
		return (status);
	return (sp_app_usage(
	    "%s: one argument too many: \"%s\"; see sealpost %s --help",
	    u->name, argv[*first + max], u->name));
}
