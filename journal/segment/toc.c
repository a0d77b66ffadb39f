/*
 * The table of contents of a segment (toc_priv.h): for every entry where its
 * record and its message lie.  Entries follow each other in the tar, so most
 * positions need no byte; a position is written only where it does not follow
 * from the end of the payload before, which is where a frame begins.
 *
 *   entry:  flags | key id? | record: position? length? | message: the same
 *
 * The rules and the numbers are in doc/format-segment.md.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/enc.h"
#include "base/record.h"
#include "journal/segment/toc_priv.h"

#define VARINT_MAX 10u /* bytes */
/* Bytes of an entry: flags, key id, and twice frame, offset, length. */
#define ENTRY_MAX (1u + 7u * VARINT_MAX)

/* The offset of the next payload if none is given: behind the padding of the
 * payload before, and a tar header. */
static uint64_t
implied(struct sp_toc_pos end)
{
	uint64_t pad = (SP_TAR_BLOCK - end.off % SP_TAR_BLOCK) % SP_TAR_BLOCK;

	return (end.off + pad + SP_TAR_BLOCK);
}

/* ---- writing -------------------------------------------------------- */

/* Write ${v} as LEB128 and return the byte behind it. */
static char *
put_varint(char *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (char)(uint8_t)(v | 0x80);
	*p++ = (char)(uint8_t)v;
	return (p);
}

/* The head is filled in by sp_toc_end. */
void
sp_toc_begin(struct sp_toc_writer *t, uint64_t first)
{
	static const uint8_t head[SP_TOC_HEAD] = { 0 };

	*t = (struct sp_toc_writer){ .first = first, .next = first };
	sp_buf_init(&t->buf, SP_SEGMENT_TOC_MAX - SP_TOC_FOOT);
	if (sp_buf_add(&t->buf, head, sizeof(head)) != SP_OK)
		abort(); /* a few bytes: no memory */
}

void
sp_toc_lines(struct sp_toc_writer *t, struct sp_toc_pos at, uint64_t len,
    struct sp_toc_pos end)
{
	uint8_t b[16];

	sp_le32_put(b, at.frame);
	sp_le32_put(b + 4, at.off);
	sp_le64_put(b + 8, len);
	memcpy(t->buf.p + 32, b, sizeof(b));
	t->end = end;
}

/* Whether ${at} is where a payload behind ${end} is expected. */
static bool
is_implied(struct sp_toc_pos end, struct sp_toc_pos at)
{
	return (at.frame == end.frame && at.off == implied(end));
}

/* Write a position and return the byte behind it. */
static char *
put_pos(char *p, struct sp_toc_pos at)
{
	return (put_varint(put_varint(p, at.frame), at.off));
}

/* The flags come first, but what they say is known only at the end. */
enum sp_code
sp_toc_add(struct sp_toc_writer *t, const struct sp_toc_entry *e,
    struct sp_toc_pos end_record, struct sp_toc_pos end_msg, struct sp_err *err)
{
	unsigned flags = e->flags & (SP_TOC_RECORD | SP_TOC_MESSAGE);
	char *start = sp_buf_reserve(&t->buf, ENTRY_MAX), *p = start;

	if (start == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "segment: more than %u bytes of table of contents; lower the segment size in the configuration",
		    SP_SEGMENT_TOC_MAX));
	p++; /* the flags */
	if (e->key != 0) {
		flags |= SP_TOC_KEY;
		p = put_varint(p, e->key);
	}
	if (flags & SP_TOC_RECORD) {
		if (!is_implied(t->end, e->record)) {
			flags |= SP_TOC_RECORD_AT;
			p = put_pos(p, e->record);
		}
		p = put_varint(p, e->record_len);
		t->end = end_record;
	}
	if (flags & SP_TOC_MESSAGE) {
		if (!is_implied(t->end, e->msg)) {
			flags |= SP_TOC_MESSAGE_AT;
			p = put_pos(p, e->msg);
		}
		p = put_varint(p, e->msg_len);
		t->end = end_msg;
	}
	*start = (char)(uint8_t)flags;
	t->buf.n += (size_t)(p - start);
	t->next++;
	return (SP_OK);
}

enum sp_code
sp_toc_end(struct sp_toc_writer *t, uint32_t frames, struct sp_err *err)
{
	uint8_t head[32], crc[SP_TOC_FOOT], len[8];

	assert(t->next > t->first);
	memcpy(head, SP_TOC_MAGIC, 8);
	sp_le64_put(head + 8, t->first);
	sp_le64_put(head + 16, t->next - 1);
	sp_le32_put(head + 24, frames);
	sp_le32_put(head + 28, 0);
	memcpy(t->buf.p, head, sizeof(head));
	sp_le64_put(len, t->buf.n - SP_TOC_HEAD);
	memcpy(t->buf.p + 48, len, sizeof(len));
	sp_le32_put(crc, sp_crc32c(0, t->buf.p, t->buf.n));
	t->buf.max += SP_TOC_FOOT;
	if (sp_buf_add(&t->buf, crc, sizeof(crc)) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "segment: no memory for the table of contents"));
	return (SP_OK);
}

void
sp_toc_done(struct sp_toc_writer *t)
{
	sp_buf_done(&t->buf);
}

/* ---- reading -------------------------------------------------------- */

/* SP_EFORMAT for the table. */
static enum sp_code
bad(struct sp_err *err, const char *why)
{
	return (sp_err_set(err, SP_EFORMAT, 0, "table of contents: %s", why));
}

/* Read a LEB128 number of at most nine bytes at *at, before ${end}; false if
 * there is none. */
static bool
get_varint(const struct sp_toc *t, size_t *at, size_t end, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 63 && *at < end; shift += 7) {
		uint8_t b = (uint8_t)t->buf.p[(*at)++];

		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*out = v;
			return (true);
		}
	}
	return (false);
}

/* Where ${len} bytes from ${at} on end: the frame of the last byte, and the
 * offset behind it.  False if they do not lie inside the data. */
static bool
end_of(const struct sp_frames *f, struct sp_toc_pos at, uint64_t len,
    struct sp_toc_pos *end)
{
	uint64_t from, to;
	size_t i = at.frame;

	if (i >= f->n || at.off > f->uoff[i + 1] - f->uoff[i])
		return (false);
	from = f->uoff[i] + at.off;
	if (len > f->uoff[f->n] - from)
		return (false);
	to = from + len;
	while (to > f->uoff[i + 1])
		i++;
	end->frame = (uint32_t)i;
	end->off = (uint32_t)(to - f->uoff[i]);
	return (true);
}

/* Read one payload: its position, where it is ${given}, and its length.  ${end}
 * is where the payload before ended, and then where this one does; ${begin} is
 * its offset in the tar. */
static bool
get_payload(const struct sp_toc *t, size_t *at, size_t stop, bool given,
    struct sp_toc_pos *end, uint64_t *begin, uint64_t *len)
{
	const struct sp_frames *f = t->frames;
	uint64_t frame = end->frame, off = implied(*end);
	struct sp_toc_pos pos;

	if (given && (!get_varint(t, at, stop, &frame) ||
			 !get_varint(t, at, stop, &off)))
		return (false);
	if (!get_varint(t, at, stop, len) || frame >= f->n || off > UINT32_MAX)
		return (false);
	/* A tar header lies before it in the same frame, behind the payload
	 * before; so positions only grow, and no two payloads share a byte. */
	if (off < SP_TAR_BLOCK || frame < end->frame ||
	    (frame == end->frame && off - SP_TAR_BLOCK < end->off))
		return (false);
	pos.frame = (uint32_t)frame;
	pos.off = (uint32_t)off;
	if (!end_of(f, pos, *len, end))
		return (false);
	*begin = f->uoff[frame] + off;
	return (true);
}

/* Decode the entry at *at, before ${stop}; ${end} is where the payload before
 * it ended, and then where its own last one does. */
static bool
get_entry(const struct sp_toc *t, size_t *at, size_t stop,
    struct sp_toc_pos *end, struct sp_segment_item *it, uint32_t *key)
{
	uint64_t k = 0;
	unsigned flags;

	if (*at >= stop)
		return (false);
	flags = (uint8_t)t->buf.p[(*at)++];
	if ((flags & ~SP_TOC_KNOWN) != 0)
		return (false);
	if ((flags & SP_TOC_KEY) != 0 &&
	    (!get_varint(t, at, stop, &k) || k == 0 || k > UINT32_MAX))
		return (false);
	*key = (uint32_t)k;
	it->has_record = (flags & SP_TOC_RECORD) != 0;
	it->has_message = (flags & SP_TOC_MESSAGE) != 0;
	if (it->has_record &&
	    !get_payload(t, at, stop, (flags & SP_TOC_RECORD_AT) != 0, end,
		&it->record_at, &it->record_len))
		return (false);
	return (!it->has_message ||
		get_payload(t, at, stop, (flags & SP_TOC_MESSAGE_AT) != 0, end,
		    &it->msg_at, &it->msg_len));
}

/* Check head and checksum: which entries there are, where the lines lie.
 * ${stop} gets the end of the entries, ${end} that of the lines. */
static enum sp_code
load_head(
    struct sp_toc *t, size_t *stop, struct sp_toc_pos *end, struct sp_err *err)
{
	const uint8_t *p = (const uint8_t *)t->buf.p;
	size_t n = t->buf.n;
	struct sp_toc_pos at;

	if (n < SP_TOC_HEAD + SP_TOC_FOOT || memcmp(p, SP_TOC_MAGIC, 5) != 0)
		return (bad(err, "not one of ours"));
	if (memcmp(p, SP_TOC_MAGIC, 8) != 0 || sp_le32_get(p + 28) != 0)
		return (sp_err_set(err, SP_EVERSION, 0,
		    "table of contents: of a version this program does not know; use a newer one"));
	*stop = n - SP_TOC_FOOT;
	if (sp_crc32c(0, p, *stop) != sp_le32_get(p + *stop))
		return (bad(err, "its checksum does not match"));
	t->first = sp_le64_get(p + 8);
	t->last = sp_le64_get(p + 16);
	if (t->first > t->last || t->last > SP_SEQ_MAX)
		return (bad(err, "bad first and last entry"));
	/* Each entry takes a byte at least, which bounds their number. */
	if (t->last - t->first >= *stop - SP_TOC_HEAD ||
	    sp_le64_get(p + 48) != *stop - SP_TOC_HEAD)
		return (bad(err, "its length is wrong"));
	if (sp_le32_get(p + 24) != t->frames->n)
		return (bad(err, "not as many frames as the seek table has"));
	at.frame = sp_le32_get(p + 32);
	at.off = sp_le32_get(p + 36);
	t->lines_len = sp_le64_get(p + 40);
	if (!end_of(t->frames, at, t->lines_len, end))
		return (bad(err, "the lines lie outside the file"));
	t->lines_at = t->frames->uoff[at.frame] + at.off;
	return (SP_OK);
}

/* Every entry is decoded once; where each SP_TOC_STEPth of them begins is
 * kept. */
enum sp_code
sp_toc_load(struct sp_toc *t, const struct sp_frames *f, struct sp_err *err)
{
	struct sp_toc_pos end = { 0, 0 };
	struct sp_segment_item it;
	size_t at = SP_TOC_HEAD, stop = 0, count = 0;
	uint32_t key;
	enum sp_code rc;

	t->frames = f;
	rc = load_head(t, &stop, &end, err);
	if (rc != SP_OK)
		return (rc);
	count = (size_t)(t->last - t->first) + 1;
	t->steps = sp_xcalloc(count / SP_TOC_STEP + 1, sizeof(*t->steps));
	for (size_t i = 0; i < count; i++) {
		if (i % SP_TOC_STEP == 0)
			t->steps[i / SP_TOC_STEP] =
			    (struct sp_toc_step){ at, end };
		if (!get_entry(t, &at, stop, &end, &it, &key))
			return (sp_err_set(err, SP_EFORMAT, 0,
			    "table of contents: entry %llu is damaged or lies outside the file",
			    (unsigned long long)(t->first + i)));
	}
	if (at != stop)
		return (bad(err, "bytes behind the last entry"));
	return (SP_OK);
}

/* Decodes at most SP_TOC_STEP entries, from the nearest place that was kept. */
enum sp_code
sp_toc_find(const struct sp_toc *t, uint64_t seq, struct sp_segment_item *out,
    uint32_t *key, struct sp_err *err)
{
	uint64_t i = seq - t->first, from = i - i % SP_TOC_STEP;
	const struct sp_toc_step *step = &t->steps[i / SP_TOC_STEP];
	struct sp_toc_pos end = step->end;
	struct sp_segment_item it = { 0 };
	size_t at = step->at;

	assert(seq >= t->first && seq <= t->last);
	for (; from <= i; from++) {
		it = (struct sp_segment_item){ .seq = seq };
		if (!get_entry(t, &at, t->buf.n - SP_TOC_FOOT, &end, &it, key))
			return (bad(err, "changed while it was read"));
	}
	*out = it;
	return (SP_OK);
}

void
sp_toc_free(struct sp_toc *t)
{
	sp_buf_done(&t->buf);
	free(t->steps);
	t->steps = NULL;
}
