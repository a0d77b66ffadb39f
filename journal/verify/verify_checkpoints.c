/*
 * The signed tree heads of an archive (C2SP tlog-checkpoint,
 * doc/format-tree.md): tree/checkpoint, those in tree/checkpoints/, the guard
 * copy, and the one that the verifier kept.  Each must be signed by the key in
 * use; the tree walk (verify_tree.c) then compares their roots, and a rebuild
 * (rebuild.c) those of the new tree.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "journal/verify/verify_priv.h"

/*
 * A time-stamp or cosignature, which lies beside a kept checkpoint with its
 * number as stem.
 */
static bool
is_companion(const char *name)
{
	const char *dot = strrchr(name, '.');

	return (dot != NULL &&
		(strcmp(dot, ".tsr") == 0 || strcmp(dot, ".cosig") == 0));
}

/* Append a checkpoint; ${where} is what findings call it. */
static void
add_checkpoint(struct sp_verify_points *p, const struct sp_checkpoint *c,
    const char *where)
{
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 64 : p->cap * 2;
		p->p = sp_xrealloc(p->p, p->cap * sizeof(*p->p));
	}
	p->p[p->n].c = *c;
	(void)snprintf(p->p[p->n].where, sizeof(p->p[p->n].where), "%s", where);
	p->n++;
}

/*
 * Read one note file and check its signature.  ${size} is what its name says,
 * UINT64_MAX where the name says nothing.  One that does not hold is a finding
 * and is left out.
 */
static enum sp_code
load_note(struct sp_verify_archive *a, const char *where, uint64_t size,
    struct sp_verify_points *out, struct sp_err *err)
{
	char *path = sp_layout_path(a->dir, where);
	struct sp_checkpoint c;
	struct sp_buf note;
	enum sp_code rc;

	sp_buf_init(&note, SP_NOTE_MAX);
	rc = sp_io_read_file(path, SP_NOTE_MAX, &note, err);
	if (rc != SP_OK) {
		rc = sp_verify_found_code(
		    &a->found, "checkpoint", where, rc, err);
		goto out;
	}
	if (!sp_verify_identity_note(
		&a->id, sp_buf_view(&note), a->origin, where, &c, &a->found))
		goto out;
	if (size != UINT64_MAX && c.size != size) {
		sp_verify_found_add(&a->found, "checkpoint", where,
		    "is of size %" PRIu64 ", not what its name says", c.size);
		goto out;
	}
	add_checkpoint(out, &c, where);
out:
	sp_buf_done(&note);
	free(path);
	return (rc);
}

/* By size; equal ones by name, so that the order is always the same. */
static int
by_size(const void *x, const void *y)
{
	const struct sp_verify_point *a = x, *b = y;

	if (a->c.size != b->c.size)
		return (a->c.size > b->c.size ? 1 : -1);
	return (strcmp(a->where, b->where));
}

/*
 * All of tree/checkpoints/: files named by a tree size, and what lies beside
 * them.
 */
static enum sp_code
load_kept(struct sp_verify_archive *a, struct sp_verify_points *out,
    struct sp_err *err)
{
	char *dir = sp_layout_path(a->dir, "tree/checkpoints");
	char **names = NULL, where[96];
	size_t n = 0;
	enum sp_code rc;

	rc = sp_io_list(dir, &names, &n, err);
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		uint64_t size;

		if (is_companion(names[i]) || names[i][0] == '.')
			continue;
		(void)snprintf(
		    where, sizeof(where), "tree/checkpoints/%.60s", names[i]);
		if (sp_view_u64(sp_view_str(names[i]), &size))
			rc = load_note(a, where, size, out, err);
		else if (strstr(names[i], ".tmp") == NULL)
			sp_verify_found_add(&a->found, "extra", where,
			    "its name is not a tree size");
	}
	sp_io_names_free(names, n);
	free(dir);
	return (rc);
}

/*
 * tree/checkpoint, read after all others, so that none of those may be newer:
 * one that is shows that the archive was rolled back.
 */
static enum sp_code
load_newest(struct sp_verify_archive *a, struct sp_verify_points *out,
    struct sp_err *err)
{
	size_t n = out->n;
	uint64_t size;
	enum sp_code rc = load_note(a, "tree/checkpoint", UINT64_MAX, out, err);

	if (rc != SP_OK || out->n == n)
		return (rc);
	size = out->p[n].c.size;
	a->v->size = size;
	for (size_t i = 0; i < n; i++)
		if (out->p[i].c.size > size)
			sp_verify_found_add(&a->found, "rollback",
			    "tree/checkpoint",
			    "older than what was signed: size %" PRIu64
			    ", but %s has %" PRIu64,
			    size, out->p[i].where, out->p[i].c.size);
	return (SP_OK);
}

enum sp_code
sp_verify_points_load(struct sp_verify_archive *a, struct sp_verify_points *out,
    struct sp_err *err)
{
	enum sp_code rc;

	if (a->id.have_guard)
		add_checkpoint(out, &a->id.guard, "the guard copy");
	if (a->id.have_kept)
		add_checkpoint(
		    out, &a->id.kept, "the checkpoint that you kept");
	rc = load_kept(a, out, err);
	if (rc == SP_OK)
		rc = load_newest(a, out, err);
	if (rc != SP_OK)
		return (rc);
	if (out->n > 1)
		qsort(out->p, out->n, sizeof(*out->p), by_size);
	return (SP_OK);
}

void
sp_verify_points_done(struct sp_verify_points *p)
{
	free(p->p);
	memset(p, 0, sizeof(*p));
}
