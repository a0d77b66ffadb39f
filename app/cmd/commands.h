/* The commands; each is one file.  argv[0] is the command's own name. */
#ifndef SP_APP_CMD_COMMANDS_H
#define SP_APP_CMD_COMMANDS_H

#include "app/common/app.h"

int sp_cmd_init(struct sp_app *app, int argc, char **argv);
int sp_cmd_config(struct sp_app *app, int argc, char **argv);
int sp_cmd_serve(struct sp_app *app, int argc, char **argv);
int sp_cmd_import(struct sp_app *app, int argc, char **argv);
int sp_cmd_pull(struct sp_app *app, int argc, char **argv);
int sp_cmd_search(struct sp_app *app, int argc, char **argv);
int sp_cmd_show(struct sp_app *app, int argc, char **argv);
int sp_cmd_export(struct sp_app *app, int argc, char **argv);
int sp_cmd_verify(struct sp_app *app, int argc, char **argv);
int sp_cmd_status(struct sp_app *app, int argc, char **argv);
int sp_cmd_audit(struct sp_app *app, int argc, char **argv);
int sp_cmd_canary(struct sp_app *app, int argc, char **argv);
int sp_cmd_reconcile(struct sp_app *app, int argc, char **argv);
int sp_cmd_seal(struct sp_app *app, int argc, char **argv);
int sp_cmd_reindex(struct sp_app *app, int argc, char **argv);
int sp_cmd_passwd(struct sp_app *app, int argc, char **argv);
int sp_cmd_key(struct sp_app *app, int argc, char **argv);
int sp_cmd_oauth(struct sp_app *app, int argc, char **argv);
int sp_cmd_proof(struct sp_app *app, int argc, char **argv);

#endif
