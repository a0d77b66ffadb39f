/*
 * One file, wherever the walk or the operator found it: what it is, and which
 * reader gets it.
 *
 *	sp_import_file --> choose (import_kind.h; --as)
 *	  |  message, emlx, dbox   read_single -> import_single.c
 *	  |  mbox                  import_eudora.c -> import_mbox.c
 *	  |  container, Outlook    in a child  -> import_child.h
 *	  |  compressed            in a child
 *	  |  refused               im->failed
 *	  '  no mail               im->not_mail
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/sha256.h"
#include "journal/import/import_priv.h"
#include "journal/import/import_refused.h"

#define CHUNK (256u << 10) /* bytes read at a time */

/* ---- one message in a file ----------------------------------------------- */

/* Append the file to ${out} until its end or until it is larger than ${max}:
 * ${out} holds ${max} and CHUNK bytes more. */
static enum sp_code
read_up_to(int fd, uint64_t max, struct sp_buf *out, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	uint64_t off = 0;
	size_t got = 1;

	while (rc == SP_OK && got > 0 && out->n <= max) {
		char *at = sp_buf_reserve(out, CHUNK);

		if (at == NULL)
			return (sp_err_set(err, SP_ELIMIT, 0, "no memory"));
		rc = sp_io_pread(fd, at, CHUNK, off, &got, err);
		if (rc == SP_OK) {
			off += got;
			out->n += got;
		}
	}
	return (rc);
}

/* All of the file is one message, perhaps with something around it.  One that
 * cannot be read, or is too large, is reported and is no error. */
static enum sp_code
read_single(const struct sp_import *im, int fd,
    const struct sp_import_place *place, enum sp_import_kind kind,
    struct sp_err *err)
{
	struct sp_import_item item = { .path = place->path };
	uint8_t sha256[SP_SHA256_LEN];
	enum sp_code rc = SP_OK;
	struct sp_buf b;

	sp_buf_init(&b, im->max_message + CHUNK);
	if (read_up_to(fd, im->max_message, &b, err) != SP_OK) {
		im->failed(im->ctx, place->path, err->msg);
	} else if (b.n > im->max_message) {
		im->failed(
		    im->ctx, place->path, "larger than the message limit");
	} else {
		sp_sha256_once(b.p, b.n, sha256);
		item.file_sha256 = sha256;
		rc = sp_import_single(
		    im, &item, kind, place, sp_buf_view(&b), err);
	}
	sp_buf_done(&b);
	return (rc);
}

/* ---- many messages in a file --------------------------------------------- */

static enum sp_code
digest_fd(int fd, uint8_t out[SP_SHA256_LEN], struct sp_err *err)
{
	struct sp_sha256 *s = sp_sha256_new();
	char *chunk = sp_xmalloc(CHUNK);
	uint64_t off = 0;
	size_t got = 1;
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && got > 0) {
		rc = sp_io_pread(fd, chunk, CHUNK, off, &got, err);
		if (rc == SP_OK)
			sp_sha256_add(s, chunk, got);
		off += got;
	}
	if (rc == SP_OK)
		sp_sha256_end(s, out);
	sp_sha256_free(s);
	free(chunk);
	return (rc);
}

enum sp_code
sp_import_digest(
    const char *path, uint8_t out[SP_SHA256_LEN], struct sp_err *err)
{
	int fd = -1;
	enum sp_code rc = sp_io_open(path, O_RDONLY, 0, &fd, err);

	if (rc == SP_OK)
		rc = digest_fd(fd, out, err);
	(void)sp_io_close(fd, NULL);
	return (rc);
}

static bool
is_mbox(enum sp_import_as as)
{
	return (as >= SP_IMPORT_AS_MBOX && as <= SP_IMPORT_AS_MBOXCL2);
}

/* A file that is only compressed, with the facts of its own place. */
static enum sp_code
read_compressed(const struct sp_import *im, int fd,
    const struct sp_import_place *place, struct sp_import_item *source,
    struct sp_err *err)
{
	const struct sp_view none = { NULL, 0 };
	struct sp_buf extra;
	enum sp_code rc;

	sp_buf_init(&extra, SP_IMPORT_EXTRA_MAX);
	if (sp_import_facts(place->path, place->part, false, none, &extra) !=
	    SP_OK)
		sp_buf_clear(&extra);
	source->extra = sp_buf_view(&extra);
	rc = sp_import_compressed(
	    im, fd, source, sp_import_kind_packed(place), err);
	sp_buf_done(&extra);
	return (rc);
}

/* A file of many messages, or whose bytes are not the message.  All of it is
 * hashed first, since each item names its digest. */
static enum sp_code
read_many(const struct sp_import *im, int fd,
    const struct sp_import_place *place, enum sp_import_kind kind,
    struct sp_view first, struct sp_err *err)
{
	const char *path = place->path;
	uint8_t sha256[SP_SHA256_LEN];
	struct sp_import_item source = { .path = path, .file_sha256 = sha256 };

	if (digest_fd(fd, sha256, err) != SP_OK) {
		im->failed(im->ctx, path, err->msg);
		return (SP_OK);
	}
	if (kind == SP_IMPORT_KIND_CONTAINER)
		return (sp_import_container(im, fd, &source, err));
	if (kind == SP_IMPORT_KIND_COMPRESSED)
		return (read_compressed(im, fd, place, &source, err));
	if (kind == SP_IMPORT_KIND_MBOX)
		return (sp_import_mbox_file(im, fd, &source, err));
	if (sp_view_starts(first, "!BDN"))
		return (sp_import_pst(im, fd, &source, err));
	im->failed(
	    im->ctx, path, "not an Outlook file: it does not begin with !BDN");
	return (SP_OK);
}

/* ---- one file ------------------------------------------------------------ */

/* Whether what --as says lies in a file at ${place} that is a container or
 * compressed: *${kind} is set. */
static bool
is_wrapped(const struct sp_import_place *place, struct sp_view first,
    enum sp_import_kind *kind)
{
	const char *why;

	*kind = sp_import_kind_of(place, first, &why);
	return (*kind == SP_IMPORT_KIND_CONTAINER ||
		*kind == SP_IMPORT_KIND_COMPRESSED);
}

/* What the file is: found out in a folder, and by --as where the operator named
 * it.  A container is looked for whatever --as says, except a message or an
 * Outlook file. */
static enum sp_import_kind
choose(const struct sp_import *im, const struct sp_import_place *place,
    struct sp_view first, const char **why)
{
	const char *name = sp_import_kind_base(place->path);
	enum sp_import_kind kind;
	bool store;

	if (!place->named || im->as == SP_IMPORT_AS_DETECT)
		return (sp_import_kind_of(place, first, why));
	if (im->as == SP_IMPORT_AS_PST)
		return (SP_IMPORT_KIND_PST);
	*why = sp_import_refused_reason(name, first, &store);
	if (im->as != SP_IMPORT_AS_EML && is_wrapped(place, first, &kind))
		return (kind);
	if (is_mbox(im->as) || im->as == SP_IMPORT_AS_EXPORT)
		return (SP_IMPORT_KIND_MBOX);
	if (*why != NULL)
		return (SP_IMPORT_KIND_REFUSED);
	return (sp_import_kind_compression(first) != NULL
		    ? SP_IMPORT_KIND_COMPRESSED
		    : SP_IMPORT_KIND_MESSAGE);
}

/* Look at the first bytes, choose, and call the reader. */
enum sp_code
sp_import_file(const struct sp_import *im, int fd,
    const struct sp_import_place *place, struct sp_err *err)
{
	char bytes[SP_IMPORT_KIND_FIRST];
	enum sp_import_kind kind;
	const char *why = NULL;
	struct sp_view first;
	size_t got = 0;

	if (sp_io_pread(fd, bytes, sizeof(bytes), 0, &got, err) != SP_OK) {
		im->failed(im->ctx, place->path, err->msg);
		return (SP_OK);
	}
	first = sp_view_mem(bytes, got);
	kind = choose(im, place, first, &why);
	if (kind <= SP_IMPORT_KIND_DBOX && kind != SP_IMPORT_KIND_MBOX)
		return (read_single(im, fd, place, kind, err));
	if (kind < SP_IMPORT_KIND_REFUSED)
		return (read_many(im, fd, place, kind, first, err));
	if (kind == SP_IMPORT_KIND_REFUSED)
		im->failed(im->ctx, place->path, why);
	else
		im->not_mail(im->ctx, place->path, sp_import_kind_name(kind));
	return (SP_OK);
}
