/*
 * Containers: .zip, .7z, .tar, and what gzip, bzip2, xz and zstd compressed,
 * read by libarchive in the child process (import_child.h); the parent gets
 * each member that is mail as frames (import_out.h).  Formats and filters are
 * enabled one by one: others are not needed, and some of libarchive's read
 * badly or run programs.
 *
 * Limits: ENTRIES_MAX members, RATIO times the size of the container (and
 * FREE_BYTES) of bytes out of it, one container within another.  What is
 * encrypted, damaged or beyond a limit is named, and the rest is read.
 */
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "journal/import/import_child.h"
#include "journal/import/import_priv.h"

#define ENTRIES_MAX 20000000u /* members, of all containers in the file */
#define RATIO	    250u
#define FREE_BYTES  (UINT64_C(256) << 20)
#define NAME_BYTES  4096u /* of a member's name */
#define DEPTH_MAX   1 /* containers within the first */
#define CHUNK	    (64u << 10)

static const char *const compressed[] = { ".gz", ".bz2", ".xz", ".zst" };
static const char *const containers[] = { ".zip", ".7z", ".tar", ".tgz",
	".tbz2", ".txz", ".tzst" };

struct reader {
	struct sp_import_out *o;
	bool bag; /* an export: its messages, and records.jsonl as a file */
	/* against bombs */
	uint64_t size; /* bytes of the file */
	uint64_t entries, bytes; /* that came out of it so far */
	const char *stop; /* the limit that was reached, or NULL */
};

/* The name without the ending of a compression; NULL where it has none.
 * malloc'ed. */
static char *
name_uncompressed(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < SP_COUNTOF(compressed); i++) {
		if (sp_import_ends_with(name, compressed[i]))
			return (sp_view_dup(
			    sp_view_mem(name, n - strlen(compressed[i]))));
	}
	return (NULL);
}

bool
sp_import_is_container(const char *name)
{
	char *plain = name_uncompressed(name);
	bool yes = plain != NULL && (sp_import_ends_with(plain, ".eml") ||
					sp_import_ends_with(plain, ".mbox") ||
					sp_import_ends_with(plain, ".tar"));

	for (size_t i = 0; i < SP_COUNTOF(containers); i++)
		yes = yes || sp_import_ends_with(name, containers[i]);
	free(plain);
	return (yes);
}

/* ---- a member ------------------------------------------------------------ */

/* Whether ${name} is cur/NAME or new/NAME at any depth: a message of a
 * Maildir. */
static bool
in_maildir(const char *name)
{
	const char *slash = strrchr(name, '/');

	if (slash == NULL || slash == name)
		return (false);
	for (const char *p = slash; p > name; p--) {
		size_t n;

		if (p[-1] == '/' || p == name + 1) {
			const char *part = p[-1] == '/' ? p : name;

			n = (size_t)(slash - part);
			return (n == 3 && (memcmp(part, "cur", 3) == 0 ||
					      memcmp(part, "new", 3) == 0));
		}
	}
	return (false);
}

/* How a member of an export is read, or NULL: only part of its proof. */
static const char *
kind_in_bag(const char *name)
{
	if (sp_import_ends_with(name, "data/records.jsonl"))
		return ("file");
	return (strstr(name, "data/messages/") != NULL ? "eml" : NULL);
}

/* How a member is read (see sp_import_out_begin), or NULL: not mail. */
static const char *
kind_of(const char *name)
{
	if (sp_import_ends_with(name, ".eml"))
		return ("eml");
	if (sp_import_ends_with(name, ".mbox"))
		return ("mbox");
	return (in_maildir(name) ? "eml" : NULL);
}

/* The limit that is reached, as a reason, or NULL; kept in r->stop. */
static const char *
check_limits(struct reader *r)
{
	if (r->entries > ENTRIES_MAX)
		r->stop =
		    "the container has too many members; the rest is not read";
	else if (r->bytes > FREE_BYTES + RATIO * r->size)
		r->stop =
		    "the container grows too much when it is unpacked (a bomb?); the rest is not read";
	return (r->stop);
}

/* Why libarchive failed. */
static const char *
reason(struct archive *a)
{
	const char *text = archive_error_string(a);

	return (text == NULL ? "damaged" : text);
}

/* Send the bytes of the member in hand, the holes of a sparse one as zeros.
 * What is wrong with them, or NULL. */
static const char *
send_data(struct reader *r, struct archive *a)
{
	const void *p;
	size_t n;
	la_int64_t at, next = 0;
	int rc;

	while ((rc = archive_read_data_block(a, &p, &n, &at)) == ARCHIVE_OK ||
	       rc == ARCHIVE_WARN) {
		static const char zeros[4096];

		r->bytes += n + (uint64_t)(at > next ? at - next : 0);
		if (check_limits(r) != NULL)
			return (r->stop);
		for (; next < at; next += (la_int64_t)sizeof(zeros)) {
			size_t gap = (size_t)(at - next);

			sp_import_out_data(r->o, zeros,
			    gap < sizeof(zeros) ? gap : sizeof(zeros));
		}
		sp_import_out_data(r->o, p, n);
		next = at + (la_int64_t)n;
		if (r->o->broken)
			return ("stopped");
	}
	return (rc == ARCHIVE_EOF ? NULL : reason(a));
}

/* Send the member in hand, which is to be read as ${kind}. */
static void
send_member(
    struct reader *r, struct archive *a, const char *name, const char *kind)
{
	struct sp_buf extra;
	const struct sp_view none = { NULL, 0 };
	const char *why;

	sp_buf_init(&extra, 32u << 10);
	if (sp_import_facts(name, in_maildir(name), false, none, &extra) !=
	    SP_OK)
		sp_buf_clear(&extra);
	sp_import_out_begin(
	    r->o, name, kind, sp_buf_view(&extra), NULL, 0, none);
	sp_buf_done(&extra);
	why = send_data(r, a);
	if (why == NULL)
		sp_import_out_end(r->o);
	else
		sp_import_out_cut(r->o, name, why);
}

/* ---- a container --------------------------------------------------------- */

/* Whether ${name} says that the file is one message, or one mbox, that is only
 * compressed: then its bytes are that, whatever they look like. */
static bool
is_one_compressed(const char *name)
{
	char *plain = name_uncompressed(name);
	bool is = plain != NULL && (sp_import_ends_with(plain, ".eml") ||
				       sp_import_ends_with(plain, ".mbox"));

	free(plain);
	return (is);
}

/* A libarchive reader for the container ${name} with the formats that we read:
 * also a file that is only compressed ("raw"). */
static struct archive *
reader_new(const char *name)
{
	struct archive *a = archive_read_new();

	if (a == NULL)
		return (NULL);
	if (!is_one_compressed(name)) {
		(void)archive_read_support_format_tar(a);
		(void)archive_read_support_format_zip(a);
		(void)archive_read_support_format_7zip(a);
	}
	(void)archive_read_support_format_raw(a);
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_bzip2(a);
	(void)archive_read_support_filter_xz(a);
	(void)archive_read_support_filter_zstd(a);
	return (a);
}

static void read_members(
    struct reader *r, struct archive *a, const char *within, int depth);

/* A container within a container: read through the outer one, so that it is
 * nowhere as a whole. */
struct inner {
	struct reader *r;
	struct archive *outer;
	char buf[CHUNK];
};

static la_ssize_t
on_inner_read(struct archive *a, void *ctx, const void **out)
{
	struct inner *in = ctx;
	la_ssize_t n = archive_read_data(in->outer, in->buf, sizeof(in->buf));

	if (n < 0) {
		archive_set_error(a, -1, "%s", reason(in->outer));
		return (-1);
	}
	in->r->bytes += (uint64_t)n;
	if (check_limits(in->r) != NULL) {
		archive_set_error(a, -1, "%s", in->r->stop);
		return (-1);
	}
	*out = in->buf;
	return (n);
}

/* Read the member ${name} of ${outer}, itself a container. */
static void
read_inner(struct reader *r, struct archive *outer, const char *name, int depth)
{
	struct inner *in;
	struct archive *a;

	if (depth >= DEPTH_MAX) {
		sp_import_out_failed(r->o, name,
		    "a container in a container in a container; unpack it first");
		return;
	}
	in = sp_xcalloc(1, sizeof(*in));
	a = reader_new(name);
	in->r = r;
	in->outer = outer;
	if (a == NULL ||
	    archive_read_open(a, in, NULL, on_inner_read, NULL) != ARCHIVE_OK)
		sp_import_out_failed(
		    r->o, name, a == NULL ? "no memory" : reason(a));
	else
		read_members(r, a, name, depth + 1);
	(void)archive_read_free(a);
	free(in);
}

/* The name for the record: "WITHIN:NAME" in an inner container.  A file that
 * was only compressed has no name of its own: it is ${within} without the
 * ending, or "data".  NULL where it is not readable or too long; malloc'ed. */
static char *
member_name(
    struct archive *a, struct archive_entry *e, const char *within, int depth)
{
	const char *name = archive_entry_pathname(e);
	char *plain, *out;

	if (name == NULL)
		name = archive_entry_pathname_utf8(e);
	if (archive_format(a) == ARCHIVE_FORMAT_RAW) {
		plain = within == NULL ? NULL : name_uncompressed(within);
		return (plain == NULL ? sp_xstrdup("data") : plain);
	}
	if (name == NULL || strlen(name) > NAME_BYTES)
		return (NULL);
	out =
	    depth == 0 ? sp_xstrdup(name) : sp_xasprintf("%s:%s", within, name);
	return (out);
}

/* One member: what it is decides whether it is sent, read as a container,
 * counted as not mail, or named as not readable. */
static void
read_member(struct reader *r, struct archive *a, struct archive_entry *e,
    const char *within, int depth)
{
	char *name = member_name(a, e, within, depth);
	bool raw = archive_format(a) == ARCHIVE_FORMAT_RAW;
	const char *kind;

	if (name == NULL) {
		sp_import_out_failed(
		    r->o, "(a member)", "its name is not readable");
		return;
	}
	kind = r->bag ? kind_in_bag(name) : kind_of(name);
	if (raw && kind == NULL)
		kind = "mail"; /* the parent looks at its first bytes */
	if (archive_entry_filetype(e) == AE_IFDIR)
		; /* its files come by themselves */
	else if (archive_entry_hardlink(e) != NULL ||
		 (!raw && archive_entry_filetype(e) != AE_IFREG))
		sp_import_out_not_mail(r->o, name);
	else if (kind == NULL && !r->bag && sp_import_is_pst(name))
		sp_import_out_failed(r->o, name,
		    "an Outlook file in a container; unpack it first");
	else if (kind == NULL && (r->bag || !sp_import_is_container(name)))
		sp_import_out_not_mail(r->o, name);
	else if (archive_entry_is_encrypted(e))
		sp_import_out_failed(r->o, name, "encrypted; unpack it first");
	else if (kind != NULL)
		send_member(r, a, name, kind);
	else
		read_inner(r, a, name, depth);
	free(name);
}

/* All members of ${a}, the container ${within} (NULL: the outermost), until
 * its end, a limit, or damage that libarchive cannot pass.  One without members
 * may be a file that was overwritten with NULs: it is named. */
static void
read_members(struct reader *r, struct archive *a, const char *within, int depth)
{
	const uint64_t before = r->entries;
	struct archive_entry *e;
	int rc = ARCHIVE_OK;

	while (r->stop == NULL && !r->o->broken &&
	       ((rc = archive_read_next_header(a, &e)) == ARCHIVE_OK ||
		   rc == ARCHIVE_WARN)) {
		r->entries++;
		if (check_limits(r) != NULL) {
			sp_import_out_failed(
			    r->o, within == NULL ? "" : within, r->stop);
			return;
		}
		read_member(r, a, e, within, depth);
	}
	if (r->stop == NULL && !r->o->broken && rc != ARCHIVE_EOF)
		sp_import_out_failed(r->o, within == NULL ? "" : within,
		    archive_read_has_encrypted_entries(a) > 0
			? "encrypted; unpack it first"
			: reason(a));
	else if (rc == ARCHIVE_EOF && r->entries == before)
		sp_import_out_failed(r->o, within == NULL ? "" : within,
		    "a container with no member in it: it is empty or damaged");
}

static void *
on_open(struct sp_import_out *o, int fd)
{
	(void)fd;
	/* Names in UTF-8 need a locale that has them. */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return (reader_new(o->path));
}

static void
run(struct sp_import_out *o, void *opened, int fd, uint64_t size,
    uint64_t first)
{
	struct reader r = {
		.o = o, .size = size, .bag = o->as == SP_IMPORT_AS_EXPORT
	};
	struct archive *a = opened;

	(void)first;
	if (archive_read_open_fd(a, fd, CHUNK) != ARCHIVE_OK)
		sp_import_out_failed(o, "", reason(a));
	else
		read_members(&r, a, NULL, 0);
	(void)archive_read_free(a);
	sp_import_out_done(o);
}

enum sp_code
sp_import_container(const struct sp_import *im, int fd,
    const struct sp_import_item *source, struct sp_err *err)
{
	static const struct sp_import_child_work work = { on_open, run, false };

	return (sp_import_child_run(im, fd, source, &work, err));
}
