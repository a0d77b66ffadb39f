/*
 * The commands of sealpost, one function and one file (cmd_NAME.c) each.
 * main.c has the table that names them and calls one after the global options.
 *
 * Every command takes the global options in ${app} and its own arguments,
 * argv[0] being its name (argv may be reordered), prints its results on
 * standard output and everything else on standard error, and returns the exit
 * status: 0 yes or done, 1 no, 2 it could not be done.  What 1 means is said
 * at each; 2 is a wrong argument, a lock, I/O, a configuration, all printed.
 * What the command needs of the archive it opens in ${app}; main() closes it.
 */
#ifndef SP_APP_CMD_CMD_H
#define SP_APP_CMD_CMD_H

#include "app/common/app.h"

/* Make an archive in a directory. */
int sp_cmd_init(struct sp_app *app, int argc, char **argv);
/* Check the configuration, and print what is in force. */
int sp_cmd_config(struct sp_app *app, int argc, char **argv);
/* Run the service in the foreground, until SIGTERM or SIGINT. */
int sp_cmd_serve(struct sp_app *app, int argc, char **argv);
/* Take in mail from files.  1: some of it could not be taken (listed). */
int sp_cmd_import(struct sp_app *app, int argc, char **argv);
/* Fetch from the mailboxes of the configuration, or check an account.  1: an
 * account failed, or a message was not taken. */
int sp_cmd_pull(struct sp_app *app, int argc, char **argv);
/* Find messages.  1: there is none. */
int sp_cmd_search(struct sp_app *app, int argc, char **argv);
/* Show one entry; the access becomes an event of the log. */
int sp_cmd_show(struct sp_app *app, int argc, char **argv);
/* Write the messages of a range as a bag, with its proof. */
int sp_cmd_export(struct sp_app *app, int argc, char **argv);
/* Check the archive or an export.  1: a finding. */
int sp_cmd_verify(struct sp_app *app, int argc, char **argv);
/* Print how the archive and the service are.  1: an alarm is open that nobody
 * acknowledged, or no service runs. */
int sp_cmd_status(struct sp_app *app, int argc, char **argv);
/* List the alarms, or acknowledge some.  1: no such alarm is open. */
int sp_cmd_alarms(struct sp_app *app, int argc, char **argv);
/* List the events of the log.  1: there is none in the range. */
int sp_cmd_audit(struct sp_app *app, int argc, char **argv);
/* Send a mail through the mail server and wait for its copy.  1: none came,
 * which is an alarm. */
int sp_cmd_canary(struct sp_app *app, int argc, char **argv);
/* Name what the archive should have and has not.  1: there is something. */
int sp_cmd_reconcile(struct sp_app *app, int argc, char **argv);
/* Cut and seal the open segment now. */
int sp_cmd_seal(struct sp_app *app, int argc, char **argv);
/* Throw the index away and build it again from the archive. */
int sp_cmd_reindex(struct sp_app *app, int argc, char **argv);
/* Make or change who may log in to a listener. */
int sp_cmd_passwd(struct sp_app *app, int argc, char **argv);
/* Accept journal reports that came from a source which was not trusted. */
int sp_cmd_journal(struct sp_app *app, int argc, char **argv);
/* Print the verification key. */
int sp_cmd_key(struct sp_app *app, int argc, char **argv);
/* Log in to a mailbox with OAuth 2.0, show the tokens' state, or revoke one.
 * 1: the person or the provider refused, an account gets no token. */
int sp_cmd_oauth(struct sp_app *app, int argc, char **argv);
/* Print the inclusion proof of an entry. */
int sp_cmd_proof(struct sp_app *app, int argc, char **argv);

#endif
