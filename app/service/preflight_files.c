/*
 * Preflight: the files, programs and directories that a configuration names.
 * They are opened as the service would open them, and nothing is kept of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/common/inside.h"
#include "app/service/preflight_priv.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/layout.h"
#include "base/secret.h"
#include "journal/smtp/users.h"

#define VKEY_MAX 4096 /* bytes of a file with the verification key */

/* ---- secrets --------------------------------------------------------------- */

/* A file with a secret: readable, and not by everybody. */
static void
look_at_secret(const struct sp_preflight_look *p, const char *section,
    const char *title, const char *option, const char *path, bool secret)
{
	struct sp_buf b;
	struct sp_err err;

	if (path == NULL)
		return;
	if (strncmp(path, "credential:", strlen("credential:")) == 0 &&
	    getenv("CREDENTIALS_DIRECTORY") == NULL) {
		sp_preflight_say(p, SP_PREFLIGHT_NOTE, section, title, option,
		    "%s was not looked at: systemd gives it to the service alone",
		    path);
		return;
	}
	if (sp_secret_file(
		option, path, secret, SP_SECRET_FILE_MAX, &b, &err) != SP_OK)
		sp_preflight_say(p,
		    p->stranger && err.errnum == EACCES ? SP_PREFLIGHT_NOTE
							: SP_PREFLIGHT_LATER,
		    section, title, option, "%s", err.msg);
	sp_secret_done(&b);
}

/* Accounts that are not active need nothing. */
void
sp_preflight_secrets(const struct sp_preflight_look *p)
{
	for (size_t i = 0; i < p->cfg->npull; i++) {
		const struct sp_pull_conf *c = &p->cfg->pull[i];
		const struct {
			const char *option, *path;
			bool secret;
		} files[] = {
			{ "password_file", c->password_file, true },
			{ "client_secret_file", c->oauth.client_secret_file,
			    true },
			{ "client_certificate", c->oauth.client_certificate,
			    false },
			{ "client_key", c->oauth.client_key, true },
			{ "service_account_file", c->oauth.service_account_file,
			    true },
		};

		for (size_t k = 0; c->active && k < SP_COUNTOF(files); k++)
			look_at_secret(p, "pull", c->name, files[k].option,
			    files[k].path, files[k].secret);
	}
	look_at_secret(p, "submit", "", "password_file",
	    p->cfg->submit_password_file, true);
}

/* ---- the rest -------------------------------------------------------------- */

/* A file that is read when it is needed. */
static void
look_at_file(const struct sp_preflight_look *p, const char *section,
    const char *title, const char *option, const char *path)
{
	char text[128];
	struct stat st;
	int e = 0;

	if (path == NULL)
		return;
	if (stat(path, &st) != 0 || access(path, R_OK) != 0)
		e = errno;
	if (e != 0)
		sp_preflight_say(p, SP_PREFLIGHT_LATER, section, title, option,
		    "cannot read %s: %s", path,
		    strerror_r(e, text, sizeof(text)));
	else if (!S_ISREG(st.st_mode))
		sp_preflight_say(p, SP_PREFLIGHT_LATER, section, title, option,
		    "%s is no regular file", path);
}

/* A program that is run when there is an alarm. */
static void
look_at_command(const struct sp_preflight_look *p)
{
	const char *path = p->cfg->alarm_command;
	char text[128];
	struct stat st;

	if (path == NULL)
		return;
	if (stat(path, &st) != 0)
		sp_preflight_say(p, SP_PREFLIGHT_LATER, "alarm", "", "command",
		    "the command %s cannot be run: %s", path,
		    strerror_r(errno, text, sizeof(text)));
	else if (!S_ISREG(st.st_mode) || access(path, X_OK) != 0)
		sp_preflight_say(p, SP_PREFLIGHT_LATER, "alarm", "", "command",
		    "%s is no program that user %s may run (chmod +x %s)", path,
		    p->account.name[0] == '\0' ? "of the service"
					       : p->account.name,
		    path);
}

/* Whether the verification key in a guard directory, the file ${path}, is that
 * of the archive; also where one of them cannot be read, which is told
 * elsewhere. */
static bool
is_our_key(const struct sp_preflight_look *p, const char *path)
{
	char *own = sp_layout_path(p->dir, "keys/log.vkey");
	struct sp_buf theirs, ours;
	bool is = true;

	sp_buf_init(&theirs, VKEY_MAX);
	sp_buf_init(&ours, VKEY_MAX);
	if (sp_io_read_file(path, VKEY_MAX, &theirs, NULL) == SP_OK &&
	    sp_io_read_file(own, VKEY_MAX, &ours, NULL) == SP_OK)
		is = sp_view_eq(sp_buf_view(&theirs), sp_buf_view(&ours));
	sp_buf_done(&ours);
	sp_buf_done(&theirs);
	free(own);
	return (is);
}

/* The guard directory of an archive that there is: the one that `init` made or
 * a copy of it.  An empty mount point is none.  While its disk is away mail is
 * taken, so a reload must be possible. */
static void
look_in_guard(const struct sp_preflight_look *p, bool is_there)
{
	char *key = sp_layout_path(p->cfg->guard, "log.vkey");

	if (!is_there)
		sp_preflight_say(p, SP_PREFLIGHT_NOTE, "", "", "guard",
		    "the guard directory %s is not there, and the service does not make it; mount its disk, or copy the old guard directory there",
		    p->cfg->guard);
	else if (access(key, F_OK) != 0)
		sp_preflight_say(p, SP_PREFLIGHT_LATER, "", "", "guard",
		    "the guard directory %s has no log.vkey, which verify needs; mount its disk, or copy the old guard directory there",
		    p->cfg->guard);
	else if (!is_our_key(p, key))
		sp_preflight_say(p, SP_PREFLIGHT_STOPS, "", "", "guard",
		    "the guard directory %s belongs to another log; give each archive a guard of its own",
		    p->cfg->guard);
	free(key);
}

/* What the account may do in the guard directory, of which ${real} is there.
 * One that it cannot read keeps workers from starting. */
static void
look_at_guard_rights(
    const struct sp_preflight_look *p, const char *real, bool is_whole)
{
	char text[128];
	struct stat st;

	if (stat(real, &st) == 0 && !S_ISDIR(st.st_mode))
		sp_preflight_say(p, SP_PREFLIGHT_STOPS, "", "", "guard",
		    "the guard copy cannot be kept in %s: %s is no directory",
		    p->cfg->guard, real);
	else if (access(real, X_OK) != 0)
		sp_preflight_say(p, SP_PREFLIGHT_STOPS, "", "", "guard",
		    "user %s cannot read the guard copy in %s: %s",
		    p->account.name, p->cfg->guard,
		    strerror_r(errno, text, sizeof(text)));
	else if (access(real, W_OK) != 0)
		sp_preflight_say(p, SP_PREFLIGHT_LATER, "", "", "guard",
		    "user %s cannot write the guard copy to %s: %s",
		    p->account.name, p->cfg->guard,
		    strerror_r(errno, text, sizeof(text)));
	else if (p->dir != NULL)
		look_in_guard(p, is_whole);
}

/* The guard: outside of the archive, and of use to the account. */
static void
look_at_guard(const struct sp_preflight_look *p)
{
	bool is_whole = false;
	char *real;

	if (p->cfg->guard == NULL)
		return;
	real = sp_inside_nearest(p->cfg->guard, &is_whole);
	if (p->dir != NULL && sp_inside(real, p->dir))
		sp_preflight_say(p, SP_PREFLIGHT_STOPS, "", "", "guard",
		    "the guard %s lies inside of the archive: a backup that brings back an old archive would bring back an old guard with it; expected a directory outside, best on another disk",
		    p->cfg->guard);
	else if (!p->stranger)
		look_at_guard_rights(p, real, is_whole);
	free(real);
}

/* The keys that sign: without them nothing that comes in is ever sealed. */
static void
look_at_keys(const struct sp_preflight_look *p)
{
	static const char *const names[] = { "keys/log.key", "keys/seal.key",
		"keys/seal.crt" };
	char text[128];

	for (size_t i = 0;
	     p->dir != NULL && !p->stranger && i < SP_COUNTOF(names); i++) {
		char *path = sp_layout_path(p->dir, names[i]);

		if (access(path, R_OK) != 0)
			sp_preflight_say(p, SP_PREFLIGHT_LATER, "", "", "",
			    "user %s cannot read %s: %s; without it nothing is signed",
			    p->account.name, path,
			    strerror_r(errno, text, sizeof(text)));
		free(path);
	}
}

/* Who may log in at the listeners: a file with a mistake lets nobody in. */
static void
look_at_users(const struct sp_preflight_look *p)
{
	for (size_t i = 0; i < p->cfg->nlisten; i++) {
		const struct sp_listen *l = &p->cfg->listen[i];
		struct sp_users *users = NULL;
		struct sp_err err;

		if (l->auth_users != NULL &&
		    sp_users_load(l->auth_users, &users, &err) != SP_OK)
			sp_preflight_say(p,
			    p->stranger && err.errnum == EACCES
				? SP_PREFLIGHT_NOTE
				: SP_PREFLIGHT_STOPS,
			    "listen", l->name, "auth_users", "%s", err.msg);
		sp_users_free(users);
	}
}

void
sp_preflight_files(const struct sp_preflight_look *p)
{
	look_at_guard(p);
	look_at_keys(p);
	look_at_users(p);
	look_at_command(p);
	for (size_t i = 0; i < p->cfg->npull; i++) {
		const struct sp_pull_conf *c = &p->cfg->pull[i];

		if (!c->active)
			continue;
		look_at_file(p, "pull", c->name, "ca", c->ca);
		look_at_file(p, "pull", c->name, "crl", c->crl);
		look_at_file(p, "pull", c->name, "oauth_ca", c->oauth.ca);
	}
	look_at_file(p, "submit", "", "ca", p->cfg->submit_ca);
}
