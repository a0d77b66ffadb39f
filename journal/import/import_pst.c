/*
 * Outlook .pst and .ost, read by libpff in the child: the folders from the
 * root down, then what lies outside of them.  Items are numbered as they come;
 * after a crash the work goes on behind the item that did it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_text.h"
#include "journal/import/import_child.h"
#include "journal/import/import_pst_item.h"

#define DEPTH_MAX 64
#define ITEMS_MAX 10000000
#define WHY_MAX	  1024

struct walk {
	struct sp_out *o;
	libpff_file_t *file;
	uint64_t next, first; /* numbers of items */
};

bool
sp_import_is_pst(const char *name)
{
	return (sp_import_ends_with(name, ".pst") ||
		sp_import_ends_with(name, ".ost"));
}

/* ---- one item ------------------------------------------------------------ */

/* What Outlook keeps beside mail. */
static bool
is_mail(const char *cls)
{
	static const char *const others[] = { "IPM.Contact", "IPM.DistList",
		"IPM.AbchPerson", "IPM.Appointment", "IPM.OLE.CLASS",
		"IPM.Task", "IPM.TaskRequest", "IPM.Activity", "IPM.StickyNote",
		"IPM.Configuration", "IPM.Document", "IPM.Microsoft",
		"IPM.ExtendedRule", "IPM.Rule", "IPM.Conflict", "IPC." };

	for (size_t i = 0; i < SP_COUNTOF(others); i++) {
		if (sp_view_istarts(sp_view_str(cls), others[i]))
			return (false);
	}
	return (true);
}

static void
hand_on(struct walk *w, const struct sp_pst_mail *m, const char *folder,
    const char *member, bool recovered)
{
	const char *flags[3] = { "reassembled" };
	struct sp_view date = { NULL, 0 };
	struct sp_buf text, facts;
	char t[SP_TIME_LEN + 1];
	size_t n = 1;

	if (recovered)
		flags[n++] = "recovered";
	if (m->incomplete)
		flags[n++] = "incomplete";
	if (m->delivered > 0 || m->submitted > 0) {
		sp_time_format(
		    m->delivered > 0 ? m->delivered : m->submitted, t);
		date = sp_view_str(t);
	}
	sp_buf_init(&text, w->o->max_message);
	sp_buf_init(&facts, SP_FRAME_MAX / 2);
	/* The facts are also in the header; what is too much is left out. */
	if (sp_pst_mail_facts(m, folder, &facts) != SP_OK)
		sp_buf_clear(&facts);
	if (sp_pst_mail_format(m, &text) != SP_OK) {
		sp_out_failed(w->o, member, "larger than the message limit");
	} else {
		sp_out_begin(
		    w->o, member, "eml", sp_buf_view(&facts), flags, n, date);
		sp_out_data(w->o, text.p, text.n);
		sp_out_end(w->o);
	}
	sp_buf_done(&text);
	sp_buf_done(&facts);
}

/* FOLDER/#ID, the ID in hex as the tools for these files write it. */
static char *
name_of(libpff_item_t *item, const char *folder)
{
	uint32_t id = 0;

	(void)libpff_item_get_identifier(item, &id, NULL);
	return (sp_xasprintf("%s/#%08" PRIx32, folder, id));
}

static void
take(struct walk *w, libpff_item_t *item, const char *folder, bool recovered)
{
	uint64_t budget = w->o->max_message;
	char *member = name_of(item, folder), why[WHY_MAX];
	char *cls = sp_pst_item_text(item, 0, 0x001a);
	struct sp_pst_mail *m = NULL;

	if (cls != NULL && !is_mail(cls)) {
		sp_out_not_mail(w->o, member);
	} else {
		m = sp_pst_item_read(item, &budget, 0, why, sizeof(why));
		if (m == NULL)
			sp_out_failed(w->o, member, why);
		else
			hand_on(w, m, folder, member, recovered);
	}
	sp_pst_mail_free(m);
	free(cls);
	free(member);
}

/* Whether it is this one's turn: numbers are given in any case. */
static bool
turn(struct walk *w)
{
	uint64_t number = w->next++;

	if (number < w->first || w->o->broken)
		return (false);
	sp_out_item(w->o, number);
	return (true);
}

/* ---- folders ------------------------------------------------------------- */

static char *
folder_name(libpff_item_t *folder, const char *above)
{
	uint8_t *name = NULL;
	size_t n = 0;
	char *path;

	if (libpff_folder_get_utf8_name_size(folder, &n, NULL) == 1 && n > 1 &&
	    n < 4096) {
		name = sp_xcalloc(n + 1, 1);
		if (libpff_folder_get_utf8_name(folder, name, n, NULL) != 1)
			name[0] = '\0';
	}
	if (name == NULL || name[0] == '\0')
		path = sp_xstrdup(above);
	else if (above[0] == '\0')
		path = sp_xstrdup((const char *)name);
	else
		path = sp_xasprintf("%s/%s", above, (const char *)name);
	free(name);
	return (path);
}

static void
messages(struct walk *w, libpff_item_t *folder, const char *path)
{
	libpff_error_t *e = NULL;
	char why[WHY_MAX];
	int n = 0;

	if (libpff_folder_get_number_of_sub_messages(folder, &n, &e) != 1) {
		if (turn(w)) {
			sp_pst_error(&e, why, sizeof(why));
			sp_out_failed(w->o, path, why);
		}
		libpff_error_free(&e);
		return;
	}
	for (int i = 0; i < n && i < ITEMS_MAX; i++) {
		libpff_item_t *item = NULL;

		if (!turn(w))
			continue;
		if (libpff_folder_get_sub_message(folder, i, &item, &e) == 1) {
			take(w, item, path, false);
			(void)libpff_item_free(&item, NULL);
			continue;
		}
		sp_pst_error(&e, why, sizeof(why));
		sp_out_failed(w->o, path, why);
	}
}

static void
folders(
    struct walk *w, libpff_item_t *folder, const char *above, unsigned depth)
{
	char *path = folder_name(folder, above);
	char why[WHY_MAX];
	libpff_error_t *e = NULL;
	int n = 0;

	messages(w, folder, path);
	if (depth >= DEPTH_MAX) {
		sp_out_failed(w->o, path, "folders nested too deep");
	} else if (libpff_folder_get_number_of_sub_folders(folder, &n, &e) !=
		   1) {
		sp_pst_error(&e, why, sizeof(why));
		if (turn(w))
			sp_out_failed(w->o, path, why);
	}
	for (int i = 0; i < n && i < ITEMS_MAX && !w->o->broken; i++) {
		libpff_item_t *sub = NULL;

		if (libpff_folder_get_sub_folder(folder, i, &sub, &e) == 1) {
			folders(w, sub, path, depth + 1);
			(void)libpff_item_free(&sub, NULL);
			continue;
		}
		sp_pst_error(&e, why, sizeof(why));
		if (turn(w))
			sp_out_failed(w->o, path, why);
	}
	free(path);
}

/* ---- what no folder has -------------------------------------------------- */

typedef int count_items(libpff_file_t *, int *, libpff_error_t **);
typedef int get_item(libpff_file_t *, int, libpff_item_t **, libpff_error_t **);

static void
loose(struct walk *w, count_items *count, get_item *get, const char *name)
{
	int n = 0;

	if (count(w->file, &n, NULL) != 1)
		return;
	for (int i = 0; i < n && i < ITEMS_MAX; i++) {
		libpff_item_t *item = NULL;
		char *cls;

		if (!turn(w) || get(w->file, i, &item, NULL) != 1)
			continue;
		/* Parts of items, tables and folders are found here too. */
		cls = sp_pst_item_text(item, 0, 0x001a);
		if (cls != NULL && cls[0] != '\0')
			take(w, item, name, true);
		free(cls);
		(void)libpff_item_free(&item, NULL);
	}
}

/* The deleted and the lost, as far as the library finds them. */
static void
recover(struct walk *w)
{
	if (!turn(w) || libpff_file_recover_items(w->file, 0, NULL) != 1)
		return;
	loose(w, libpff_file_get_number_of_orphan_items,
	    libpff_file_get_orphan_item_by_index, "(orphans)");
	loose(w, libpff_file_get_number_of_recovered_items,
	    libpff_file_get_recovered_item_by_index, "(recovered)");
}

static void *
on_open(struct sp_out *o, int fd)
{
	libpff_file_t *file = NULL;
	libpff_error_t *e = NULL;
	char path[64], why[WHY_MAX];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (libpff_file_initialize(&file, &e) == 1 &&
	    libpff_file_open(file, path, LIBPFF_OPEN_READ, &e) == 1)
		return (file);
	sp_pst_error(&e, why, sizeof(why));
	sp_out_failed(o, "", why);
	sp_out_done(o);
	return (NULL);
}

static void
run(struct sp_out *o, void *opened, int fd, uint64_t size, uint64_t first)
{
	struct walk w = { .o = o, .file = opened, .first = first };
	libpff_item_t *root = NULL;
	libpff_error_t *e = NULL;
	char why[WHY_MAX];

	(void)fd;
	(void)size;
	if (libpff_file_get_root_folder(w.file, &root, &e) == 1) {
		folders(&w, root, "", 0);
		(void)libpff_item_free(&root, NULL);
	} else {
		sp_pst_error(&e, why, sizeof(why));
		if (turn(&w))
			sp_out_failed(o, "", why);
	}
	recover(&w);
	sp_out_done(o);
}

enum sp_code
sp_import_pst(const struct sp_import *im, int fd,
    const struct sp_import_item *of, struct sp_err *err)
{
	static const struct sp_child_work work = { on_open, run, true };

	return (sp_child_run(im, fd, of, &work, err));
}
