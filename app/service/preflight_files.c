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

/* The guard: outside of the archive, and the account may write to it. */
static void
look_at_guard(const struct sp_preflight_look *p)
{
	char text[128];
	bool whole = false;
	struct stat st;
	char *real;

	if (p->cfg->guard == NULL)
		return;
	real = sp_inside_nearest(p->cfg->guard, &whole);
	if (p->dir != NULL && sp_inside(real, p->dir))
		sp_preflight_say(p, SP_PREFLIGHT_STOPS, "", "", "guard",
		    "the guard %s lies inside of the archive: a backup that brings back an old archive would bring back an old guard with it; expected a directory outside, best on another disk",
		    p->cfg->guard);
	else if (!p->stranger && stat(real, &st) == 0 && !S_ISDIR(st.st_mode))
		sp_preflight_say(p, SP_PREFLIGHT_LATER, "", "", "guard",
		    "the guard copy cannot be kept in %s: %s is no directory",
		    p->cfg->guard, real);
	else if (!p->stranger && access(real, W_OK | X_OK) != 0)
		sp_preflight_say(p, SP_PREFLIGHT_LATER, "", "", "guard",
		    "user %s cannot write the guard copy to %s: %s",
		    p->account.name, p->cfg->guard,
		    strerror_r(errno, text, sizeof(text)));
	else if (!whole && !p->stranger)
		sp_preflight_say(p, SP_PREFLIGHT_NOTE, "", "", "guard",
		    "the guard directory %s is not there; it is made at the next checkpoint",
		    p->cfg->guard);
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
