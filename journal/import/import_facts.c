/*
 * What the place and the header of a file say besides the message: members of
 * "source" in its record (doc/import.md, "Maildir" and "Piler").  Called for
 * files of one message (import.c), members of containers (import_container.c,
 * in the child) and what Piler exported (import_in.c).
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "journal/import/import_priv.h"

#define PILER_MAX 1000 /* recipients noted; more are left out */

static const char piler_field[] = "X-Piler-Envelope-To:";

/* The part of ${path} before its last "/", and in ${name} what follows. */
static struct sp_view
parent_of(struct sp_view path, struct sp_view *name)
{
	for (size_t i = path.n; i > 0; i--) {
		if (path.p[i - 1] != '/')
			continue;
		*name = sp_view_mem(path.p + i, path.n - i);
		return (sp_view_mem(path.p, i - 1));
	}
	*name = path;
	return (sp_view_mem(path.p, 0));
}

/* ".../Maildir/.Sent.2025/cur/NAME:2,FS": folder ".Sent.2025", flags "FS". */
static void
add_maildir(struct sp_json *j, const char *path)
{
	struct sp_view name, part, folder, box;
	const char *info;

	box = parent_of(parent_of(sp_view_str(path), &name), &part);
	if (!sp_view_eq_str(part, "cur") && !sp_view_eq_str(part, "new"))
		return;
	(void)parent_of(box, &folder);
	sp_json_obj(j, "maildir");
	sp_json_str(j, "folder", folder);
	sp_json_str(j, "part", part);
	sp_json_str(j, "name", name);
	/* Where a colon cannot be in a name others stand for it. */
	info = memmem(name.p, name.n, "2,", 2);
	if (info != NULL && info > name.p && strchr(":;!-", info[-1]) != NULL)
		sp_json_str(j, "flags",
		    sp_view_mem(
			info + 2, name.n - (size_t)(info + 2 - name.p)));
	sp_json_obj_end(j);
}

/* Whether the header goes on with a continuation of the field before (RFC 5322
 * section 2.2.3). */
static bool
is_folded(struct sp_view rest)
{
	return (rest.n > 0 && (rest.p[0] == ' ' || rest.p[0] == '\t'));
}

/* Cut the recipient that Piler noted from the top of ${rest}; false where the
 * next line is another field, or is not as Piler writes it. */
static bool
next_piler(struct sp_view *rest, struct sp_view *addr)
{
	struct sp_view line = sp_view_cut(rest, '\n');

	if (!sp_view_istarts(line, piler_field))
		return (false);
	*addr = sp_view_trim(sp_view_mem(
	    line.p + strlen(piler_field), line.n - strlen(piler_field)));
	if (addr->n >= 2 && addr->p[0] == '<' && addr->p[addr->n - 1] == '>')
		*addr = sp_view_mem(addr->p + 1, addr->n - 2);
	return (addr->n > 0 && !is_folded(*rest));
}

/* Piler wrote one line for each recipient before all that it received: a claim
 * of the envelope.  Lines of that name further down came with the message. */
static void
add_piler(struct sp_json *j, struct sp_view msg)
{
	struct sp_view rest = msg, addr;
	size_t n = 0;

	while (n < PILER_MAX && next_piler(&rest, &addr)) {
		if (n++ == 0) {
			sp_json_obj(j, "claimed_envelope");
			sp_json_cstr(j, "by", "piler");
			sp_json_arr(j, "to");
		}
		sp_json_obj(j, NULL);
		sp_json_str(j, "addr", addr);
		sp_json_obj_end(j);
	}
	if (n > 0) {
		sp_json_arr_end(j);
		sp_json_obj_end(j);
	}
}

enum sp_code
sp_import_facts(const char *path, bool in_maildir, bool from_piler,
    struct sp_view msg, struct sp_buf *out)
{
	struct sp_json j;
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, out->max);
	sp_json_init(&j, &b);
	if (in_maildir)
		add_maildir(&j, path);
	if (from_piler)
		add_piler(&j, msg);
	rc = sp_json_end(&j);
	if (rc == SP_OK && b.n > 0 && out->n > 0)
		rc = sp_buf_addc(out, ',');
	if (rc == SP_OK)
		rc = sp_buf_addv(out, sp_buf_view(&b));
	sp_buf_done(&b);
	return (rc);
}
