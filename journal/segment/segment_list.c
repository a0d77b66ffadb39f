/*
 * Listing the segments of an archive from its folders, year by year and month
 * by month, and picking the one that holds an entry (segment_list.h).
 */
#include "journal/segment/segment_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"

/* The segments found so far. */
struct segment_files {
	struct sp_segment_file *files;
	size_t n, cap;
};

static bool
is_digits(const char *s, size_t n)
{
	return (strlen(s) == n && strspn(s, "0123456789") == n);
}

/* Add the file ${name} in the folder ${rel}, if it is named as a segment is. */
static void
add_segment(struct segment_files *l, const char *rel, const char *name)
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

/* What the names in a folder of archive/ are. */
struct folder_level {
	size_t digits; /* folders, with names of so many digits; 0: segments */
};

/* Add the segments in the folder ${rel} and below; ${lv} is its level, and
 * those behind it the levels below. */
static enum sp_code
list_folder(const char *dir, const char *rel, const struct folder_level *lv,
    struct segment_files *l, struct sp_err *err)
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
			add_segment(l, rel, names[i]);
			continue;
		}
		if (!is_digits(names[i], lv->digits))
			continue;
		below = sp_xasprintf("%s/%s", rel, names[i]);
		rc = list_folder(dir, below, lv + 1, l, err);
		free(below);
	}
	sp_io_names_free(names, n);
	return (rc);
}

/* By first entry, last entry, revision. */
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
	static const struct folder_level levels[] = { { 4 }, { 2 }, { 0 } };
	struct segment_files l = { 0 };
	enum sp_code rc = list_folder(dir, "archive", levels, &l, err);

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

/* Revisions stand behind their original, so the first of its run is the one. */
const struct sp_segment_file *
sp_segment_pick(const struct sp_segment_file *files, size_t n, uint64_t seq)
{
	size_t lo = 0, hi = n;

	/* Find the first one that begins behind seq. */
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
