/*
 * `sealpost passwd`: make, change, remove and list who may log in to a
 * listener, in a file of users (doc/format-users.md).  The file has what SCRAM
 * needs to check a password (RFC 5802), never the password, which is read here
 * and wiped.  It is replaced as a whole, and only if what is there can be
 * parsed; a running service takes it at its next reload.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "app/cmd/cmd.h"
#include "app/common/account.h"
#include "app/common/interrupt.h"
#include "app/common/options.h"
#include "base/io.h"
#include "journal/smtp/users.h"

#define PASSWORD_MIN  8 /* characters */
#define PASSWORD_LINE 1024 /* bytes of a line that is read */

struct passwd_opts {
	const char *file; /* NULL: the one that the configuration names */
	const char *name; /* of the user */
	bool list, delete;
	uint64_t iterations; /* of a new password's hash */
};

/* ---- the password ---------------------------------------------------- */

/* What a password may be, as an error. */
static enum sp_code
wrong_password(struct sp_err *err)
{
	return (sp_err_set(err, SP_EUSAGE, 0,
	    "a password is %d to %d characters of printable ASCII (letters, digits, punctuation, blanks)",
	    PASSWORD_MIN, SP_SCRAM_PASSWORD_MAX));
}

/* One line of standard input, without its end, as a view into ${out}, which the
 * caller wipes. */
static enum sp_code
read_line(char out[PASSWORD_LINE], struct sp_view *v, struct sp_err *err)
{
	size_t n;

	if (fgets(out, PASSWORD_LINE, stdin) == NULL && sp_interrupted())
		return (sp_err_set(
		    err, SP_EUSAGE, 0, "interrupted; nothing was changed"));
	if (out[0] == '\0')
		return (sp_err_set(
		    err, SP_EUSAGE, 0, "no password on standard input"));
	n = strlen(out);
	if (n == 0 || out[n - 1] != '\n') {
		if (!feof(stdin))
			return (wrong_password(err));
	} else
		n--;
	if (n > 0 && out[n - 1] == '\r')
		n--;
	*v = sp_view_mem(out, n);
	return (SP_OK);
}

/* The same at a terminal, with its echo off.  Ctrl-C does not end the program
 * in between, which would leave it off. */
static enum sp_code
prompt_password(const char *prompt, char out[PASSWORD_LINE], struct sp_view *v,
    struct sp_err *err)
{
	struct termios old, quiet;
	enum sp_code rc;

	sp_interrupt_catch();
	if (tcgetattr(STDIN_FILENO, &old) != 0)
		return (sp_err_set(
		    err, SP_EIO, errno, "cannot switch off the echo"));
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL;
	(void)fprintf(stderr, "%s: ", prompt);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) != 0)
		return (sp_err_set(
		    err, SP_EIO, errno, "cannot switch off the echo"));
	rc = read_line(out, v, err);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	return (rc);
}

/* The new password: asked for twice at a terminal, else a line of standard
 * input.  SP_EUSAGE for one that may not be. */
static enum sp_code
get_password(char out[PASSWORD_LINE], struct sp_view *v, struct sp_err *err)
{
	char again[PASSWORD_LINE] = "";
	struct sp_view w = { NULL, 0 };
	enum sp_code rc;

	if (!isatty(STDIN_FILENO)) {
		rc = read_line(out, v, err);
	} else {
		rc = prompt_password("New password", out, v, err);
		if (rc == SP_OK)
			rc = prompt_password("The same again", again, &w, err);
		if (rc == SP_OK && !sp_view_eq(*v, w))
			rc = sp_err_set(err, SP_EUSAGE, 0,
			    "the two passwords differ; nothing was changed");
		explicit_bzero(again, sizeof(again));
	}
	if (rc == SP_OK && (v->n < PASSWORD_MIN || !sp_scram_password_ok(*v)))
		rc = wrong_password(err);
	return (rc);
}

/* ---- the file -------------------------------------------------------- */

/* Set ${path}, if it is NULL, to the file that the listeners name; SP_EUSAGE
 * where they name none or several. */
static enum sp_code
find_file(struct sp_app *app, const char **path, struct sp_err *err)
{
	enum sp_code rc;

	if (*path != NULL)
		return (SP_OK);
	rc = sp_app_open(app, err);
	if (rc != SP_OK)
		return (rc);
	for (size_t i = 0; i < app->cfg->nlisten; i++) {
		const char *one = app->cfg->listen[i].auth_users;

		if (one == NULL)
			continue;
		if (*path != NULL && strcmp(*path, one) != 0)
			return (sp_err_set(err, SP_EUSAGE, 0,
			    "the listeners have several files of users; name one with --file"));
		*path = one;
	}
	if (*path == NULL)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "no listener has auth_users; name a file with --file"));
	return (SP_OK);
}

/* The mode of the new file: that of the old one, but nobody beside owner and
 * group may read it. */
static mode_t
file_mode(const char *path)
{
	struct stat st;

	return (stat(path, &st) == 0 ? st.st_mode & 0640 : 0600);
}

/* The file as it is, or nothing.  It must parse as a whole: a slip of the path
 * would lose another file. */
static enum sp_code
read_old(const char *path, struct sp_buf *old, struct sp_err *err)
{
	struct sp_users *u = NULL;
	enum sp_code rc;

	if (!sp_io_exists(path))
		return (SP_OK);
	rc = sp_io_read_file(path, SP_USERS_FILE_MAX, old, err);
	if (rc == SP_OK)
		rc = sp_users_parse(path, sp_buf_view(old), &u, err);
	sp_users_free(u);
	return (rc);
}

/* Replace the file by ${old} with the user's line changed to ${v}, or removed
 * where that is NULL.  ${existed}: whether there was one. */
static enum sp_code
write_new(const struct passwd_opts *p, struct sp_view old,
    const struct sp_scram_verifier *v, bool *existed, struct sp_err *err)
{
	struct sp_users *u = NULL;
	struct sp_buf out;
	enum sp_code rc;

	sp_buf_init(&out, SP_USERS_FILE_MAX);
	if (sp_users_edit(old, p->name, v, &out, existed) != SP_OK)
		rc = sp_err_set(err, SP_ELIMIT, 0, "%s: larger than %u bytes",
		    p->file, SP_USERS_FILE_MAX);
	else
		rc = sp_users_parse(p->file, sp_buf_view(&out), &u, err);
	sp_users_free(u);
	if (rc == SP_OK && v == NULL && !*existed)
		rc = sp_err_set(
		    err, SP_ENOTFOUND, 0, "%s: no user %s", p->file, p->name);
	if (rc == SP_OK)
		rc = sp_io_replace(
		    p->file, out.p, out.n, file_mode(p->file), err);
	sp_buf_done(&out);
	return (rc);
}

/* Make, change or remove the user. */
static enum sp_code
change(
    const struct sp_app *app, const struct passwd_opts *p, struct sp_err *err)
{
	struct sp_scram_verifier v;
	struct sp_view password;
	char line[PASSWORD_LINE] = "";
	struct sp_buf old;
	enum sp_code rc;
	bool existed = false;

	sp_buf_init(&old, SP_USERS_FILE_MAX);
	rc = read_old(p->file, &old, err);
	if (rc == SP_OK && !p->delete)
		rc = get_password(line, &password, err);
	if (rc == SP_OK && !p->delete)
		sp_scram_make(password, (uint32_t)p->iterations, &v);
	explicit_bzero(line, sizeof(line));
	if (rc == SP_OK)
		rc = write_new(
		    p, sp_buf_view(&old), p->delete ? NULL : &v, &existed, err);
	sp_buf_done(&old);
	if (rc == SP_OK && !app->quiet)
		(void)fprintf(stderr,
		    "%s: user %s %s; a running service takes it at its next reload (SIGHUP)\n",
		    p->file, p->name,
		    p->delete ? "removed"
		    : existed ? "changed"
			      : "added");
	return (rc);
}

/* The names of the users on standard output. */
static enum sp_code
list(const struct passwd_opts *p, struct sp_err *err)
{
	struct sp_users *u = NULL;
	enum sp_code rc = sp_users_load(p->file, &u, err);

	for (size_t i = 0; rc == SP_OK && i < u->n; i++)
		printf("%s\n", u->v[i].name);
	sp_users_free(u);
	return (rc);
}

/* A file that the configuration names is changed as the archive's account,
 * whose workers read it; one of --file as whoever calls. */
static enum sp_code
run(struct sp_app *app, struct passwd_opts *p, struct sp_err *err)
{
	struct sp_account account = { .other = false };
	bool named = p->file != NULL;
	enum sp_code rc = find_file(app, &p->file, err);

	if (rc != SP_OK || p->list)
		return (rc == SP_OK ? list(p, err) : rc);
	if (!named)
		rc = sp_account_find(app->dir, app->cfg, &account, err);
	if (rc != SP_OK)
		return (rc);
	sp_account_enter(&account);
	rc = change(app, p, err);
	sp_account_leave(&account);
	return (rc);
}

/* All that can be checked of the arguments is checked before a password is
 * asked for. */
int
sp_cmd_passwd(struct sp_app *app, int argc, char **argv)
{
	struct passwd_opts p = { .iterations = SP_SCRAM_ITERATIONS };
	const struct sp_option options[] = {
		{ "file", 'f', SP_OPT_TEXT, "FILE",
		    "the file of users; else auth_users of the configuration",
		    &p.file },
		{ "list", 'l', SP_OPT_FLAG, NULL, "print the names", &p.list },
		{ "delete", 'd', SP_OPT_FLAG, NULL, "remove the user",
		    &p.delete },
		{ "iterations", '\0', SP_OPT_COUNT, "N",
		    "rounds of hashing, 4096 or more; else 100000",
		    &p.iterations },
	};
	const struct sp_usage usage = { "passwd", "[OPTION]... [USER]",
		"Make or change who may log in to a listener.  The password is asked for at a terminal,\n"
		"else it is the first line of standard input.  The file holds no password.",
		options, SP_COUNTOF(options), false };
	struct sp_err err;
	int first, status;

	status = sp_common_parse_max(&usage, argc, argv, 1, &first);
	if (status >= 0)
		return (status);
	p.name = first < argc ? argv[first] : NULL;
	if (p.list ? p.name != NULL || p.delete : p.name == NULL)
		return (sp_app_usage(
		    "write `sealpost passwd USER`, `sealpost passwd --delete USER` or `sealpost passwd --list`"));
	if (p.name != NULL && !sp_scram_name_ok(sp_view_str(p.name)))
		return (sp_app_usage(
		    "a user's name is 1 to %d of A-Z a-z 0-9 . _ @ + -",
		    SP_SCRAM_NAME_MAX));
	if (p.iterations < SP_SCRAM_ITERATIONS_MIN ||
	    p.iterations > SP_SCRAM_ITERATIONS_MAX)
		return (sp_app_usage("--iterations takes %d to %d",
		    SP_SCRAM_ITERATIONS_MIN, SP_SCRAM_ITERATIONS_MAX));
	if (run(app, &p, &err) != SP_OK)
		return (sp_app_fail(&err));
	return (0);
}
