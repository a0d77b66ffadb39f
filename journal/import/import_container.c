/*
 * Containers: .zip, .7z, .tar, and what gzip, bzip2, xz, zstd and lz4
 * compressed, read by libarchive in the child process (import_child.h); the
 * parent gets each member that is mail as frames (import_out.h).  Formats and
 * filters are enabled one by one: others are not needed, and some of
 * libarchive's read badly or run programs.
 *
 *	run -> read_members -> read_member -> peek   (what is it?)
 *	                 ^         |-> send_member   a file of mail: frames
 *	                 '---------|-> read_inner    a container within
 *	run, o->kind ------------->'-> read_packed   one file, only compressed
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
#include <unistd.h>

#include "journal/import/import_child.h"
#include "journal/import/import_gzip.h"
#include "journal/import/import_priv.h"
#include "journal/import/import_refused.h"

/* Cyrus and Dovecot keep one message of several mailboxes so; tar has its bytes
 * once, under the first name. */
#define WHY_HARD_LINK \
	"a hard link to another member, which has the bytes; it may be mail: unpack the container and import the folder"
#define ENTRIES_MAX 20000000u /* members, of all containers in the file */
#define RATIO	    250u
#define FREE_BYTES  (UINT64_C(256) << 20)
#define NAME_BYTES  4096u /* of a member's name */
#define DEPTH_MAX   1 /* containers within the first */
#define CHUNK	    (64u << 10)

static const char *const containers[] = { ".zip", ".7z", ".tar", ".tgz",
	".tbz2", ".txz", ".tzst" };

struct reader {
	struct sp_import_out *o;
	bool bag; /* an export: its messages, and records.jsonl as a file */
	/* against bombs */
	uint64_t size; /* bytes of the file */
	uint64_t entries, bytes; /* that came out of it so far */
	const char *stop; /* the limit that was reached, or NULL */
	struct packed *packed; /* of the file in work that is only compressed */
};

/* What a file that is only compressed has for its check. */
struct packed {
	struct sp_import_gzip sum; /* of what came out */
	uint8_t last[SP_IMPORT_GZIP_TRAILER]; /* bytes of the file so far */
};

/* The first bytes of a member, which decide what it is. */
struct head {
	char p[SP_IMPORT_KIND_FIRST];
	size_t n;
};

bool
sp_import_is_container(const char *name)
{
	char *plain = sp_import_kind_uncompressed(name);
	bool yes = plain != NULL && sp_import_ends_with(plain, ".tar");

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

/* Whether the last part of ${name} is as Maildir names its files: TIME.ID.HOST,
 * or anything with flags behind ":2,".  What else lies in a folder "cur" of a
 * container, of which the other folders are not known, is looked at. */
static bool
is_maildir_name(const char *name)
{
	const char *base = sp_import_kind_base(name);
	size_t digits = strspn(base, "0123456789");
	const char *info = strstr(base, "2,");

	if (info != NULL && info > base && strchr(":;!-", info[-1]) != NULL)
		return (true);
	return (digits > 0 && base[digits] == '.' &&
		strchr(base + digits + 1, '.') != NULL);
}

/* How a member of an export is read, or NULL: only part of its proof. */
static const char *
kind_in_bag(const char *name)
{
	if (sp_import_ends_with(name, "data/records.jsonl"))
		return ("file");
	return (strstr(name, "data/messages/") != NULL ? "eml" : NULL);
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

/* Read up to ${n} bytes of the member in hand, the holes of a sparse one as
 * zeros: how many, fewer only at its end.  -1: what is wrong is in ${why}. */
static ssize_t
read_bytes(
    struct reader *r, struct archive *a, char *p, size_t n, const char **why)
{
	size_t got = 0;

	while (got < n) {
		la_ssize_t one = archive_read_data(a, p + got, n - got);

		if (one == ARCHIVE_WARN || one == ARCHIVE_RETRY)
			continue;
		if (one < 0) {
			*why = reason(a);
			return (-1);
		}
		if (one == 0)
			break;
		if (r->packed != NULL)
			sp_import_gzip_add(
			    &r->packed->sum, p + got, (size_t)one);
		got += (size_t)one;
		r->bytes += (uint64_t)one;
		*why = check_limits(r);
		if (*why != NULL)
			return (-1);
	}
	return ((ssize_t)got);
}

/* What is wrong with the file that is only compressed, all of which came out;
 * or NULL.  libarchive checks all compressions but gzip. */
static const char *
check_packed(const struct reader *r, struct archive *a)
{
	if (archive_filter_code(a, 0) != ARCHIVE_FILTER_GZIP ||
	    sp_import_gzip_fits(&r->packed->sum, r->packed->last))
		return (NULL);
	return (
	    "damaged: its gzip checksum is wrong (or it is several gzip streams in one file; unpack it first)");
}

/* Send the bytes of the member in hand, of which ${head} is read already.  What
 * is wrong with them, or NULL. */
static const char *
send_data(struct reader *r, struct archive *a, const struct head *head)
{
	char *chunk = sp_xmalloc(CHUNK);
	const char *why = NULL;
	ssize_t n = 1;

	sp_import_out_data(r->o, head->p, head->n);
	while (n > 0 && why == NULL) {
		n = read_bytes(r, a, chunk, CHUNK, &why);
		if (n > 0)
			sp_import_out_data(r->o, chunk, (size_t)n);
		if (r->o->broken)
			why = "stopped";
	}
	free(chunk);
	return (why);
}

/* Send the member in hand, which is to be read as ${kind}; ${compression}: how
 * it was compressed by itself, or NULL. */
static void
send_member(struct reader *r, struct archive *a, const char *name,
    const char *kind, const struct head *head, const char *compression)
{
	const struct sp_view none = { NULL, 0 };
	struct sp_buf extra;
	const char *why;
	char *text = compression == NULL
			 ? sp_xstrdup("")
			 : sp_xasprintf("\"compression\":\"%s\"", compression);

	sp_buf_init(&extra, 32u << 10);
	if (sp_import_add_facts(&extra, sp_view_str(text)) != SP_OK ||
	    sp_import_facts(name, in_maildir(name), false, none, &extra) !=
		SP_OK)
		sp_buf_clear(&extra);
	sp_import_out_begin(
	    r->o, name, kind, sp_buf_view(&extra), NULL, 0, none);
	sp_buf_done(&extra);
	free(text);
	why = send_data(r, a, head);
	if (why == NULL && r->packed != NULL)
		why = check_packed(r, a);
	if (why == NULL)
		sp_import_out_end(r->o);
	else
		sp_import_out_cut(r->o, name, why);
}

/* ---- a container --------------------------------------------------------- */

/* A libarchive reader with the formats that we read; ${raw}: of one file that
 * is only compressed. */
static struct archive *
reader_new(bool raw)
{
	struct archive *a = archive_read_new();

	if (a == NULL)
		return (NULL);
	if (raw) {
		(void)archive_read_support_format_raw(a);
		(void)archive_read_support_format_empty(a);
	} else {
		(void)archive_read_support_format_tar(a);
		(void)archive_read_support_format_zip(a);
		(void)archive_read_support_format_7zip(a);
	}
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_bzip2(a);
	(void)archive_read_support_filter_xz(a);
	(void)archive_read_support_filter_zstd(a);
	(void)archive_read_support_filter_lz4(a);
	return (a);
}

static void read_members(
    struct reader *r, struct archive *a, const char *within, int depth);

/* A container or a compressed file within a container: read through the outer
 * one, so that it is nowhere as a whole. */
struct inner {
	struct reader *r;
	struct archive *outer;
	const struct head *head; /* what of it is read already; NULL: given */
	struct packed packed; /* where it is only compressed */
	char buf[CHUNK];
};

/* Keep the last bytes of ${n} at ${p} in ${in}, and of those before. */
static void
keep_last(struct inner *in, const char *p, size_t n)
{
	uint8_t *last = in->packed.last;
	size_t old =
	    n < SP_IMPORT_GZIP_TRAILER ? SP_IMPORT_GZIP_TRAILER - n : 0;
	size_t new = SP_IMPORT_GZIP_TRAILER - old;

	memmove(last, last + new, old);
	memcpy(last + old, p + n - new, new);
}

/* More bytes of the member of the outer container: those that were looked at
 * come first. */
static la_ssize_t
on_inner_read(struct archive *a, void *ctx, const void **out)
{
	struct inner *in = ctx;
	const char *why = NULL;
	ssize_t n;

	*out = in->buf;
	if (in->head != NULL && in->head->n > 0) {
		*out = in->head->p;
		n = (ssize_t)in->head->n;
	} else {
		struct packed *mine = in->r->packed;

		/* These bytes are not yet uncompressed. */
		in->r->packed = NULL;
		n = read_bytes(
		    in->r, in->outer, in->buf, sizeof(in->buf), &why);
		in->r->packed = mine;
	}
	in->head = NULL;
	if (n < 0)
		archive_set_error(a, -1, "%s", why);
	else
		keep_last(in, *out, (size_t)n);
	return (n);
}

/* The file of ${a}, opened as "raw", is one compressed file called ${name}:
 * read as ${kind}. */
static void
read_packed(
    struct reader *r, struct archive *a, const char *name, const char *kind)
{
	struct archive_entry *e;
	struct head head = { .n = 0 };
	int rc = archive_read_next_header(a, &e);

	r->entries++;
	if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN && rc != ARCHIVE_EOF)
		sp_import_out_failed(r->o, name, reason(a));
	else if (archive_filter_code(a, 0) == ARCHIVE_FILTER_NONE)
		sp_import_out_failed(r->o, name,
		    "not compressed, as its name says, or damaged; where it is mail, rename it");
	else if (rc == ARCHIVE_EOF && strcmp(kind, "eml") != 0)
		sp_import_out_not_mail(r->o, name, SP_IMPORT_KIND_EMPTY);
	else
		send_member(r, a, name, kind, &head, archive_filter_name(a, 0));
}

/* Read the member ${name} of ${outer}, itself a container, or where ${kind} is
 * not NULL compressed. */
static void
read_inner(struct reader *r, struct archive *outer, const char *name,
    const char *kind, const struct head *head, int depth)
{
	struct inner *in;
	struct archive *a;

	if (kind == NULL && depth >= DEPTH_MAX) {
		sp_import_out_failed(r->o, name,
		    "a container in a container in a container; unpack it first");
		return;
	}
	in = sp_xcalloc(1, sizeof(*in));
	a = reader_new(kind != NULL);
	in->r = r;
	in->outer = outer;
	in->head = head;
	r->packed = kind == NULL ? NULL : &in->packed;
	if (a == NULL ||
	    archive_read_open(a, in, NULL, on_inner_read, NULL) != ARCHIVE_OK)
		sp_import_out_failed(
		    r->o, name, a == NULL ? "no memory" : reason(a));
	else if (kind != NULL)
		read_packed(r, a, name, kind);
	else
		read_members(r, a, name, depth + 1);
	r->packed = NULL;
	(void)archive_read_free(a);
	free(in);
}

/* The name of a member in its own container; NULL where it is not readable or
 * too long. */
static const char *
own_name(struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e);

	if (name == NULL)
		name = archive_entry_pathname_utf8(e);
	return (name == NULL || strlen(name) > NAME_BYTES ? NULL : name);
}

/* The member in hand by its kind: sent, read as a container, counted as not
 * mail, or named as not readable.  ${own}: its name in its own container. */
static void
read_kind(struct reader *r, struct archive *a, const char *name,
    const char *own, const struct head *head, int depth)
{
	const struct sp_import_place place = { .path = own,
		.part = in_maildir(own),
		.maildir = in_maildir(own) && is_maildir_name(own) };
	const char *why = NULL;
	enum sp_import_kind kind =
	    sp_import_kind_of(&place, sp_view_mem(head->p, head->n), &why);

	if (kind > SP_IMPORT_KIND_REFUSED)
		sp_import_out_not_mail(r->o, name, kind);
	else if (kind == SP_IMPORT_KIND_REFUSED)
		sp_import_out_failed(r->o, name, why);
	else if (kind == SP_IMPORT_KIND_PST)
		sp_import_out_failed(r->o, name,
		    "an Outlook file in a container; unpack it first");
	else if (kind == SP_IMPORT_KIND_CONTAINER)
		read_inner(r, a, name, NULL, head, depth);
	else if (kind == SP_IMPORT_KIND_COMPRESSED)
		read_inner(
		    r, a, name, sp_import_kind_packed(&place), head, depth);
	else
		send_member(r, a, name, sp_import_kind_frame(kind), head, NULL);
}

/* A member that is not encrypted: look at its first bytes, but of an export
 * only at its name. */
static void
read_file(struct reader *r, struct archive *a, const char *name,
    const char *own, int depth)
{
	struct head *head = sp_xcalloc(1, sizeof(*head));
	const char *why = NULL;
	ssize_t n = 0;

	if (r->bag && kind_in_bag(name) == NULL) {
		sp_import_out_not_mail(r->o, name, SP_IMPORT_KIND_OTHER);
	} else if (r->bag) {
		send_member(r, a, name, kind_in_bag(name), head, NULL);
	} else {
		n = read_bytes(r, a, head->p, sizeof(head->p), &why);
		head->n = n < 0 ? 0 : (size_t)n;
		if (n < 0)
			sp_import_out_failed(r->o, name, why);
		else
			read_kind(r, a, name, own, head, depth);
	}
	free(head);
}

/* One member: a folder, a link, encrypted, or a file. */
static void
read_member(struct reader *r, struct archive *a, struct archive_entry *e,
    const char *within, int depth)
{
	const char *own = own_name(e);
	char *name, *mine;

	if (own == NULL) {
		sp_import_out_failed(
		    r->o, "(a member)", "its name is not readable");
		return;
	}
	/* libarchive's own copy may change while the member is read. */
	mine = sp_xstrdup(own);
	name =
	    depth == 0 ? sp_xstrdup(own) : sp_xasprintf("%s:%s", within, own);
	if (archive_entry_filetype(e) == AE_IFDIR)
		; /* its files come by themselves */
	else if (archive_entry_hardlink(e) != NULL)
		sp_import_out_failed(r->o, name, WHY_HARD_LINK);
	else if (archive_entry_filetype(e) == AE_IFLNK)
		sp_import_out_not_mail(r->o, name, SP_IMPORT_KIND_LINK);
	else if (archive_entry_filetype(e) != AE_IFREG)
		sp_import_out_not_mail(r->o, name, SP_IMPORT_KIND_SPECIAL);
	else if (archive_entry_is_encrypted(e))
		sp_import_out_failed(r->o, name, "encrypted; unpack it first");
	else if (strstr(mine, "com.microsoft.__Messages/") != NULL) {
		r->stop = sp_import_refused_name("x.olm");
		sp_import_out_failed(
		    r->o, within == NULL ? "" : within, r->stop);
	} else
		read_file(r, a, name, mine, depth);
	free(name);
	free(mine);
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
	return (reader_new(o->kind != NULL));
}

/* The work of the child: a container, or one file that is only compressed. */
static void
run(struct sp_import_out *o, void *opened, int fd, uint64_t size,
    uint64_t first)
{
	struct reader r = {
		.o = o, .size = size, .bag = o->as == SP_IMPORT_AS_EXPORT
	};
	struct packed packed = { .sum = { 0 } };
	struct archive *a = opened;

	(void)first;
	if (o->kind != NULL) {
		r.packed = &packed;
		if (size < sizeof(packed.last) ||
		    pread(fd, packed.last, sizeof(packed.last),
			(off_t)(size - sizeof(packed.last))) < 0)
			memset(packed.last, 0, sizeof(packed.last));
	}
	if (archive_read_open_fd(a, fd, CHUNK) != ARCHIVE_OK)
		sp_import_out_failed(o, "", reason(a));
	else if (o->kind != NULL)
		read_packed(&r, a, SP_IMPORT_NO_NAME, o->kind);
	else
		read_members(&r, a, NULL, 0);
	(void)archive_read_free(a);
	sp_import_out_done(o);
}

enum sp_code
sp_import_container(const struct sp_import *im, int fd,
    const struct sp_import_item *source, struct sp_err *err)
{
	static const struct sp_import_child_work work = { on_open, run, false,
		NULL };

	return (sp_import_child_run(im, fd, source, &work, err));
}

enum sp_code
sp_import_compressed(const struct sp_import *im, int fd,
    const struct sp_import_item *source, const char *kind, struct sp_err *err)
{
	const struct sp_import_child_work work = { on_open, run, false, kind };

	return (sp_import_child_run(im, fd, source, &work, err));
}
