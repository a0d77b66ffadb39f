/*
 * Making an archive (create.h).  It is built in DIR/.init, the stage, where
 * every step keeps what an interrupted run left, and then moved up, keys first
 * and FORMAT last:
 *
 *   no DIR/FORMAT, no DIR/keys    still being built in DIR/.init
 *   no DIR/FORMAT, DIR/keys       complete, being moved up
 *   DIR/FORMAT                    an archive
 *
 * Building beside DIR would be simpler, but who may write in DIR often may not
 * write beside it.
 */
#include "journal/seal/create.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/config.h"
#include "base/io.h"
#include "journal/log/append.h"
#include "journal/seal/create_priv.h"
#include "base/layout.h"

#define STAGE	     ".init"
#define DIR_MODE     0750
#define GUARD_MODE   0755 /* readers verify with it; nothing in it is secret */
#define SECRET_MODE  0700
#define CONF_MODE    0640
#define VKEY_MODE    0644
#define DETAIL_MAX   (1u << 20) /* bytes of the detail of entry 0 */
#define LOCK_WAIT_MS 10000

/* An archive being made. */
struct creation {
	const struct sp_create *c;
	char *stage; /* DIR/.init */
};

/* What a complete stage holds besides FORMAT; keys are moved first. */
static const char *const parts[] = { "keys", "intake", "archive", "tree",
	"index", "state", "sealpost.conf" };

/* Whether ${name} is there in ${dir}. */
static bool
has(const char *dir, const char *name)
{
	char *path = sp_layout_path(dir, name);
	bool is = sp_io_exists(path);

	free(path);
	return (is);
}

/* ---- checks ---------------------------------------------------------- */

/* Whether ${name} is a part that every archive has. */
static bool
is_part(const char *name)
{
	for (size_t i = 0; i < SP_COUNTOF(parts); i++) {
		if (strcmp(name, parts[i]) == 0)
			return (true);
	}
	return (false);
}

/* Whether ${name} is what the first name of a taken file is. */
static bool
is_taken(const struct creation *m, const char *name)
{
	const size_t n = strlen(name);

	for (size_t i = 0; i < m->c->ntake; i++) {
		if (strncmp(m->c->take[i], name, n) == 0 &&
		    (m->c->take[i][n] == '/' || m->c->take[i][n] == '\0'))
			return (true);
	}
	return (false);
}

/* SP_EEXISTS unless DIR is empty or missing, or holds what an interrupted run
 * left. */
static enum sp_code
check_dir(const struct creation *m, struct sp_err *err)
{
	const char *dir = m->c->dir;
	bool resume = sp_io_exists(m->stage);
	enum sp_code rc;
	char **names;
	size_t n;

	if (has(dir, "FORMAT")) {
		(void)!sp_io_rmdir(m->stage, NULL); /* empty, if it is there */
		return (sp_err_set(
		    err, SP_EEXISTS, 0, "%s is already an archive", dir));
	}
	rc = sp_io_list(dir, &names, &n, err);
	if (rc != SP_OK)
		return (rc);
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		/* A fresh file system is empty too. */
		if (strcmp(names[i], "lost+found") == 0)
			continue;
		if (resume && (strcmp(names[i], STAGE) == 0 ||
				  is_part(names[i]) || is_taken(m, names[i])))
			continue;
		rc = sp_err_set(err, SP_EEXISTS, 0,
		    "%s is not empty (there is %s); an archive is made only in an empty or new directory",
		    dir, names[i]);
	}
	sp_io_names_free(names, n);
	return (rc);
}

/* Whether two small files have the same bytes; false if one is not there. */
static bool
same_file(const char *a, const char *b)
{
	struct sp_buf x, y;
	bool same;

	sp_buf_init(&x, SP_CREATE_PEM_MAX);
	sp_buf_init(&y, SP_CREATE_PEM_MAX);
	same = sp_io_read_file(a, SP_CREATE_PEM_MAX, &x, NULL) == SP_OK &&
	       sp_io_read_file(b, SP_CREATE_PEM_MAX, &y, NULL) == SP_OK &&
	       sp_view_eq(sp_buf_view(&x), sp_buf_view(&y));
	sp_buf_done(&x);
	sp_buf_done(&y);
	return (same);
}

/* An archive that is being made has put its key there, and no checkpoint. */
bool
sp_create_guard_is_free(const char *dir, const char *guard)
{
	char *theirs = sp_layout_path(guard, "log.vkey");
	char *moved = sp_layout_path(dir, "keys/log.vkey");
	char *staged = sp_layout_path(dir, STAGE "/keys/log.vkey");
	const bool free_ = !has(guard, "checkpoint") &&
			   (!sp_io_exists(theirs) || same_file(theirs, moved) ||
			       same_file(theirs, staged));

	free(staged);
	free(moved);
	free(theirs);
	return (free_);
}

/* Check that the guard directory is outside of the archive, and no other
 * archive's. */
static enum sp_code
check_guard(const struct creation *m, struct sp_err *err)
{
	const char *dir = m->c->dir, *guard = m->c->guard;
	size_t n = strlen(dir);

	if (guard == NULL)
		return (SP_OK);
	if (strncmp(guard, dir, n) == 0 &&
	    (guard[n] == '/' || guard[n] == '\0'))
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "the guard directory %s must be outside of the archive, on another disk or host if possible: it is there to notice when the archive is set back",
		    guard));
	if (!sp_create_guard_is_free(dir, guard))
		return (sp_err_set(err, SP_EEXISTS, 0,
		    "the guard directory %s belongs to another archive already (see its log.vkey); give each archive its own",
		    guard));
	return (SP_OK);
}

/* Check the archive that is continued, before anything is made; entry 0 looks
 * at it again. */
static enum sp_code
check_predecessor(const struct creation *m, struct sp_err *err)
{
	struct sp_checkpoint old;
	struct sp_buf note;
	enum sp_code rc;

	if (m->c->continues == NULL)
		return (SP_OK);
	sp_buf_init(&note, SP_NOTE_MAX);
	rc = sp_create_old_checkpoint(
	    m->c->continues, m->c->origin, &note, &old, err);
	sp_buf_done(&note);
	return (rc);
}

/* ---- building in the stage ------------------------------------------- */

/* Make the directories of the stage. */
static enum sp_code
make_dirs(const struct creation *m, struct sp_err *err)
{
	/* keys/ too: who may read the archive needs its public keys, and the
	 * private ones have a mode of their own. */
	static const char *const dirs[] = { "keys", "intake", "archive", "tree",
		"tree/checkpoints", "index", "state" };
	enum sp_code rc;

	rc = sp_io_mkdirs(m->stage, SECRET_MODE, err);
	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(dirs); i++) {
		char *path = sp_layout_path(m->stage, dirs[i]);

		rc = sp_io_mkdirs(path, DIR_MODE, err);
		free(path);
	}
	return (rc);
}

/* Write sealpost.conf; the text of this run counts. */
static enum sp_code
write_conf(const struct creation *m, struct sp_err *err)
{
	char *path = sp_layout_path(m->stage, "sealpost.conf");
	const struct sp_view text = m->c->config;
	enum sp_code rc;

	rc = sp_io_replace(path, text.p, text.n, CONF_MODE, err);
	free(path);
	return (rc);
}

/* Write entry 0, unless an interrupted run wrote it: what it says then
 * stays. */
static enum sp_code
write_entry(const struct creation *m, struct sp_err *err)
{
	const struct sp_append_opts opts = { .by = m->c->by,
		.lock_wait_ms = LOCK_WAIT_MS };
	struct sp_config *cfg = sp_config_default();
	struct sp_append *a = NULL;
	struct sp_intake_found found;
	struct sp_buf detail;
	uint64_t seq;
	enum sp_code rc;

	sp_buf_init(&detail, DETAIL_MAX);
	rc = sp_append_open(m->stage, cfg, &opts, &a, &found, err);
	if (rc == SP_OK && sp_append_next_seq(a) == 0) {
		rc = sp_create_detail(m->stage, m->c, &detail, err);
		if (rc == SP_OK)
			rc = sp_append_event(
			    a, "init", sp_buf_view(&detail), &seq, err);
	}
	sp_append_close(a);
	sp_buf_done(&detail);
	sp_config_free(cfg);
	return (rc);
}

/* Build everything in the stage.  SP_EEXISTS: it was begun with another
 * origin. */
static enum sp_code
build(const struct creation *m, struct sp_err *err)
{
	enum sp_code rc;

	rc = make_dirs(m, err);
	if (rc == SP_OK)
		rc = sp_layout_write_format(m->stage, m->c->origin, err);
	if (rc == SP_EMISMATCH)
		return (sp_err_set(err, SP_EEXISTS, 0,
		    "%s holds the beginnings of an archive of another origin; give the same --origin again, or remove that directory",
		    m->stage));
	if (rc == SP_OK)
		rc = sp_create_keys(m->stage, m->c->origin, err);
	if (rc == SP_OK)
		rc = write_conf(m, err);
	for (size_t i = 0; rc == SP_OK && i < m->c->ntake; i++)
		rc = sp_create_take(
		    m->c->continues, m->stage, m->c->take[i], err);
	if (rc == SP_OK)
		rc = write_entry(m, err);
	return (rc);
}

/* ---- moving it up ---------------------------------------------------- */

/* Move one part from the stage to DIR, unless it is there already. */
static enum sp_code
move_up(const struct creation *m, const char *name, struct sp_err *err)
{
	char *from = sp_layout_path(m->stage, name);
	char *to = sp_layout_path(m->c->dir, name);
	enum sp_code rc = SP_OK;

	if (sp_io_exists(from))
		rc = sp_io_rename(from, to, err);
	else if (!sp_io_exists(to))
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "%s was half made and %s has gone from it since; remove it and begin again",
		    m->c->dir, name);
	free(to);
	free(from);
	return (rc);
}

/* Move up what else is in the stage: what was taken along. */
static enum sp_code
move_taken(const struct creation *m, struct sp_err *err)
{
	char **names = NULL;
	size_t n = 0;
	enum sp_code rc = sp_io_list(m->stage, &names, &n, err);

	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		if (!is_part(names[i]) && strcmp(names[i], "FORMAT") != 0)
			rc = move_up(m, names[i], err);
	}
	sp_io_names_free(names, n);
	return (rc);
}

/* Copy log.vkey to the guard directory, from where the keys are by now.
 * SP_EMISMATCH: another one is there. */
static enum sp_code
write_guard(const struct creation *m, struct sp_err *err)
{
	char *from = sp_layout_path(m->stage, "keys/log.vkey");
	char *to = NULL;
	struct sp_buf text;
	enum sp_code rc;

	if (!sp_io_exists(from)) {
		free(from);
		from = sp_layout_path(m->c->dir, "keys/log.vkey");
	}
	sp_buf_init(&text, SP_CREATE_PEM_MAX);
	rc = sp_io_mkdirs(m->c->guard, GUARD_MODE, err);
	if (rc == SP_OK)
		rc = sp_io_read_file(from, SP_CREATE_PEM_MAX, &text, err);
	if (rc == SP_OK) {
		to = sp_layout_path(m->c->guard, "log.vkey");
		rc = sp_io_publish(to, text.p, text.n, VKEY_MODE, err);
	}
	sp_buf_done(&text);
	free(to);
	free(from);
	return (rc);
}

/* Give archive and guard to the account, if one was named. */
static enum sp_code
chown_archive(const struct creation *m, struct sp_err *err)
{
	enum sp_code rc;

	if (m->c->user == NULL)
		return (SP_OK);
	rc = sp_create_chown(m->c->dir, m->c->user, err);
	if (rc == SP_OK && m->c->guard != NULL)
		rc = sp_create_chown(m->c->guard, m->c->user, err);
	return (rc);
}

/* Publish a complete stage: guard, owner, then all parts, FORMAT last. */
static enum sp_code
finish(const struct creation *m, struct sp_err *err)
{
	enum sp_code rc = SP_OK;

	if (m->c->guard != NULL)
		rc = write_guard(m, err);
	if (rc == SP_OK)
		rc = chown_archive(m, err);
	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(parts); i++) {
		rc = move_up(m, parts[i], err);
		/* keys/ in place says that the stage is complete: durably, as
		 * the next run must not make new ones. */
		if (rc == SP_OK && i == 0)
			rc = sp_io_syncdir(m->c->dir, err);
	}
	if (rc == SP_OK)
		rc = move_taken(m, err);
	if (rc == SP_OK)
		rc = sp_io_syncdir(m->c->dir, err);
	if (rc == SP_OK)
		rc = move_up(m, "FORMAT", err);
	if (rc == SP_OK)
		rc = sp_io_syncdir(m->c->dir, err);
	if (rc == SP_OK)
		(void)!sp_io_rmdir(m->stage, NULL);
	return (rc);
}

/* Arguments that cannot be used are refused before anything is made. */
enum sp_code
sp_create(const struct sp_create *c, struct sp_err *err)
{
	struct creation m = { .c = c };
	enum sp_code rc;

	if (!sp_layout_origin_ok(c->origin))
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "the origin \"%s\" cannot be used: it must be 1 to %d printable ASCII characters without blank or '+'",
		    c->origin, SP_ORIGIN_MAX));
	m.stage = sp_layout_path(c->dir, STAGE);
	rc = check_dir(&m, err);
	if (rc == SP_OK)
		rc = check_guard(&m, err);
	if (rc == SP_OK)
		rc = sp_create_chown_check(c->user, err);
	if (rc == SP_OK)
		rc = check_predecessor(&m, err);
	if (rc == SP_OK)
		rc = sp_io_mkdirs(c->dir, DIR_MODE, err);
	if (rc == SP_OK && !has(c->dir, "keys"))
		rc = build(&m, err);
	if (rc == SP_OK)
		rc = finish(&m, err);
	free(m.stage);
	return (rc);
}
