/*
 * Outlook .pst and .ost, read by libpff in the child process (import_child.h):
 * the folders from the root down, then what lies outside of them.  Items are
 * numbered in the order in which they come, so that after a crash another child
 * goes on behind the item that did it.
 *
 *	read_folders --> read_messages --> read_item --> emit --> frames
 *	read_recovered --> read_unfiled ------^
 *
 * What an item becomes is pst_item.c's and pst_mail.c's affair.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_text.h"
#include "journal/import/import_child.h"
#include "journal/import/import_priv.h"
#include "journal/import/pst_item.h"

#define DEPTH_MAX 64 /* folders within each other */
#define ITEMS_MAX 10000000 /* of a folder */
#define WHY_MAX	  1024 /* bytes of a reason */

struct pst_walk {
	struct sp_import_out *o;
	libpff_file_t *file;
	uint64_t next; /* the number of the next item */
	uint64_t first; /* the first one to be read: those before are known */
};

bool
sp_import_is_pst(const char *name)
{
	return (sp_import_ends_with(name, ".pst") ||
		sp_import_ends_with(name, ".ost"));
}

/* ---- one item ------------------------------------------------------------ */

/* Whether an item of class ${cls} is mail, and not what Outlook keeps beside
 * it. */
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

/* Rebuild the message of ${m} and send it as ${member}. */
static void
emit(struct pst_walk *w, const struct sp_pst_mail *m, const char *folder,
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
	sp_buf_init(&facts, SP_IMPORT_FRAME_MAX / 2);
	/* The facts are also in the header; what is too much is left out. */
	if (sp_pst_mail_facts(m, folder, &facts) != SP_OK)
		sp_buf_clear(&facts);
	if (sp_pst_mail_format(m, &text) != SP_OK) {
		sp_import_out_failed(
		    w->o, member, "larger than the message limit");
	} else {
		sp_import_out_begin(
		    w->o, member, "eml", sp_buf_view(&facts), flags, n, date);
		sp_import_out_data(w->o, text.p, text.n);
		sp_import_out_end(w->o);
	}
	sp_buf_done(&text);
	sp_buf_done(&facts);
}

/* FOLDER/#ID, the ID in hex as the tools for these files write it.
 * malloc'ed. */
static char *
member_name(libpff_item_t *item, const char *folder)
{
	uint32_t id = 0;

	(void)libpff_item_get_identifier(item, &id, NULL);
	return (sp_xasprintf("%s/#%08" PRIx32, folder, id));
}

/* One item of ${folder}: sent, counted as not mail, or named as not
 * readable. */
static void
read_item(
    struct pst_walk *w, libpff_item_t *item, const char *folder, bool recovered)
{
	uint64_t budget = w->o->max_message;
	char *member = member_name(item, folder), why[WHY_MAX];
	char *cls = sp_pst_item_class(item);
	struct sp_pst_mail *m = NULL;

	if (cls != NULL && !is_mail(cls)) {
		sp_import_out_not_mail(w->o, member, SP_IMPORT_KIND_ITEM);
	} else {
		m = sp_pst_item_read(item, &budget, 0, why, sizeof(why));
		if (m == NULL)
			sp_import_out_failed(w->o, member, why);
		else
			emit(w, m, folder, member, recovered);
	}
	sp_pst_mail_free(m);
	free(cls);
	free(member);
}

/* Give the next thing its number, and announce it to the parent.  False: it was
 * read by an earlier child, or nobody listens. */
static bool
begin_item(struct pst_walk *w)
{
	uint64_t number = w->next++;

	if (number < w->first || w->o->broken)
		return (false);
	sp_import_out_item(w->o, number);
	return (true);
}

/* Name ${path} as not readable: ${what} of it is damaged.  The error ${e} of the
 * library is freed: its words are for who works on the library. */
static void
report_failed(struct sp_import_out *o, const char *path, const char *what,
    libpff_error_t **e)
{
	char why[WHY_MAX];

	sp_pst_item_error(e, what, why, sizeof(why));
	sp_import_out_failed(o, path, why);
}

/* The same for what has no number yet: it gets one, so that it is named once
 * although a later child meets it again. */
static void
number_and_report(
    struct pst_walk *w, const char *path, const char *what, libpff_error_t **e)
{
	if (begin_item(w))
		report_failed(w->o, path, what, e);
	libpff_error_free(e);
}

/* ---- folders ------------------------------------------------------------- */

/* The path of ${folder}, which lies in ${above} (empty: at the top); malloc'ed.
 * A folder without a readable name counts as the one above. */
static char *
folder_path(libpff_item_t *folder, const char *above)
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

/* The messages of one folder. */
static void
read_messages(struct pst_walk *w, libpff_item_t *folder, const char *path)
{
	libpff_error_t *e = NULL;
	int n = 0;

	if (libpff_folder_get_number_of_sub_messages(folder, &n, &e) != 1) {
		number_and_report(w, path,
		    "the list of the messages in this folder is damaged", &e);
		return;
	}
	for (int i = 0; i < n && i < ITEMS_MAX; i++) {
		libpff_item_t *item = NULL;

		if (!begin_item(w))
			continue;
		if (libpff_folder_get_sub_message(folder, i, &item, &e) == 1) {
			read_item(w, item, path, false);
			(void)libpff_item_free(&item, NULL);
			continue;
		}
		report_failed(
		    w->o, path, "a message in this folder is damaged", &e);
	}
}

/* A folder and all below it. */
static void
read_folders(struct pst_walk *w, libpff_item_t *folder, const char *above,
    unsigned depth)
{
	char *path = folder_path(folder, above);
	libpff_error_t *e = NULL;
	int n = 0;

	read_messages(w, folder, path);
	if (depth >= DEPTH_MAX) {
		sp_import_out_failed(w->o, path, "folders nested too deep");
	} else if (libpff_folder_get_number_of_sub_folders(folder, &n, &e) !=
		   1) {
		number_and_report(w, path,
		    "the list of the folders in this one is damaged", &e);
	}
	for (int i = 0; i < n && i < ITEMS_MAX && !w->o->broken; i++) {
		libpff_item_t *sub = NULL;

		if (libpff_folder_get_sub_folder(folder, i, &sub, &e) == 1) {
			read_folders(w, sub, path, depth + 1);
			(void)libpff_item_free(&sub, NULL);
			continue;
		}
		number_and_report(
		    w, path, "a folder in this one is damaged", &e);
	}
	free(path);
}

/* ---- what no folder has -------------------------------------------------- */

typedef int count_items(libpff_file_t *, int *, libpff_error_t **);
typedef int get_item(libpff_file_t *, int, libpff_item_t **, libpff_error_t **);

/* The items that ${get} finds, under the folder ${name}. */
static void
read_unfiled(
    struct pst_walk *w, count_items *count, get_item *get, const char *name)
{
	int n = 0;

	if (count(w->file, &n, NULL) != 1)
		return;
	for (int i = 0; i < n && i < ITEMS_MAX; i++) {
		libpff_item_t *item = NULL;
		char *cls;

		if (!begin_item(w) || get(w->file, i, &item, NULL) != 1)
			continue;
		/* Parts of items, tables and folders are found here too. */
		cls = sp_pst_item_class(item);
		if (cls != NULL && cls[0] != '\0')
			read_item(w, item, name, true);
		free(cls);
		(void)libpff_item_free(&item, NULL);
	}
}

/* The deleted and the lost, as far as the library finds them.  The search has a
 * number itself: after a crash in it, it is not repeated; after a crash in an
 * item that it found, it is, and the work goes on behind that item. */
static void
read_recovered(struct pst_walk *w)
{
	const uint64_t search = w->next;

	if (w->first == search + 1)
		return; /* the search crashed: it gave nothing */
	(void)begin_item(w);
	if (w->o->broken || libpff_file_recover_items(w->file, 0, NULL) != 1)
		return;
	read_unfiled(w, libpff_file_get_number_of_orphan_items,
	    libpff_file_get_orphan_item_by_index, "(orphans)");
	read_unfiled(w, libpff_file_get_number_of_recovered_items,
	    libpff_file_get_recovered_item_by_index, "(recovered)");
}

/* libpff opens the file by its name, which the cage forbids. */
static void *
on_open(struct sp_import_out *o, int fd)
{
	libpff_file_t *file = NULL;
	libpff_error_t *e = NULL;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (libpff_file_initialize(&file, &e) == 1 &&
	    libpff_file_open(file, path, LIBPFF_OPEN_READ, &e) == 1)
		return (file);
	report_failed(o, "", "header damaged", &e);
	sp_import_out_done(o);
	return (NULL);
}

static void
run(struct sp_import_out *o, void *opened, int fd, uint64_t size,
    uint64_t first)
{
	struct pst_walk w = { .o = o, .file = opened, .first = first };
	libpff_item_t *root = NULL;
	libpff_error_t *e = NULL;

	(void)fd;
	(void)size;
	if (libpff_file_get_root_folder(w.file, &root, &e) == 1) {
		read_folders(&w, root, "", 0);
		(void)libpff_item_free(&root, NULL);
	} else {
		number_and_report(
		    &w, "", "the tree of its folders is damaged", &e);
	}
	read_recovered(&w);
	sp_import_out_done(o);
}

enum sp_code
sp_import_pst(const struct sp_import *im, int fd,
    const struct sp_import_item *source, struct sp_err *err)
{
	static const struct sp_import_child_work work = { on_open, run, true,
		NULL };

	return (sp_import_child_run(im, fd, source, &work, err));
}
