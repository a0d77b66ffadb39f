/*
 * An export of another archive as a source of mail (doc/import.md;
 * doc/format-export.md has the bag).  It is verified as `sealpost verify` does,
 * and only what verifies with a trusted key is taken.  Each message then goes
 * to the walk's callback with its former record: origin, seq and time, who
 * vouches, the entry line. cmd_import.c calls this.
 *
 *	verify -> read where each record of records.jsonl lies
 *	-> for each message: find its record, compare the SHA-256, pass it on
 *
 * A container (.zip, .tar.*) is read twice, since the records may lie behind
 * the messages.
 */
#include "app/cmd/import_bag.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/common/interrupt.h"
#include "base/io.h"
#include "base/json.h"
#include "base/line.h"
#include "base/record.h"
#include "base/sha256.h"
#include "base/time_text.h"
#include "journal/verify/bag_format.h"
#include "journal/verify/verify.h"

#define LINE_MAX  (SP_RECORD_MAX + 2u) /* bytes of a line of records.jsonl */
#define EXTRA_MAX ((size_t)320 << 10) /* bytes of what is kept of a record */

/* Where in records.jsonl the record of an entry lies. */
struct record_place {
	uint64_t seq, offset;
	size_t length;
};

struct bag_import {
	const struct sp_import *im; /* whose callbacks get the messages */
	const char *path;
	struct sp_verdict v;
	uint8_t sha256[SP_SHA256_LEN]; /* of the container, or tag manifest */
	/* records.jsonl */
	int records; /* a descriptor; -1: not yet read */
	bool records_only; /* the first time through a container */
	struct record_place *place; /* ascending by seq */
	size_t n, c;
};

bool
sp_import_bag_is(const char *path)
{
	char *info = sp_xasprintf("%s/bag-info.txt", path);
	char *records = sp_xasprintf("%s/data/records.jsonl", path);
	bool is = sp_io_exists(info) && sp_io_exists(records);

	free(info);
	free(records);
	return (is);
}

/* ---- trust --------------------------------------------------------------- */

/* A finding of the verification, printed; they are counted in the verdict. */
static void
on_finding(void *ctx, const char *kind, const char *where, const char *why)
{
	const struct bag_import *b = ctx;

	(void)kind;
	(void)fprintf(stderr, "sealpost: %s: %s: %s\n", b->path, where, why);
}

static bool
on_progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	(void)done;
	(void)total;
	return (!sp_interrupt_caught());
}

/* Verify the export.  Why its messages are not taken, malloc'ed, or NULL. */
static char *
why_not_trusted(struct bag_import *b, const struct sp_bag_trust *trust)
{
	const struct sp_verify_opts o = { .vkey = trust->vkey,
		.trust_embedded = trust->embedded,
		.tmpdir = getenv("TMPDIR"),
		.finding = on_finding,
		.progress = on_progress,
		.ctx = b };
	struct sp_err err;

	if (sp_verify(b->path, &o, &b->v, &err) != SP_OK)
		return (sp_xasprintf("cannot verify this export: %s", err.msg));
	if (!b->v.bag)
		return (sp_xstrdup(
		    "not an export but an archive; export from it first"));
	if (b->v.findings > 0)
		return (sp_xasprintf("this export does not verify (%" PRIu64
				     " findings)",
		    b->v.findings));
	if (b->v.trust == SP_TRUST_NONE)
		return (sp_xasprintf(
		    "not authenticated: the export is consistent with itself, but nobody vouches for its key %s; give --vkey KEY, or --trust-embedded-key",
		    b->v.fingerprint));
	return (NULL);
}

/* ---- the old records ----------------------------------------------------- */

/* Remember where the record in ${line} lies.  One that cannot be parsed is left
 * out: its message finds no record, and is reported then. */
static void
add_place(struct bag_import *b, struct sp_view line, uint64_t offset)
{
	struct sp_record r;
	struct sp_err err;

	if (sp_record_parse(line, &r, &err) != SP_OK)
		return;
	if (b->n == b->c) {
		b->c = b->c == 0 ? 256 : 2 * b->c;
		b->place = sp_xrealloc(b->place, b->c * sizeof(*b->place));
	}
	b->place[b->n++] = (struct record_place){ r.seq, offset, line.n };
	sp_record_done(&r);
}

/* Read records.jsonl, open on ${fd}, line by line.  The descriptor is
 * duplicated, since the walk closes the file before the messages come. */
static enum sp_code
read_records(struct bag_import *b, int fd, struct sp_err *err)
{
	struct sp_buf buf;
	enum sp_code rc = SP_OK;
	uint64_t offset = 0;
	size_t got = 1;

	b->records = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	sp_buf_init(&buf, LINE_MAX + (64u << 10));
	while (rc == SP_OK && got > 0) {
		char *at = sp_buf_reserve(&buf, 64u << 10), *nl;

		if (at == NULL) {
			rc = sp_err_set(
			    err, SP_ELIMIT, 0, "a record is too long");
			break;
		}
		rc = sp_io_pread(fd, at, 64u << 10, offset + buf.n, &got, err);
		buf.n += rc == SP_OK ? got : 0;
		while (buf.n > 0 && (nl = memchr(buf.p, '\n', buf.n)) != NULL) {
			size_t n = (size_t)(nl - buf.p);

			add_place(b, sp_view_mem(buf.p, n), offset);
			sp_buf_consume(&buf, n + 1);
			offset += n + 1;
		}
	}
	sp_buf_done(&buf);
	return (rc);
}

static int
by_seq(const void *key, const void *element)
{
	const uint64_t *seq = key;
	const struct record_place *p = element;

	return (*seq < p->seq ? -1 : *seq > p->seq);
}

/* ---- a message ----------------------------------------------------------- */

/* The former envelope, as "claimed_envelope" of the new source: this archive
 * did not see it. */
static void
write_envelope(struct sp_json *j, const struct sp_record *r)
{
	const json_t *old = json_object_get(r->json, "envelope");
	json_t *claim;
	char *text;

	if (!json_is_object(old))
		return;
	claim = json_copy(json_object_get(r->json, "envelope"));
	(void)json_object_set_new(claim, "by", json_string("export"));
	text = json_dumps(claim, JSON_COMPACT);
	if (text != NULL)
		sp_json_raw(j, "claimed_envelope", sp_view_str(text));
	free(text);
	json_decref(claim);
}

/* The members of the new "source" that tell the message's former life: origin,
 * seq, time, who vouches, the entry line and the record itself. */
static enum sp_code
write_origin(const struct bag_import *b, const struct sp_record *r,
    struct sp_view text, struct sp_buf *out)
{
	char line[SP_LINE_MAX], time[SP_TIME_LEN + 1];
	struct sp_line l;
	struct sp_json j;

	sp_line_of_record(r, text, &l);
	(void)sp_line_format(&l, line);
	sp_time_format(r->received, time);
	sp_json_init(&j, out);
	sp_json_obj(&j, "from_export");
	sp_json_cstr(&j, "origin", b->v.origin);
	sp_json_u64(&j, "seq", r->seq);
	sp_json_cstr(&j, "received", time);
	sp_json_cstr(&j, "vkey", b->v.vkey);
	sp_json_cstr(&j, "verified",
	    b->v.trust == SP_TRUST_EMBEDDED ? "embedded key" : "vkey");
	sp_json_u64(&j, "tree_size", b->v.size);
	sp_json_cstr(&j, "line", line);
	sp_json_str(&j, "record", text);
	sp_json_obj_end(&j);
	write_envelope(&j, r);
	return (sp_json_end(&j));
}

/* The former claim of a date, else the time of the former receipt; ${date} may
 * point into ${out}. */
static void
origin_date(
    const struct sp_record *r, char out[SP_TIME_LEN + 1], struct sp_view *date)
{
	const char *old =
	    json_string_value(json_object_get(r->json, "origin_date"));

	sp_time_format(r->received, out);
	*date = sp_view_str(old != NULL ? old : out);
}

/* Pass a message on with its record ${text}, parsed in ${r}, if its bytes are
 * those that the record names. */
static enum sp_code
pass_item(const struct bag_import *b, struct sp_import_item *item,
    const struct sp_record *r, struct sp_view text, struct sp_err *err)
{
	char time[SP_TIME_LEN + 1];
	uint8_t sha256[SP_SHA256_LEN];
	struct sp_buf extra;
	enum sp_code rc = SP_OK;

	sp_sha256_once(item->msg.p, item->msg.n, sha256);
	if (memcmp(sha256, r->sha256, SP_SHA256_LEN) != 0) {
		sp_import_failed(b->im, item->path, item->member,
		    "not the bytes that its record names: the export changed since it was verified");
		return (SP_OK);
	}
	sp_buf_init(&extra, EXTRA_MAX);
	origin_date(r, time, &item->origin_date);
	if (write_origin(b, r, text, &extra) == SP_OK) {
		item->extra = sp_buf_view(&extra);
		rc = b->im->item(b->im->ctx, item, err);
	} else {
		sp_import_failed(b->im, item->path, item->member,
		    "its old record is too long to be kept in a new one");
	}
	sp_buf_done(&extra);
	return (rc);
}

/* Find the record of the message ${seq} and pass the message on; without one it
 * is reported as failed. */
static enum sp_code
pass_with_record(struct bag_import *b, struct sp_import_item *item,
    uint64_t seq, struct sp_err *err)
{
	const struct record_place *p =
	    b->n == 0 ? NULL
		      : bsearch(&seq, b->place, b->n, sizeof(*p), by_seq);
	struct sp_record r;
	char *text = NULL;
	size_t got = 0;
	enum sp_code rc;

	if (p != NULL) {
		text = sp_xmalloc(p->length + 1);
		if (sp_io_pread(b->records, text, p->length, p->offset, &got,
			NULL) != SP_OK)
			got = 0;
	}
	if (p == NULL || got != p->length ||
	    sp_record_parse(sp_view_mem(text, got), &r, NULL) != SP_OK) {
		sp_import_failed(b->im, item->path, item->member,
		    "its record is not in the export");
		free(text);
		return (SP_OK);
	}
	rc = pass_item(b, item, &r, sp_view_mem(text, got), err);
	sp_record_done(&r);
	free(text);
	return (rc);
}

/* ---- a folder ------------------------------------------------------------ */

/* A message of a folder: the file ${name} below the bag. */
static enum sp_code
import_message(
    struct bag_import *b, const char *name, uint64_t seq, struct sp_err *err)
{
	char *path = sp_xasprintf("%s/%s", b->path, name);
	struct sp_import_item item = {
		.path = b->path, .file_sha256 = b->sha256, .member = name
	};
	struct sp_err why;
	struct sp_buf msg;
	enum sp_code rc = SP_OK;

	sp_buf_init(&msg, (size_t)b->im->max_message);
	if (sp_io_read_file(path, (size_t)b->im->max_message, &msg, &why) !=
	    SP_OK) {
		sp_import_failed(b->im, b->path, name, why.msg);
	} else {
		item.msg = sp_buf_view(&msg);
		rc = pass_with_record(b, &item, seq, err);
	}
	sp_buf_done(&msg);
	free(path);
	return (rc);
}

/* The messages of a bag that is a folder, in the order of their records. */
static enum sp_code
import_folder(struct bag_import *b, struct sp_err *err)
{
	char *path = sp_xasprintf("%s/data/records.jsonl", b->path);
	int fd = -1;
	enum sp_code rc = sp_io_open(path, O_RDONLY, 0, &fd, err);

	if (rc == SP_OK)
		rc = read_records(b, fd, err);
	for (size_t i = 0; rc == SP_OK && i < b->n; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name),
		    "data/messages/%012" PRIu64 ".eml", b->place[i].seq);
		free(path);
		path = sp_xasprintf("%s/%s", b->path, name);
		/* With --with-records there are more records than messages. */
		if (sp_io_exists(path))
			rc = import_message(b, name, b->place[i].seq, err);
	}
	(void)sp_io_close(fd, NULL);
	free(path);
	return (rc);
}

/* What identifies the bag in the record: the SHA-256 of the container, or of
 * the tag manifest, which has the digests of all else. */
static enum sp_code
digest_of(struct bag_import *b, bool folder, struct sp_err *err)
{
	char *path = folder ? sp_xasprintf("%s/tagmanifest-sha256.txt", b->path)
			    : sp_xstrdup(b->path);
	enum sp_code rc = sp_import_digest(path, b->sha256, err);

	free(path);
	return (rc);
}

/* ---- a container --------------------------------------------------------- */

/* records.jsonl of a container. */
static enum sp_code
on_file(void *ctx, int fd, struct sp_err *err)
{
	struct bag_import *b = ctx;

	return (b->records < 0 ? read_records(b, fd, err) : SP_OK);
}

/* A message of a container; its name gives its seq. */
static enum sp_code
on_item(void *ctx, const struct sp_import_item *of, struct sp_err *err)
{
	struct sp_import_item item = *of;
	const char *name = strstr(of->member, "data/messages/");
	struct bag_import *b = ctx;
	uint64_t seq;

	if (b->records_only)
		return (SP_OK);
	item.extra = (struct sp_view){ NULL, 0 };
	item.member = name == NULL ? of->member : name;
	if (!sp_bag_message_name(sp_view_str(item.member), &seq)) {
		sp_import_failed(b->im, item.path, item.member,
		    "not a message of an export");
		return (SP_OK);
	}
	return (pass_with_record(b, &item, seq, err));
}

static void
on_failed(void *ctx, const char *path, const char *why)
{
	const struct bag_import *b = ctx;

	if (!b->records_only)
		b->im->failed(b->im->ctx, path, why);
}

/* The other files of the bag are its proof, not files that are no mail. */
static void
on_not_mail(void *ctx, const char *path, const char *kind)
{
	(void)ctx;
	(void)path;
	(void)kind;
}

/* Twice through the container: first for the records, which may lie behind the
 * messages. */
static enum sp_code
import_container(struct bag_import *b, struct sp_err *err)
{
	const struct sp_import walk = { .as = SP_IMPORT_AS_EXPORT,
		.max_message = b->im->max_message,
		.item = on_item,
		.file = on_file,
		.failed = on_failed,
		.not_mail = on_not_mail,
		.ctx = b };
	const struct sp_import_item of = { .path = b->path,
		.file_sha256 = b->sha256 };
	enum sp_code rc;
	int fd = -1;

	rc = sp_io_open(b->path, O_RDONLY, 0, &fd, err);
	b->records_only = true;
	if (rc == SP_OK)
		rc = sp_import_container(&walk, fd, &of, err);
	b->records_only = false;
	if (rc == SP_OK)
		rc = sp_import_container(&walk, fd, &of, err);
	(void)sp_io_close(fd, NULL);
	return (rc);
}

enum sp_code
sp_import_bag(const struct sp_import *im, const char *path,
    const struct sp_bag_trust *trust, struct sp_err *err)
{
	struct bag_import b = { .im = im, .path = path, .records = -1 };
	bool folder = sp_import_bag_is(path);
	char *why = why_not_trusted(&b, trust);
	struct sp_err cause;
	enum sp_code rc = SP_OK;

	if (why == NULL && digest_of(&b, folder, &cause) != SP_OK)
		why = sp_xstrdup(cause.msg);
	if (why != NULL)
		im->failed(im->ctx, path, why);
	else
		rc =
		    folder ? import_folder(&b, err) : import_container(&b, err);
	(void)sp_io_close(b.records, NULL);
	free(why);
	free(b.place);
	return (rc);
}
