/*
 * sealpost: the global options, then one command (app/cmd/cmd.h), then the exit
 * status.  The table of commands is here; a new one gets a row, a prototype and
 * a file.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/cmd/cmd.h"
#include "app/common/options.h"
#include "base/time_text.h"

/* A command: its name, its function, and its line in the help. */
struct command_entry {
	const char *name;
	int (*run)(struct sp_app *app, int argc, char **argv);
	const char *about;
};

static const struct command_entry commands[] = {
	{ "init", sp_cmd_init, "make an archive" },
	{ "config", sp_cmd_config, "check or reload the configuration" },
	{ "serve", sp_cmd_serve, "run the service in the foreground" },
	{ "import", sp_cmd_import, "take in mail from files and folders" },
	{ "pull", sp_cmd_pull, "fetch from POP3 and IMAP mailboxes" },
	{ "search", sp_cmd_search, "find messages" },
	{ "show", sp_cmd_show, "show one message" },
	{ "export", sp_cmd_export, "write a range with its proof" },
	{ "verify", sp_cmd_verify, "check the archive or an export" },
	{ "status", sp_cmd_status, "how the archive and the service are" },
	{ "alarms", sp_cmd_alarms, "list and acknowledge alarms" },
	{ "audit", sp_cmd_audit, "list the events of the log" },
	{ "canary", sp_cmd_canary, "see whether mail still comes through" },
	{ "reconcile", sp_cmd_reconcile, "name what the archive should have" },
	{ "seal", sp_cmd_seal, "cut and seal the open segment now" },
	{ "reindex", sp_cmd_reindex, "rebuild the index from the archive" },
	{ "passwd", sp_cmd_passwd, "make and change who may log in" },
	{ "journal", sp_cmd_journal,
	    "accept journal reports that were not trusted" },
	{ "key", sp_cmd_key, "show the verification keys" },
	{ "oauth", sp_cmd_oauth, "log in to mailboxes that are pulled" },
	{ "proof", sp_cmd_proof, "an inclusion proof for one entry" },
};

/* The help of the program, to ${to}: standard error where it is an answer to a
 * mistake. */
static void
print_usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: sealpost [-A DIR] [-c FILE] [--tz ZONE] [-q | -v] COMMAND ...\n\n"
	    "  -A, --archive DIR   the archive; else $SEALPOST_ARCHIVE, the current directory\n"
	    "                      if it is one, /var/lib/sealpost\n"
	    "  -c, --config FILE   the configuration; else ARCHIVE/sealpost.conf\n"
	    "      --tz ZONE       time zone of dates given and printed; else UTC\n"
	    "  -q, --quiet         say only what was asked for\n"
	    "  -v, --verbose       say more\n"
	    "      --version       print the version\n\ncommands:\n");
	for (size_t i = 0; i < SP_COUNTOF(commands); i++)
		(void)fprintf(
		    to, "  %-10s %s\n", commands[i].name, commands[i].about);
	(void)fprintf(to,
	    "\n"
	    "`sealpost COMMAND --help` lists a command's options; see sealpost(1).\n");
}

/* Read the options in front of the command.  0: go on, *first is the command;
 * else the exit status + 1. */
static int
global_options(struct sp_app *app, int argc, char **argv, int *first)
{
	bool help = false, version = false;
	int64_t from, end;
	struct sp_err err;
	const struct sp_option options[] = {
		{ "archive", 'A', SP_OPT_TEXT, "DIR", "", &app->archive_opt },
		{ "config", 'c', SP_OPT_TEXT, "FILE", "", &app->config_opt },
		{ "tz", '\0', SP_OPT_TEXT, "ZONE", "", &app->tz },
		{ "quiet", 'q', SP_OPT_FLAG, NULL, "", &app->quiet },
		{ "verbose", 'v', SP_OPT_FLAG, NULL, "", &app->verbose },
		{ "version", '\0', SP_OPT_FLAG, NULL, "", &version },
		{ "help", 'h', SP_OPT_FLAG, NULL, "", &help },
	};
	const struct sp_usage usage = { "", "", "", options,
		SP_COUNTOF(options), true };

	if (argc > 1 &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		print_usage(stdout);
		return (1);
	}
	if (sp_options_parse(&usage, argc, argv, first) >= 0)
		return (3);
	if (version) {
		printf("sealpost " SP_VERSION "\n");
		return (1);
	}
	if (*first >= argc) {
		print_usage(stderr);
		return (3);
	}
	if (app->tz != NULL && sp_time_parse_human("today", app->tz, 0, &from,
				   &end, &err) != SP_OK)
		return (sp_app_fail(&err) + 1);
	return (0);
}

int
main(int argc, char **argv)
{
	struct sp_app app = { 0 };
	int first, status;

	/* libarchive needs a UTF-8 locale; messages stay English. */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	(void)signal(SIGPIPE, SIG_IGN);
	status = global_options(&app, argc, argv, &first);
	if (status > 0)
		return (status - 1);
	for (size_t i = 0; i < SP_COUNTOF(commands); i++) {
		if (strcmp(argv[first], commands[i].name) != 0)
			continue;
		status = commands[i].run(&app, argc - first, argv + first);
		sp_app_close(&app);
		return (sp_app_finish(status));
	}
	return (sp_app_usage(
	    "no command \"%s\"; see sealpost --help", argv[first]));
}
