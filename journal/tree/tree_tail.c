/*
 * tree/tail and entry bundles, bytes to structs and back (tree_tail.h).
 *
 *   sealtail | version | B | S | partial tiles, level 0 on | bundle | CRC-32C
 *
 * The offsets are in doc/format-tree.md, "tree/tail".
 */
#include "journal/tree/tree_tail.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/enc.h"
#include "base/line.h"
#include "journal/tree/merkle.h"

#define MAGIC	"sealtail"
#define VERSION 1
#define HEAD	24 /* bytes of magic, version, bundle length, size */
#define CRC	4 /* bytes of the checksum */

#define ADVICE                                        \
	"the file is damaged; rebuild the tree with " \
	"sealpost verify --rebuild-tree"

void
sp_tail_init(struct sp_tail *t)
{
	t->size = 0;
	t->nbundle = 0;
}

/* Hashes in the partial tile of ${level} of a tree of ${size}. */
static size_t
width(uint64_t size, unsigned level)
{
	return ((size_t)(size >> (8 * level)) & (SP_TILE_WIDTH - 1));
}

size_t
sp_tail_width(const struct sp_tail *t, unsigned level)
{
	assert(level < SP_TREE_LEVELS);
	return (width(t->size, level));
}

struct sp_view
sp_tail_line(const struct sp_tail *t, size_t i)
{
	const char *p = t->bundle + t->at[i];
	uint8_t len[2];

	assert(i < sp_tail_width(t, 0));
	memcpy(len, p, sizeof(len));
	return ((struct sp_view){ p + 2, sp_be16_get(len) });
}

struct sp_hash
sp_tile_fold(const struct sp_hash *h, size_t n)
{
	struct sp_hash half[SP_TILE_WIDTH / 2];

	assert(n > 0 && n <= SP_TILE_WIDTH && (n & (n - 1)) == 0);
	if (n == 1)
		return (*h);
	for (size_t i = 0; i < n / 2; i++)
		half[i] = sp_merkle_node(&h[2 * i], &h[2 * i + 1]);
	for (n /= 2; n > 1; n /= 2) {
		for (size_t i = 0; i < n / 2; i++)
			half[i] =
			    sp_merkle_node(&half[2 * i], &half[2 * i + 1]);
	}
	return (half[0]);
}

/* Each line stands after its length in two bytes, big endian (C2SP
 * tlog-tiles). */
enum sp_code
sp_bundle_parse(
    struct sp_view v, size_t want, struct sp_bundle *out, struct sp_err *err)
{
	assert(want <= SP_TILE_WIDTH);
	out->n = 0;
	while (out->n < want) {
		size_t len;

		if (v.n < 2)
			return (sp_err_set(err, SP_EFORMAT, 0,
			    "entry bundle: ends after %zu of %zu lines", out->n,
			    want));
		len = sp_be16_get((const uint8_t *)v.p);
		if (len == 0 || len >= SP_LINE_MAX || len > v.n - 2)
			return (sp_err_set(err, SP_EFORMAT, 0,
			    "entry bundle: line %zu has an impossible length of %zu bytes",
			    out->n, len));
		out->line[out->n++] = (struct sp_view){ v.p + 2, len };
		v.p += 2 + len;
		v.n -= 2 + len;
	}
	if (v.n > 0)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "entry bundle: %zu bytes follow its %zu lines", v.n, want));
	return (SP_OK);
}

/* Magic, checksum and version.  After it the bytes may be trusted to be what
 * was written, not to make sense. */
static enum sp_code
check_frame(struct sp_view v, struct sp_err *err)
{
	const uint8_t *p = (const uint8_t *)v.p;
	uint32_t version;

	if (v.n < HEAD + CRC)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "only %zu bytes long; " ADVICE, v.n));
	if (memcmp(p, MAGIC, 8) != 0)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "does not begin with \"" MAGIC "\"; " ADVICE));
	version = sp_le32_get(p + 8);
	if (sp_crc32c(0, p, v.n - CRC) != sp_le32_get(p + v.n - CRC))
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "the checksum does not match; " ADVICE));
	if (version != VERSION)
		return (sp_err_set(err, SP_EVERSION, 0,
		    "of version %" PRIu32
		    ", and sealpost %s knows version %d; use a newer sealpost",
		    version, SP_VERSION, VERSION));
	return (SP_OK);
}

/* That the lines of the bundle are those whose hashes are in the tile of level
 * 0; t->at is filled in. */
static enum sp_code
check_lines(struct sp_tail *t, struct sp_err *err)
{
	struct sp_bundle b;
	enum sp_code rc;

	rc = sp_bundle_parse((struct sp_view){ t->bundle, t->nbundle },
	    width(t->size, 0), &b, err);
	for (size_t i = 0; rc == SP_OK && i < b.n; i++) {
		struct sp_hash h = sp_merkle_leaf(b.line[i]);

		t->at[i] = (uint32_t)(b.line[i].p - 2 - t->bundle);
		if (!sp_hash_eq(&h, &t->tile[0][i]))
			rc = sp_err_set(err, SP_EFORMAT, 0,
			    "the line of entry %" PRIu64
			    " does not give its hash; " ADVICE,
			    t->size - b.n + i);
	}
	return (rc);
}

/* S and B give the length of the file exactly; nothing is read before that is
 * so. */
enum sp_code
sp_tail_parse(struct sp_view v, struct sp_tail *out, struct sp_err *err)
{
	const uint8_t *p = (const uint8_t *)v.p;
	size_t need = HEAD + CRC;
	enum sp_code rc;

	rc = check_frame(v, err);
	if (rc != SP_OK)
		return (rc);
	out->nbundle = sp_le32_get(p + 12);
	out->size = sp_le64_get(p + 16);
	if (out->size > SP_SEQ_MAX + 1 || out->nbundle > sizeof(out->bundle))
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "an impossible size; " ADVICE));
	for (unsigned l = 0; l < SP_TREE_LEVELS; l++)
		need += width(out->size, l) * sizeof(struct sp_hash);
	if (v.n != need + out->nbundle)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "%zu bytes long where a tree of %" PRIu64
		    " entries needs %zu; " ADVICE,
		    v.n, out->size, need + out->nbundle));
	p += HEAD;
	for (unsigned l = 0; l < SP_TREE_LEVELS; l++) {
		size_t n = width(out->size, l) * sizeof(struct sp_hash);

		memcpy(out->tile[l], p, n);
		p += n;
	}
	memcpy(out->bundle, p, out->nbundle);
	return (check_lines(out, err));
}

/* After an error ${out} is as it was. */
enum sp_code
sp_tail_format(const struct sp_tail *t, struct sp_buf *out)
{
	uint8_t head[HEAD], crc[CRC];
	const size_t start = out->n;
	enum sp_code rc;

	memcpy(head, MAGIC, 8);
	sp_le32_put(head + 8, VERSION);
	sp_le32_put(head + 12, (uint32_t)t->nbundle);
	sp_le64_put(head + 16, t->size);
	rc = sp_buf_add(out, head, sizeof(head));
	for (unsigned l = 0; rc == SP_OK && l < SP_TREE_LEVELS; l++)
		rc = sp_buf_add(out, t->tile[l],
		    sp_tail_width(t, l) * sizeof(struct sp_hash));
	if (rc == SP_OK)
		rc = sp_buf_add(out, t->bundle, t->nbundle);
	if (rc == SP_OK) {
		sp_le32_put(crc, sp_crc32c(0, out->p + start, out->n - start));
		rc = sp_buf_add(out, crc, sizeof(crc));
	}
	if (rc != SP_OK)
		out->n = start;
	return (rc);
}
