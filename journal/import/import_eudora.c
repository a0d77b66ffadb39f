/*
 * An mbox, of which it is known where it lies: in the dialect that --as says,
 * else found out, by import_mbox.c; and what is special of those of Eudora,
 * which begin their From lines "From ???@???".
 *
 * Eudora takes attachments out of the messages and keeps them as files; a line
 * "Attachment Converted: " is left.  Such messages are not whole: they are
 * flagged, and the mbox is named with the folder that has the files.
 *
 * Called by import_file.c, and by import_in.c for a member of a container.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/io.h"
#include "journal/import/import_priv.h"

/* The folders in which Eudora keeps attachments and pictures. */
static const char *const eudora_folders[] = { "attach", "Attach", "attachments",
	"Attachments", "Attachments Folder", "Embedded", "embedded" };

struct eudora {
	const struct sp_import *im; /* the walk's own callbacks */
	uint64_t converted; /* messages whose attachments lie outside */
};

/* A message of Eudora: flagged if it names attachments that it lost. */
static enum sp_code
eudora_item(void *ctx, const struct sp_import_item *item, struct sp_err *err)
{
	static const char mark[] = "\nAttachment Converted: ";
	struct eudora *e = ctx;
	struct sp_import_item flagged = *item;

	if (item->msg.n > 0 && item->nflags < SP_IMPORT_FLAGS &&
	    memmem(item->msg.p, item->msg.n, mark, sizeof(mark) - 1) != NULL) {
		flagged.flags[flagged.nflags++] = "incomplete";
		e->converted++;
	}
	return (e->im->item(e->im->ctx, &flagged, err));
}

static void
eudora_failed(void *ctx, const char *path, const char *why)
{
	const struct eudora *e = ctx;

	e->im->failed(e->im->ctx, path, why);
}

/* The folder of attachments beside the mbox at ${path}; malloc'ed, NULL where
 * there is none. */
static char *
eudora_folder(const char *path)
{
	int dir = (int)(sp_import_kind_base(path) - path);

	for (size_t i = 0; i < SP_COUNTOF(eudora_folders); i++) {
		char *beside =
		    sp_xasprintf("%.*s%s", dir, path, eudora_folders[i]);
		struct stat st;

		if (lstat(beside, &st) == 0 && S_ISDIR(st.st_mode))
			return (beside);
		free(beside);
	}
	return (NULL);
}

/* Say that attachments of ${e->converted} messages are not in the mbox. */
static void
eudora_note(const struct eudora *e, const struct sp_import_item *source)
{
	char *text, *folder = source->member == NULL
				  ? eudora_folder(source->path)
				  : NULL;

	text = sp_xasprintf(
	    "%" PRIu64
	    " messages are not whole: Eudora keeps their attachments as files%s%s, which are not taken with them (flag incomplete)",
	    e->converted, folder == NULL ? " elsewhere" : " in ",
	    folder == NULL ? "" : folder);
	sp_import_note(e->im, source->path, source->member, text);
	free(text);
	free(folder);
}

/* An mbox of Eudora. */
static enum sp_code
read_eudora(const struct sp_import *im, int fd,
    const struct sp_import_item *source, enum sp_import_as as,
    struct sp_err *err)
{
	struct eudora e = { .im = im };
	struct sp_import sub = *im;
	enum sp_code rc;

	sub.item = eudora_item;
	sub.failed = eudora_failed;
	sub.ctx = &e;
	rc = sp_import_mbox(&sub, fd, source, as, err);
	if (rc == SP_OK && e.converted > 0)
		eudora_note(&e, source);
	return (rc);
}

enum sp_code
sp_import_mbox_file(const struct sp_import *im, int fd,
    const struct sp_import_item *source, struct sp_err *err)
{
	static const char mark[] = "From ???@???";
	enum sp_import_as as = im->as;
	char first[sizeof(mark)];
	size_t got = 0;

	if (as < SP_IMPORT_AS_MBOX || as > SP_IMPORT_AS_MBOXCL2)
		as = SP_IMPORT_AS_MBOX;
	if (sp_io_pread(fd, first, sizeof(mark) - 1, 0, &got, NULL) == SP_OK &&
	    sp_view_starts(sp_view_mem(first, got), mark))
		return (read_eudora(im, fd, source, as, err));
	return (sp_import_mbox(im, fd, source, as, err));
}
