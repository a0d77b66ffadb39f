/*
 * `sealpost init`: make an archive in an empty or new directory: keys, a
 * commented sealpost.conf, entry 0, its checkpoint, and the guard copy beside
 * it (doc/format-archive.md).  The making is journal/seal/create.h; this file
 * works out origin, paths and the configuration's text, hands the archive to
 * its account and group, and prints the key that auditors need.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/cmd/cmd.h"
#include "app/common/account.h"
#include "app/common/options.h"
#include "app/host/host.h"
#include "app/host/init_continues.h"
#include "base/io.h"
#include "base/layout.h"
#include "journal/seal/create.h"
#include "journal/tree/note.h"

#define CONF_MAX (1u << 20) /* bytes of a configuration */
/* The archive that dist/sealpost.service keeps. */
#define UNIT_ARCHIVE "/var/lib/sealpost"

/* The values of the options, NULL for those not given. */
struct init_opts {
	const char *origin, *listen, *user, *group, *guard, *continues;
};

/* Take the last name off the path, for "..".  What leads through a link is
 * resolved first: its parent is that of the link's target. */
static void
drop_last_name(struct sp_buf *path)
{
	char *real = path->n == 0 ? NULL : realpath(sp_buf_cstr(path), NULL);

	if (real != NULL) {
		sp_buf_clear(path);
		if (sp_buf_adds(path, real) != SP_OK)
			abort();
		free(real);
	}
	while (path->n > 0 && path->p[--path->n] != '/')
		;
}

/* The absolute path that ${path} means, without "." and "..", malloc'ed; it
 * need not exist yet.  The guard's name and place are derived from it. */
static char *
absolute(const char *path)
{
	char *cwd = path[0] == '/' ? NULL : realpath(".", NULL);
	char *full = sp_xasprintf("%s/%s", cwd == NULL ? "" : cwd, path);
	struct sp_view rest = sp_view_str(full), w;
	struct sp_buf out;
	char *made;

	sp_buf_init(&out, 2 * SP_PATH_MAX + strlen(full));
	while (rest.p != NULL) {
		w = sp_view_cut(&rest, '/');
		if (sp_view_eq_str(w, ".."))
			drop_last_name(&out);
		else if (w.n > 0 && !sp_view_eq_str(w, ".") &&
			 (sp_buf_addc(&out, '/') != SP_OK ||
			     sp_buf_addv(&out, w) != SP_OK))
			abort();
	}
	made = sp_xstrdup(out.n == 0 ? "/" : sp_buf_cstr(&out));
	sp_buf_done(&out);
	free(full);
	free(cwd);
	return (made);
}

/* The origin without --origin: "HOST/DIRECTORY", what an origin may not hold
 * replaced by '-'; malloc'ed. */
static char *
default_origin(const char *dir)
{
	char host[128] = "localhost";
	const char *name = strrchr(dir, '/');
	char *origin;

	(void)gethostname(host, sizeof(host) - 1);
	name = name == NULL || name[1] == '\0' ? "archive" : name + 1;
	origin = sp_xasprintf("%.60s/%.60s", host, name);
	for (char *p = origin; *p != '\0'; p++) {
		if (*p <= ' ' || *p == '+' || *p > '~')
			*p = '-';
	}
	return (origin);
}

/* The drop-in that lets the unit of the package, which may write to its own
 * places only, write to these; nothing where they are those. */
static void
print_drop_in(const char *dir, const char *guard)
{
	const bool moved = strcmp(dir, UNIT_ARCHIVE) != 0;

	if (!moved && strcmp(guard, UNIT_ARCHIVE ".guard") == 0)
		return;
	printf(
	    "\nThe systemd unit may write to " UNIT_ARCHIVE " and " UNIT_ARCHIVE
	    ".guard only.  For this\narchive it needs a drop-in; write it with `systemctl edit sealpost`:\n"
	    "  [Service]\n");
	if (moved)
		printf("  ExecStart=\n"
		       "  ExecStart=sealpost -A %s serve\n"
		       "  ExecReload=\n"
		       "  ExecReload=sealpost -A %s -q config check\n"
		       "  ExecReload=sealpost -A %s config reload\n"
		       "  ReadWritePaths=%s\n",
		    dir, dir, dir, dir);
	printf("  ReadWritePaths=-%s\n", guard);
	if (moved)
		printf(
		    "and others with `systemctl edit sealpost-verify`, and, with canary for verify,\n"
		    "sealpost-canary:\n"
		    "  [Service]\n"
		    "  ExecStart=\n"
		    "  ExecStart=sealpost -A %s verify\n"
		    "  ReadWritePaths=%s\n",
		    dir, dir);
}

/* What was made, for whoever keeps the archive, with the key that auditors
 * need. */
static void
print_result(const struct sp_app *app, const char *dir, const char *guard)
{
	char *path = sp_layout_path(dir, "keys/log.vkey");
	char print[80], text[300];
	struct sp_vkey vkey;

	if (!app->quiet && sp_vkey_load(path, &vkey, NULL) == SP_OK) {
		sp_vkey_format(&vkey, text);
		sp_vkey_fingerprint(&vkey, print);
		printf(
		    "archive      %s\n"
		    "origin       %s\n"
		    "key          %s\n"
		    "fingerprint  %s\n"
		    "guard copy   %s\n\n"
		    "Give the key line to your auditors now, by a way that does not lead through this\n"
		    "machine: with it they can check every export without trusting us.  Next:\n"
		    "  sealpost -A %s serve\n",
		    dir, vkey.name, text, print, guard, dir);
	}
	free(path);
}

/* Sign a checkpoint over entry 0 at once, so that the archive verifies from the
 * beginning. */
static enum sp_code
first_checkpoint(struct sp_app *app, const char *dir, struct sp_err *err)
{
	struct sp_host *host = NULL;
	enum sp_code rc;

	app->archive_opt = dir;
	rc = sp_app_open(app, err);
	if (rc == SP_OK)
		rc = sp_host_open(app, &host, err);
	if (rc == SP_OK)
		rc = sp_host_cover(host, 0, err);
	if (rc == SP_OK)
		rc = sp_app_keep_config(app, err);
	sp_host_close(host);
	return (rc);
}

/* sp_config_template() failed: which of the values could not stand in a
 * configuration, as SP_EUSAGE. */
static enum sp_code
explain_template(
    const struct init_opts *in, const char *guard, struct sp_err *err)
{
	struct sp_buf text;
	bool listen, user;

	sp_buf_init(&text, 1u << 20);
	listen = sp_config_template(&text, in->listen, NULL, NULL) == SP_OK;
	sp_buf_clear(&text);
	user = sp_config_template(&text, NULL, in->user, NULL) == SP_OK;
	sp_buf_done(&text);
	if (!listen)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "--listen \"%s\": write ADDRESS:PORT, such as 127.0.0.1:2525 or [::1]:2525",
		    in->listen));
	if (!user)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "--user \"%s\" is not the name of an account", in->user));
	return (sp_err_set(err, SP_EUSAGE, 0,
	    "the guard directory \"%s\" cannot stand in a configuration; give another one with --guard",
	    guard));
}

/* Make the directory and give it to the readers' group with the set-group-ID
 * bit, so that what is made in it belongs to them.  One that is not empty is
 * left alone: sp_create() refuses it. */
static enum sp_code
set_readers_group(const char *dir, const char *name, struct sp_err *err)
{
	char **names = NULL;
	enum sp_code rc;
	gid_t group;
	size_t n = 0;

	rc = sp_account_readers(name, &group, err);
	if (rc == SP_OK)
		rc = sp_io_list(dir, &names, &n, err);
	sp_io_names_free(names, n);
	if (rc != SP_OK || n > 0)
		return (rc);
	rc = sp_io_mkdirs(dir, 0750, err);
	if (rc == SP_OK &&
	    (chown(dir, (uid_t)-1, group) != 0 || chmod(dir, 02750) != 0))
		rc = sp_err_set(err, SP_EPERM, errno,
		    "cannot give %s to the group %s (run init as root, or as a member of it)",
		    dir, name);
	return (rc);
}

/* Copy the template ${text} to ${out} with `group` set, in the place where it
 * has that option commented out. */
static enum sp_code
set_group_option(const struct sp_buf *text, const char *group,
    struct sp_buf *out, struct sp_err *err)
{
	static const char option[] = "#group = ";
	const char *at = memmem(text->p, text->n, option, strlen(option));
	struct sp_view rest;

	if (group == NULL || at == NULL) {
		rest = sp_buf_view(text);
	} else {
		rest = sp_view_mem(at, text->n - (size_t)(at - text->p));
		(void)sp_view_cut(&rest, '\n');
		if (sp_buf_add(out, text->p, (size_t)(at - text->p)) != SP_OK ||
		    sp_buf_addf(out, "group = %s\n", group) != SP_OK)
			return (sp_err_set(err, SP_ELIMIT, 0,
			    "the configuration is too long"));
	}
	if (sp_buf_addv(out, rest) != SP_OK)
		return (sp_err_set(
		    err, SP_ELIMIT, 0, "the configuration is too long"));
	return (SP_OK);
}

/* The configuration of an archive that continues none, into ${out}, with its
 * account, group and guard directory. */
static enum sp_code
fresh_config(const char *dir, const struct init_opts *in,
    struct sp_init_continues *out, struct sp_err *err)
{
	struct sp_buf text;
	enum sp_code rc;

	sp_init_continues_done(out);
	*out = (struct sp_init_continues){ 0 };
	sp_buf_init(&out->text, CONF_MAX);
	sp_buf_init(&text, CONF_MAX);
	out->guard = in->guard != NULL ? absolute(in->guard)
				       : sp_xasprintf("%s.guard", dir);
	out->user = in->user == NULL ? NULL : sp_xstrdup(in->user);
	out->group = in->group == NULL ? NULL : sp_xstrdup(in->group);
	if (sp_config_template(&text, in->listen, in->user, out->guard) !=
	    SP_OK)
		rc = explain_template(in, out->guard, err);
	else
		rc = set_group_option(&text, in->group, &out->text, err);
	sp_buf_done(&text);
	return (rc);
}

/* The configuration of the new archive: that of the one it continues, where it
 * continues one that has a configuration, else a fresh one. */
static enum sp_code
make_config(const char *dir, const struct init_opts *in,
    struct sp_init_continues *out, struct sp_err *err)
{
	char *old = in->continues == NULL ? NULL : absolute(in->continues);
	char *guard = in->guard == NULL ? NULL : absolute(in->guard);
	const struct sp_config_move move = { .old = old,
		.dir = dir,
		.guard = guard,
		.user = in->user,
		.group = in->group,
		.listen = in->listen };
	enum sp_code rc = SP_ENOTFOUND;

	if (old != NULL)
		rc = sp_init_continues_read(&move, out, err);
	if (rc == SP_ENOTFOUND)
		rc = fresh_config(dir, in, out, err);
	free(guard);
	free(old);
	return (rc);
}

/* Make the archive in ${dir}, an absolute path, and print what was made.
 * Errors of sp_create(), SP_EUSAGE for an option's value. */
static enum sp_code
make_archive(struct sp_app *app, char *dir, const struct init_opts *in,
    struct sp_err *err)
{
	char *origin =
	    in->origin != NULL ? sp_xstrdup(in->origin) : default_origin(dir);
	struct sp_init_continues made = { 0 };
	struct sp_create c;
	enum sp_code rc;

	rc = make_config(dir, in, &made, err);
	c = (struct sp_create){ .dir = dir,
		.origin = origin,
		.config = sp_buf_view(&made.text),
		.guard = made.guard,
		.by = sp_app_by(),
		.continues = in->continues,
		.take = made.files.v,
		.ntake = made.files.n,
		.user = made.user };
	if (rc == SP_OK && !sp_layout_origin_ok(origin))
		rc = sp_err_set(err, SP_EUSAGE, 0,
		    "--origin \"%s\": 1 to %d printable ASCII characters without blanks and '+'",
		    origin, SP_ORIGIN_MAX);
	if (rc == SP_OK && made.group != NULL)
		rc = set_readers_group(dir, made.group, err);
	if (rc == SP_OK)
		rc = sp_create(&c, err);
	if (rc == SP_OK)
		rc = first_checkpoint(app, dir, err);
	/* The checkpoint was written by us, who may be root. */
	if (rc == SP_OK && made.user != NULL)
		rc = sp_create_chown(dir, made.user, err);
	if (rc == SP_OK && made.user != NULL)
		rc = sp_create_chown(made.guard, made.user, err);
	if (rc == SP_OK)
		print_result(app, dir, made.guard);
	if (rc == SP_OK && !app->quiet &&
	    (in->guard != NULL || in->continues != NULL || made.user != NULL))
		print_drop_in(dir, made.guard);
	if (rc == SP_OK && in->continues != NULL && !app->quiet)
		printf(
		    "\nsealpost.conf is that of %s, with a guard directory of its own; files that it names\n"
		    "inside that archive and were copied: %zu.  Stop the old service before you start\n"
		    "this one; leave the old archive as it is.\n",
		    in->continues, made.files.n);
	sp_init_continues_done(&made);
	free(origin);
	return (rc);
}

/* The umask is set, since the modes are those of the format, whoever's shell
 * this is. */
int
sp_cmd_init(struct sp_app *app, int argc, char **argv)
{
	struct init_opts in = { 0 };
	const struct sp_option options[] = {
		{ "origin", '\0', SP_OPT_TEXT, "NAME",
		    "name of the log; else host name and directory",
		    &in.origin },
		{ "listen", '\0', SP_OPT_TEXT, "ADDR:PORT",
		    "where SMTP is received; else 127.0.0.1:2525", &in.listen },
		{ "user", '\0', SP_OPT_TEXT, "USER",
		    "account that owns the archive", &in.user },
		{ "group", '\0', SP_OPT_TEXT, "GROUP",
		    "group whose members may search, show, export and verify",
		    &in.group },
		{ "guard", '\0', SP_OPT_TEXT, "DIR",
		    "where the guard copy is kept; else DIR.guard", &in.guard },
		{ "continues", '\0', SP_OPT_TEXT, "OLD",
		    "archive whose last checkpoint this one takes up",
		    &in.continues },
	};
	const struct sp_usage usage = { "init", "DIR [OPTION]...",
		"Make an archive in DIR: keys, a commented sealpost.conf, the first entry.\n"
		"A directory that is not empty is refused.",
		options, SP_COUNTOF(options), false };
	struct sp_err err = { .msg = "" };
	int first, status;
	char *dir;

	status = sp_options_parse_max(&usage, argc, argv, 1, &first);
	if (status >= 0)
		return (status);
	if (first >= argc)
		return (sp_app_usage("init: where? write `sealpost init DIR`"));
	dir = absolute(argv[first]);
	(void)umask(0022);
	status =
	    make_archive(app, dir, &in, &err) == SP_OK ? 0 : sp_app_fail(&err);
	free(dir);
	return (status);
}
