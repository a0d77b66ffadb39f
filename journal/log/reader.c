/*
 * Reading entries from segments and intake files alike (reader.h).  An entry is
 * looked for in the segments first, then in the intake log.  Listings, open
 * segments and scanned intake files are kept between calls; what is not found
 * is looked for once more in fresh listings, because sealing moves entries from
 * intake files into segments while we read.
 */
#include "journal/log/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/record.h"
#include "journal/log/intake_read.h"
#include "journal/segment/segment.h"
#include "journal/segment/segment_list.h"

#define OPEN_SEGMENTS 4 /* kept open */
#define OPEN_INTAKES  2 /* kept open, with the places of their entries */
/* How often a file may vanish before it is called missing. */
#define LOOKS		4
#define BUFFER_KEPT_MAX (16u << 20) /* bytes; a larger buffer is freed */

struct open_segment {
	char path[128];
	struct sp_segment *s; /* NULL: the slot is free */
	uint64_t used; /* when last, by use_clock */
};

struct open_intake {
	char name[64];
	struct sp_intake_file *f; /* NULL: the slot is free */
	uint64_t limit; /* under which it was opened */
	uint64_t first; /* seq of its first entry */
	struct sp_intake_item *items; /* of the entries found so far */
	size_t n, cap;
	uint64_t used; /* when last, by use_clock */
};

struct sp_reader {
	char *dir; /* the archive's */
	char origin[SP_ORIGIN_MAX + 1];
	/* listings */
	struct sp_segment_file *segments;
	size_t nsegments;
	struct sp_intake_info *intakes;
	size_t nintakes;
	/* open files, the least recently used one goes */
	struct open_segment open[OPEN_SEGMENTS];
	struct open_intake scan[OPEN_INTAKES];
	uint64_t use_clock; /* counts uses */
	/* sequential reading */
	uint64_t pos; /* of sp_reader_next */
	uint64_t end; /* as last seen */
	/* the entry read last */
	struct sp_buf record, msg;
};

static void
close_intake(struct open_intake *o)
{
	sp_intake_file_close(o->f);
	free(o->items);
	*o = (struct open_intake){ 0 };
}

static void
close_segment(struct open_segment *o)
{
	sp_segment_close(o->s);
	*o = (struct open_segment){ 0 };
}

/* List the intake files anew; after an error the old list remains. */
static enum sp_code
list_intakes(struct sp_reader *r, struct sp_err *err)
{
	struct sp_intake_info *v = NULL;
	enum sp_code rc = SP_ENOTFOUND;
	size_t n = 0;

	/* A file may be packed and removed between its name and its header. */
	for (int i = 0; i < LOOKS && rc == SP_ENOTFOUND; i++)
		rc = sp_intake_list(r->dir, &v, &n, err);
	if (rc != SP_OK)
		return (rc);
	free(r->intakes);
	r->intakes = v;
	r->nintakes = n;
	return (SP_OK);
}

/* List the segments anew; after an error the old list remains. */
static enum sp_code
list_segments(struct sp_reader *r, struct sp_err *err)
{
	struct sp_segment_file *v;
	size_t n;
	enum sp_code rc = sp_segment_list(r->dir, &v, &n, err);

	if (rc != SP_OK)
		return (rc);
	free(r->segments);
	r->segments = v;
	r->nsegments = n;
	return (SP_OK);
}

/* List both anew.  Intake first: an entry that has left it is in a segment by
 * then. */
static enum sp_code
refresh(struct sp_reader *r, struct sp_err *err)
{
	enum sp_code rc = list_intakes(r, err);

	return (rc == SP_OK ? list_segments(r, err) : rc);
}

enum sp_code
sp_reader_open(const char *dir, struct sp_reader **out, struct sp_err *err)
{
	struct sp_reader *r = sp_xcalloc(1, sizeof(*r));
	enum sp_code rc;

	r->dir = sp_xstrdup(dir);
	sp_buf_init(&r->record, SP_RECORD_MAX);
	sp_buf_init(&r->msg, SP_INTAKE_MSG_MAX);
	rc = sp_layout_read_format(dir, r->origin, err);
	if (rc == SP_OK)
		rc = refresh(r, err);
	if (rc != SP_OK) {
		sp_reader_close(r);
		return (rc);
	}
	*out = r;
	return (SP_OK);
}

void
sp_reader_close(struct sp_reader *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < OPEN_SEGMENTS; i++)
		close_segment(&r->open[i]);
	for (size_t i = 0; i < OPEN_INTAKES; i++)
		close_intake(&r->scan[i]);
	sp_buf_done(&r->record);
	sp_buf_done(&r->msg);
	free(r->segments);
	free(r->intakes);
	free(r->dir);
	free(r);
}

const char *
sp_reader_origin(const struct sp_reader *r)
{
	return (r->origin);
}

/* ---- segments ------------------------------------------------------- */

/* A segment from the cache, or opened into it; ${out} is the reader's.
 * SP_EFORMAT if it holds other entries than its name says. */
static enum sp_code
open_segment(struct sp_reader *r, const struct sp_segment_file *f,
    struct sp_segment **out, struct sp_err *err)
{
	struct open_segment *o = &r->open[0];
	struct sp_segment *s;
	char *path;
	enum sp_code rc;

	for (size_t i = 0; i < OPEN_SEGMENTS; i++) {
		struct open_segment *c = &r->open[i];

		if (c->s != NULL && strcmp(c->path, f->path) == 0) {
			c->used = ++r->use_clock;
			*out = c->s;
			return (SP_OK);
		}
		if (c->used < o->used)
			o = c;
	}
	path = sp_layout_path(r->dir, f->path);
	rc = sp_segment_open(path, &s, err);
	free(path);
	if (rc != SP_OK)
		return (rc);
	if (sp_segment_first(s) != f->name.first ||
	    sp_segment_last(s) != f->name.last) {
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "segment %s: holds entries %" PRIu64 " to %" PRIu64
		    ", not those of its name",
		    f->path, sp_segment_first(s), sp_segment_last(s));
		sp_segment_close(s);
		return (rc);
	}
	close_segment(o);
	(void)snprintf(o->path, sizeof(o->path), "%s", f->path);
	o->s = s;
	o->used = ++r->use_clock;
	*out = s;
	return (SP_OK);
}

static enum sp_code
no_entry(uint64_t seq, struct sp_err *err)
{
	return (sp_err_set(
	    err, SP_ENOTFOUND, 0, "there is no entry %" PRIu64, seq));
}

/* Read an entry from the segment that holds it; SP_ENOTFOUND if none does, or
 * if it was replaced meanwhile. */
static enum sp_code
get_from_segment(
    struct sp_reader *r, uint64_t seq, struct sp_entry *out, struct sp_err *err)
{
	const struct sp_segment_file *f =
	    sp_segment_pick(r->segments, r->nsegments, seq);
	struct sp_segment_item it;
	struct sp_segment *s = NULL;
	enum sp_code rc;

	if (f == NULL)
		return (no_entry(seq, err));
	rc = open_segment(r, f, &s, err);
	if (rc == SP_OK)
		rc = sp_segment_item(s, seq, &it, err);
	if (rc == SP_OK)
		rc = sp_segment_read(s, seq, &r->record, &r->msg, err);
	if (rc != SP_OK)
		return (rc);
	out->has_record = it.has_record;
	out->has_message = it.has_message;
	(void)snprintf(out->where, sizeof(out->where), "%s", f->path);
	return (SP_OK);
}

/* ---- intake --------------------------------------------------------- */

/* An intake file from the cache, or opened into it; ${out} is the reader's. */
static enum sp_code
open_intake(struct sp_reader *r, const struct sp_intake_info *f,
    struct open_intake **out, struct sp_err *err)
{
	struct open_intake *o = &r->scan[0];
	struct sp_intake_file *file;
	char *rel, *path;
	enum sp_code rc;

	for (size_t i = 0; i < OPEN_INTAKES; i++) {
		struct open_intake *c = &r->scan[i];

		if (c->f != NULL && strcmp(c->name, f->name) == 0) {
			if (c->limit != f->limit) {
				/* It was finished since: now it is known how
				 * many bytes of it count. */
				close_intake(c);
				o = c;
				break;
			}
			c->used = ++r->use_clock;
			*out = c;
			return (SP_OK);
		}
		if (c->used < o->used)
			o = c;
	}
	rel = sp_xasprintf("intake/%s", f->name);
	path = sp_layout_path(r->dir, rel);
	rc = sp_intake_file_open(path, f->limit, &file, err);
	free(path);
	free(rel);
	if (rc != SP_OK)
		return (rc);
	close_intake(o);
	(void)snprintf(o->name, sizeof(o->name), "%s", f->name);
	o->f = file;
	o->limit = f->limit;
	o->first = f->head.first;
	o->used = ++r->use_clock;
	*out = o;
	return (SP_OK);
}

/* Find the places of entries until ${seq} is among them, or there are no more
 * now. */
static enum sp_code
scan_to(struct open_intake *o, uint64_t seq, struct sp_err *err)
{
	while (o->first + o->n <= seq) {
		struct sp_intake_item it;
		enum sp_code rc = sp_intake_file_next(o->f, &it, err);

		if (rc == SP_EEND)
			return (SP_OK);
		if (rc != SP_OK)
			return (rc);
		if (it.seq != o->first + o->n)
			return (sp_err_set(err, SP_EFORMAT, 0,
			    "intake/%s: entry %" PRIu64 " where %" PRIu64
			    " should be",
			    o->name, it.seq, o->first + o->n));
		if (o->n == o->cap) {
			o->cap = o->cap == 0 ? 256 : o->cap * 2;
			o->items =
			    sp_xrealloc(o->items, o->cap * sizeof(*o->items));
		}
		o->items[o->n++] = it;
	}
	return (SP_OK);
}

/* Read an entry from the intake file that holds it; SP_ENOTFOUND if none does,
 * or if it was removed meanwhile. */
static enum sp_code
get_from_intake(
    struct sp_reader *r, uint64_t seq, struct sp_entry *out, struct sp_err *err)
{
	const struct sp_intake_item *it;
	struct open_intake *o;
	size_t i = r->nintakes;
	enum sp_code rc;

	while (i > 0 && r->intakes[i - 1].head.first > seq)
		i--;
	if (i == 0)
		return (no_entry(seq, err));
	rc = open_intake(r, &r->intakes[i - 1], &o, err);
	if (rc == SP_OK)
		rc = scan_to(o, seq, err);
	if (rc != SP_OK)
		return (rc);
	if (seq - o->first >= o->n)
		return (no_entry(seq, err));
	it = &o->items[seq - o->first];
	rc = sp_intake_file_read(o->f, it, &r->record, &r->msg, err);
	if (rc != SP_OK)
		return (rc);
	out->has_record = true;
	out->has_message = it->has_message;
	(void)snprintf(out->where, sizeof(out->where), "intake/%s", o->name);
	return (SP_OK);
}

/* Close all files after an error: a damaged one may be restored meanwhile, so
 * it is opened anew next time. */
static void
close_files(struct sp_reader *r)
{
	for (size_t i = 0; i < OPEN_SEGMENTS; i++)
		close_segment(&r->open[i]);
	for (size_t i = 0; i < OPEN_INTAKES; i++)
		close_intake(&r->scan[i]);
}

/* ---- both ----------------------------------------------------------- */

/* A fresh list that ends before ${seq} is the answer; a file that vanished is
 * not. */
enum sp_code
sp_reader_get(
    struct sp_reader *r, uint64_t seq, struct sp_entry *out, struct sp_err *err)
{
	struct sp_entry e = { .seq = seq };
	enum sp_code rc = SP_ENOTFOUND;

	if (r->msg.cap > BUFFER_KEPT_MAX)
		sp_buf_done(&r->msg);
	for (int look = 0; look < LOOKS && rc == SP_ENOTFOUND; look++) {
		if (look > 0) {
			rc = refresh(r, err);
			if (rc == SP_OK)
				rc = sp_reader_end(r, &r->end, err);
			if (rc != SP_OK)
				return (rc);
			if (seq >= r->end)
				return (no_entry(seq, err));
		}
		rc = get_from_segment(r, seq, &e, err);
		if (rc == SP_ENOTFOUND)
			rc = get_from_intake(r, seq, &e, err);
	}
	if (rc != SP_OK) {
		close_files(r);
		return (rc);
	}
	e.record = sp_buf_view(&r->record);
	e.msg = sp_buf_view(&r->msg);
	*out = e;
	return (SP_OK);
}

/* One past the last entry of the intake log; ${end} stays as it is without
 * one.  The newest file begins where all others end, so only it is read. */
static enum sp_code
intake_end(struct sp_reader *r, uint64_t *end, struct sp_err *err)
{
	struct open_intake *o;
	enum sp_code rc = list_intakes(r, err);

	if (rc != SP_OK || r->nintakes == 0)
		return (rc);
	rc = open_intake(r, &r->intakes[r->nintakes - 1], &o, err);
	if (rc == SP_OK)
		rc = scan_to(o, UINT64_MAX - 1, err);
	if (rc == SP_OK)
		*end = o->first + o->n;
	return (rc);
}

enum sp_code
sp_reader_end(struct sp_reader *r, uint64_t *end, struct sp_err *err)
{
	enum sp_code rc = SP_ENOTFOUND;
	uint64_t e = 0;

	/* A file that vanished was packed, so there is a newer one. */
	for (int look = 0; look < LOOKS && rc == SP_ENOTFOUND; look++)
		rc = intake_end(r, &e, err);
	if (rc != SP_OK) {
		close_files(r);
		return (rc);
	}
	/* A copy of an archive may have no intake log. */
	if (r->nsegments > 0 && r->segments[r->nsegments - 1].name.last >= e)
		e = r->segments[r->nsegments - 1].name.last + 1;
	*end = e;
	return (SP_OK);
}

void
sp_reader_seek(struct sp_reader *r, uint64_t seq)
{
	r->pos = seq;
}

enum sp_code
sp_reader_next(struct sp_reader *r, struct sp_entry *out, struct sp_err *err)
{
	enum sp_code rc;

	if (r->pos >= r->end) {
		rc = sp_reader_end(r, &r->end, err);
		if (rc != SP_OK)
			return (rc);
		if (r->pos >= r->end)
			return (SP_EEND);
	}
	rc = sp_reader_get(r, r->pos, out, err);
	if (rc == SP_OK)
		r->pos++;
	return (rc);
}
