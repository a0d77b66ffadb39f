/*
 * The intake log as bytes: file header, batch header, entry header, each parsed
 * and formatted.  Pure and total: any bytes give a struct or a refusal, nothing
 * is read or written here.  The offsets are those of the tables in
 * doc/format-intake.md.
 *
 *   file header | batch header, entries | batch header (a mark) | ...
 */
#include "journal/log/intake_format_priv.h"

#include <assert.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/enc.h"
#include "base/record.h"

#define FILE_MAGIC  "SPINTAKE"
#define BATCH_MAGIC "SPBATCH1"
#define MAGIC_LEN   8
#define HEAD_FIXED  74 /* before the origin */
#define CRC_LEN	    4
#define FRAME_PLAIN 16 /* of an entry header, before the CRCs */

_Static_assert(sizeof(FILE_MAGIC) - 1 == MAGIC_LEN, "file magic");
_Static_assert(sizeof(BATCH_MAGIC) - 1 == MAGIC_LEN, "batch magic");
_Static_assert(
    SP_INTAKE_HEAD_MAX == HEAD_FIXED + SP_ORIGIN_MAX + CRC_LEN, "file header");
_Static_assert(SP_INTAKE_HEAD_MIN == HEAD_FIXED + 1 + CRC_LEN, "file header");
_Static_assert(SP_INTAKE_BATCH_LEN ==
		   MAGIC_LEN + SP_INTAKE_ID_LEN + 8 + 8 + 4 + 8 + CRC_LEN,
    "batch header");
_Static_assert(
    SP_INTAKE_FRAME_LEN == 4 + 8 + 4 + CRC_LEN + CRC_LEN, "entry header");
_Static_assert(FRAME_PLAIN == 4 + 8 + 4, "entry header");
_Static_assert(SP_INTAKE_KEY_LEN == MAGIC_LEN + SP_INTAKE_ID_LEN, "scan key");

/* ---- the file header -------------------------------------------------- */

size_t
sp_intake_head_format(
    const struct sp_intake_head *h, uint8_t out[SP_INTAKE_HEAD_MAX])
{
	size_t n = strlen(h->origin), len = HEAD_FIXED + n + CRC_LEN;

	assert(n > 0 && n <= SP_ORIGIN_MAX);
	memcpy(out, FILE_MAGIC, MAGIC_LEN);
	sp_le32_put(out + 8, SP_INTAKE_VERSION);
	sp_le32_put(out + 12, (uint32_t)len);
	memcpy(out + 16, h->id, SP_INTAKE_ID_LEN);
	sp_le64_put(out + 32, h->first);
	memcpy(out + 40, h->prev_id, SP_INTAKE_ID_LEN);
	sp_le64_put(out + 56, h->prev_length);
	sp_le64_put(out + 64, (uint64_t)h->created);
	sp_le16_put(out + 72, (uint16_t)n);
	memcpy(out + HEAD_FIXED, h->origin, n);
	sp_le32_put(out + len - CRC_LEN, sp_crc32c(0, out, len - CRC_LEN));
	return (len);
}

/* SP_EFORMAT for a file header. */
static enum sp_code
bad_head(struct sp_err *err, const char *why)
{
	return (sp_err_set(err, SP_EFORMAT, 0, "file header: %s", why));
}

/* The version comes before the rest: only a header of a known version has the
 * fields that follow where this program expects them. */
enum sp_code
sp_intake_head_parse(
    struct sp_view v, struct sp_intake_head *h, struct sp_err *err)
{
	const uint8_t *p = (const uint8_t *)v.p;
	struct sp_intake_head o = { 0 };
	uint32_t version;
	size_t n;

	if (v.n < SP_INTAKE_HEAD_MIN)
		return (bad_head(err, "cut short"));
	if (memcmp(p, FILE_MAGIC, MAGIC_LEN) != 0)
		return (bad_head(err, "not an intake file"));
	version = sp_le32_get(p + 8);
	o.length = sp_le32_get(p + 12);
	n = sp_le16_get(p + 72);
	if (version == SP_INTAKE_VERSION) {
		if (n == 0 || n > SP_ORIGIN_MAX ||
		    o.length != HEAD_FIXED + n + CRC_LEN || o.length > v.n)
			return (bad_head(err, "bad length"));
		if (sp_le32_get(p + o.length - CRC_LEN) !=
		    sp_crc32c(0, p, o.length - CRC_LEN))
			return (bad_head(err, "checksum mismatch"));
	} else {
		return (sp_err_set(err, SP_EVERSION, 0,
		    "file header: version %lu, this program knows %d; use the version of sealpost that wrote it, or a newer one",
		    (unsigned long)version, SP_INTAKE_VERSION));
	}
	memcpy(o.id, p + 16, SP_INTAKE_ID_LEN);
	o.first = sp_le64_get(p + 32);
	memcpy(o.prev_id, p + 40, SP_INTAKE_ID_LEN);
	o.prev_length = sp_le64_get(p + 56);
	o.created = (int64_t)sp_le64_get(p + 64);
	memcpy(o.origin, p + HEAD_FIXED, n);
	if (o.first > SP_SEQ_MAX)
		return (bad_head(err, "sequence number out of range"));
	if (!sp_layout_origin_ok(o.origin) || strlen(o.origin) != n)
		return (bad_head(err, "bad origin"));
	*h = o;
	return (SP_OK);
}

/* ---- batches ---------------------------------------------------------- */

void
sp_intake_batch_key(const uint8_t id[16], uint8_t out[SP_INTAKE_KEY_LEN])
{
	memcpy(out, BATCH_MAGIC, MAGIC_LEN);
	memcpy(out + MAGIC_LEN, id, SP_INTAKE_ID_LEN);
}

void
sp_intake_batch_format(const struct sp_intake_batch *b, const uint8_t id[16],
    uint8_t out[SP_INTAKE_BATCH_LEN])
{
	sp_intake_batch_key(id, out);
	sp_le64_put(out + 24, b->number);
	sp_le64_put(out + 32, b->first);
	sp_le32_put(out + 40, b->count);
	sp_le64_put(out + 44, b->length);
	sp_le32_put(out + 52, sp_crc32c(0, out, 52));
}

/* The checksum comes first; what is checked after it is that the numbers make
 * sense, so that no caller has to fear an overflow. */
bool
sp_intake_batch_parse(const uint8_t p[SP_INTAKE_BATCH_LEN],
    const uint8_t id[16], struct sp_intake_batch *b)
{
	uint8_t key[SP_INTAKE_KEY_LEN];
	struct sp_intake_batch o;

	sp_intake_batch_key(id, key);
	if (memcmp(p, key, sizeof(key)) != 0)
		return (false);
	if (sp_le32_get(p + 52) != sp_crc32c(0, p, 52))
		return (false);
	o.number = sp_le64_get(p + 24);
	o.first = sp_le64_get(p + 32);
	o.count = sp_le32_get(p + 40);
	o.length = sp_le64_get(p + 44);
	/* A mark is empty, and each entry has a header. */
	if (o.count > SP_INTAKE_COUNT_MAX ||
	    o.length > SP_INTAKE_BATCH_BYTES_MAX ||
	    o.first > SP_SEQ_MAX - o.count)
		return (false);
	if (o.count == 0 ? o.length != 0
			 : o.length < (uint64_t)o.count * SP_INTAKE_FRAME_LEN)
		return (false);
	*b = o;
	return (true);
}

/* ---- entries ---------------------------------------------------------- */

void
sp_intake_frame_start(
    const struct sp_intake_frame *f, uint8_t out[SP_INTAKE_FRAME_LEN])
{
	sp_le32_put(out, f->record_len);
	sp_le64_put(out + 4, f->msg_len);
	sp_le32_put(out + 12, f->has_message ? SP_INTAKE_HAS_MESSAGE : 0);
}

void
sp_intake_frame_finish(
    uint8_t frame[SP_INTAKE_FRAME_LEN], struct sp_view record, uint32_t msg_crc)
{
	uint32_t crc = sp_crc32c(0, frame, FRAME_PLAIN);

	sp_le32_put(frame + 16, sp_crc32c(crc, record.p, record.n));
	sp_le32_put(frame + 20, msg_crc);
}

uint32_t
sp_intake_frame_crc(const struct sp_intake_frame *f)
{
	uint8_t p[SP_INTAKE_FRAME_LEN];

	sp_intake_frame_start(f, p);
	return (sp_crc32c(0, p, FRAME_PLAIN));
}

bool
sp_intake_frame_parse(const uint8_t p[SP_INTAKE_FRAME_LEN], uint64_t left,
    struct sp_intake_frame *f)
{
	struct sp_intake_frame o;
	uint32_t flags;

	o.record_len = sp_le32_get(p);
	o.msg_len = sp_le64_get(p + 4);
	flags = sp_le32_get(p + 12);
	o.has_message = (flags & SP_INTAKE_HAS_MESSAGE) != 0;
	o.record_crc = sp_le32_get(p + 16);
	o.msg_crc = sp_le32_get(p + 20);
	if ((flags & ~SP_INTAKE_HAS_MESSAGE) != 0 ||
	    o.record_len > SP_RECORD_MAX || o.msg_len > SP_INTAKE_MSG_MAX)
		return (false);
	if (!o.has_message && (o.msg_len != 0 || o.msg_crc != 0))
		return (false);
	/* All three terms are bounded: no overflow. */
	if (SP_INTAKE_FRAME_LEN + o.record_len + o.msg_len > left)
		return (false);
	*f = o;
	return (true);
}
