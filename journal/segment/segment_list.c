/* See segment_list.h. */
#include "journal/segment/segment_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"

struct list {
	struct sp_segment_file *files;
	size_t n, cap;
};

static bool
is_digits(const char *s, size_t n)
{
	return (strlen(s) == n && strspn(s, "0123456789") == n);
}

static void
add(struct list *l, const char *rel, const char *name)
{
	struct sp_segment_name sn;
	struct sp_segment_file *f;

	if (!sp_layout_parse_segment(name, &sn))
		return;
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 64 : l->cap * 2;
		l->files = sp_xrealloc(l->files, l->cap * sizeof(*l->files));
	}
	f = &l->files[l->n++];
	f->name = sn;
	(void)snprintf(f->path, sizeof(f->path), "%s/%s", rel, name);
}

/* What to do with a name in a folder; ${rel} is the folder. */
struct level {
	size_t digits; /* of a folder's name; 0: segments */
};

static enum sp_code
walk(const char *dir, const char *rel, const struct level *lv, struct list *l,
    struct sp_err *err)
{
	char *path = sp_layout_path(dir, rel), **names;
	size_t n;
	enum sp_code rc = sp_io_list(path, &names, &n, err);

	free(path);
	if (rc != SP_OK)
		return (rc);
	for (size_t i = 0; i < n && rc == SP_OK; i++) {
		char *below;

		if (lv->digits == 0) {
			add(l, rel, names[i]);
			continue;
		}
		if (!is_digits(names[i], lv->digits))
			continue;
		below = sp_xasprintf("%s/%s", rel, names[i]);
		rc = walk(dir, below, lv + 1, l, err);
		free(below);
	}
	sp_io_names_free(names, n);
	return (rc);
}

static int
compare(const void *a, const void *b)
{
	const struct sp_segment_name *x =
	    &((const struct sp_segment_file *)a)->name;
	const struct sp_segment_name *y =
	    &((const struct sp_segment_file *)b)->name;

	if (x->first != y->first)
		return (x->first < y->first ? -1 : 1);
	if (x->last != y->last)
		return (x->last < y->last ? -1 : 1);
	return (x->revision < y->revision ? -1 : x->revision > y->revision);
}

enum sp_code
sp_segment_list(const char *dir, struct sp_segment_file **out, size_t *n,
    struct sp_err *err)
{
	static const struct level levels[] = { { 4 }, { 2 }, { 0 } };
	struct list l = { 0 };
	enum sp_code rc = walk(dir, "archive", levels, &l, err);

	if (rc != SP_OK) {
		free(l.files);
		return (rc);
	}
	if (l.n > 1)
		qsort(l.files, l.n, sizeof(*l.files), compare);
	*out = l.files;
	*n = l.n;
	return (SP_OK);
}

const struct sp_segment_file *
sp_segment_pick(const struct sp_segment_file *files, size_t n, uint64_t seq)
{
	size_t lo = 0, hi = n;

	/* lo: the first one that begins behind seq */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (files[mid].name.first <= seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || files[lo - 1].name.last < seq)
		return (NULL);
	lo--;
	while (lo > 0 && files[lo - 1].name.first == files[lo].name.first &&
	       files[lo - 1].name.last == files[lo].name.last)
		lo--;
	return (&files[lo]);
}
