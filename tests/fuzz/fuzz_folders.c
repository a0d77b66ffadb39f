/*
 * What a file of a mail folder is, and the files of Apple Mail and Dovecot: the
 * first byte chooses the name and place, the rest is the file.  Whatever comes
 * out must lie within the file, and together be all of it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "journal/import/import_dbox.h"
#include "journal/import/import_emlx.h"
#include "journal/import/import_kind.h"
#include "journal/import/import_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parts that follow each other are the whole file. */
static void
check_parts(
    struct sp_view file, struct sp_view a, struct sp_view b, struct sp_view c)
{
	assert(a.p == file.p);
	assert(b.p == a.p + a.n);
	assert(c.p == b.p + b.n);
	assert(a.n + b.n + c.n == file.n);
}

static void
check_emlx(struct sp_view file)
{
	struct sp_import_emlx e;
	char date[SP_TIME_LEN + 1];
	struct sp_buf out;

	if (sp_import_emlx_parse("1.partial.emlx", file, &e) != NULL)
		return;
	check_parts(file, e.line, e.message, e.plist);
	(void)sp_import_emlx_date(&e, date);
	sp_buf_init(&out, SP_IMPORT_EXTRA_MAX);
	assert(
	    sp_import_emlx_facts(&e, NULL, 0, &out) == SP_OK || e.plist.n > 0);
	sp_buf_done(&out);
}

static void
check_dbox(struct sp_view file)
{
	struct sp_import_dbox d;
	char date[SP_TIME_LEN + 1];
	struct sp_buf out;

	if (sp_import_dbox_parse(file, &d) != NULL)
		return;
	check_parts(file, d.head, d.message, d.tail);
	(void)sp_import_dbox_date(&d, date);
	sp_buf_init(&out, SP_IMPORT_EXTRA_MAX);
	(void)!sp_import_dbox_facts(&d, &out);
	sp_buf_done(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "a.eml", "noname", "17", "17.",
		"a.msg", "u.1", "storage/m.1", "a.mbox" };
	struct sp_import_place place;
	enum sp_import_kind kind;
	const char *why = NULL;
	struct sp_view file;
	char *copy;

	if (size < 1)
		return (0);
	/* On the heap, so that a byte behind it is seen. */
	copy = sp_xcalloc(size, 1);
	memcpy(copy, data + 1, size - 1);
	copy = sp_xrealloc(copy, size > 1 ? size - 1 : 1);
	file = sp_view_mem(copy, size - 1);
	place = (struct sp_import_place){ .path = names[data[0] & 7],
		.part = (data[0] & 8) != 0,
		.maildir = (data[0] & 16) != 0,
		.spool = (data[0] & 32) != 0,
		.named = (data[0] & 64) != 0 };
	kind = sp_import_kind_of(&place, file, &why);
	assert(kind != SP_IMPORT_KIND_REFUSED || why != NULL);
	assert(sp_import_kind_named(sp_import_kind_name(kind)) == kind);
	check_emlx(file);
	check_dbox(file);
	free(copy);
	return (0);
}
