/*
 * Files of Apple Mail: see journal/import/import_emlx.h.  The message is what
 * the count says and nothing else; where the count does not lead to the
 * property list (a program rewrote the line ends), the message is doubted.
 */
#include "journal/import/import_emlx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "journal/import/import_kind.h"
#include "journal/import/import_priv.h"

#define LINE_MAX_BYTES 64 /* of the count */
#define PLIST_MAX      (64u << 10) /* bytes that the record keeps */
#define DAY_MAX	       INT64_C(253402300799) /* the last second of 9999 */

/* The count, so many bytes, and the property list. */
const char *
sp_import_emlx_parse(
    const char *name, struct sp_view file, struct sp_import_emlx *out)
{
	struct sp_view rest = file, line = sp_view_cut(&rest, '\n');
	uint64_t n;

	if (rest.p == NULL || line.n > LINE_MAX_BYTES ||
	    !sp_view_u64(sp_view_trim(line), &n))
		return (
		    "not a message of Apple Mail: its first line is no count of bytes");
	if (n > rest.n)
		return (
		    "cut off: its first line announces more bytes than there are");
	*out = (struct sp_import_emlx){
		.line = sp_view_mem(file.p, line.n + 1),
		.message = sp_view_mem(rest.p, (size_t)n),
		.plist = sp_view_mem(rest.p + n, rest.n - (size_t)n),
		.partial = sp_import_ends_with(name, ".partial.emlx"),
	};
	line = sp_view_trim(out->plist);
	out->doubted = line.n > 0 && !sp_view_starts(line, "<?xml") &&
		       !sp_view_starts(line, "<!DOCTYPE plist") &&
		       !sp_view_starts(line, "<plist");
	return (NULL);
}

/* The text between ${open} and ${close} behind ${key}; false: not there. */
static bool
value_of(struct sp_view v, const char *key, const char *open, const char *close,
    struct sp_view *out)
{
	const char *at = memmem(v.p, v.n, key, strlen(key)), *end;
	struct sp_view rest;

	if (at == NULL)
		return (false);
	at += strlen(key);
	rest = sp_view_trim(sp_view_mem(at, v.n - (size_t)(at - v.p)));
	if (!sp_view_starts(rest, open))
		return (false);
	at = rest.p + strlen(open);
	rest = sp_view_mem(at, rest.n - strlen(open));
	end = memmem(rest.p, rest.n, close, strlen(close));
	if (end == NULL)
		return (false);
	*out = sp_view_mem(rest.p, (size_t)(end - rest.p));
	return (true);
}

bool
sp_import_emlx_date(const struct sp_import_emlx *e, char out[SP_TIME_LEN + 1])
{
	struct sp_view text;
	uint64_t seconds;

	if (e->plist.n == 0 ||
	    !value_of(e->plist, "<key>date-received</key>", "<integer>",
		"</integer>", &text) ||
	    !sp_view_u64(text, &seconds) || seconds > (uint64_t)DAY_MAX)
		return (false);
	sp_time_format((int64_t)seconds * 1000000, out);
	return (true);
}

enum sp_code
sp_import_emlx_facts(const struct sp_import_emlx *e, char *const *attachments,
    size_t n, struct sp_buf *out)
{
	struct sp_json j;

	sp_json_init(&j, out);
	sp_json_obj(&j, "emlx");
	sp_json_str(&j, "line", e->line);
	if (e->plist.n > 0 && e->plist.n <= PLIST_MAX)
		sp_json_str(&j, "plist", e->plist);
	if (e->partial)
		sp_json_bool(&j, "partial", true);
	if (n > 0)
		sp_json_arr(&j, "attachments");
	for (size_t i = 0; i < n; i++)
		sp_json_cstr(&j, NULL, attachments[i]);
	if (n > 0)
		sp_json_arr_end(&j);
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}

/* ---- what lies beside ---------------------------------------------------- */

struct beside {
	char **names;
	size_t n;
};

static void
add(struct beside *b, char *name)
{
	if (b->n == SP_IMPORT_EMLX_BESIDE_MAX) {
		free(name);
		return;
	}
	b->names[b->n++] = name;
}

/* The names in ${dir} that begin with ${prefix} and end with ${suffix}. */
static void
list_parts(
    struct beside *b, const char *dir, const char *prefix, const char *suffix)
{
	char **names = NULL;
	size_t n = 0;

	if (sp_io_list(dir, &names, &n, NULL) != SP_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		if (strncmp(names[i], prefix, strlen(prefix)) == 0 &&
		    sp_import_ends_with(names[i], suffix))
			add(b, sp_xstrdup(names[i]));
	}
	sp_io_names_free(names, n);
}

/* The files in the folders of ${dir}, as "Attachments/NUMBER/PART/NAME". */
static void
list_attachments(struct beside *b, const char *dir, const char *number)
{
	char **parts = NULL;
	size_t nparts = 0;

	if (sp_io_list(dir, &parts, &nparts, NULL) != SP_OK)
		return;
	for (size_t i = 0; i < nparts; i++) {
		char *part = sp_xasprintf("%s/%s", dir, parts[i]);
		char **names = NULL;
		size_t n = 0;

		if (sp_io_list(part, &names, &n, NULL) == SP_OK) {
			for (size_t k = 0; k < n; k++)
				add(b, sp_xasprintf("Attachments/%s/%s/%s",
					   number, parts[i], names[k]));
			sp_io_names_free(names, n);
		}
		free(part);
	}
	sp_io_names_free(parts, nparts);
}

char **
sp_import_emlx_beside(const char *path, size_t *n)
{
	const char *base = sp_import_kind_base(path);
	char *number = sp_view_dup(sp_view_mem(base, strcspn(base, ".")));
	char *dir = base == path
			? sp_xstrdup(".")
			: sp_view_dup(sp_view_mem(path, (size_t)(base - path)));
	char *prefix = sp_xasprintf("%s.", number);
	char *outside = sp_xasprintf("%s/../Attachments/%s", dir, number);
	struct beside b = { .names = sp_xcalloc(
				SP_IMPORT_EMLX_BESIDE_MAX, sizeof(char *)) };

	list_parts(&b, dir, prefix, ".emlxpart");
	list_attachments(&b, outside, number);
	free(outside);
	free(prefix);
	free(dir);
	free(number);
	*n = b.n;
	return (b.names);
}

void
sp_import_emlx_beside_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}
