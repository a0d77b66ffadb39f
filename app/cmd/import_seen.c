/*
 * Which places in files earlier imports took their messages from.  The records
 * of all imported entries are read once, at the start of an import; of each
 * place 12 bytes of its digest are kept, with the number of entries that name
 * it, in a hash table with open addressing. cmd_import.c asks for each message
 * that it meets.
 */
#include "app/cmd/import_seen.h"

#include <stdlib.h>
#include <string.h>

#include "app/common/interrupt.h"
#include "base/enc.h"
#include "base/json.h"
#include "base/record.h"
#include "base/sha256.h"
#include "index/search.h"
#include "journal/log/reader.h"

#define KEY_LEN	   12 /* bytes of a place's digest */
#define MEMBER_MAX (64u << 10) /* bytes of a name within a file */

struct seen_place {
	uint8_t key[KEY_LEN];
	uint32_t left; /* entries that name it, less the matches so far */
};

struct sp_seen {
	/* while loading: the imported entries */
	uint64_t *seqs;
	size_t nseqs, cseqs;
	/* open addressing; a key of zeros is a free slot */
	struct seen_place *table;
	size_t size; /* slots, a power of two, at most half of them in use */
};

/* The key of a place: the file's SHA-256, the name within it, the offset. */
static void
key_of(const uint8_t sha256[SP_SHA256_LEN], struct sp_view member,
    uint64_t offset, uint8_t out[KEY_LEN])
{
	uint8_t digest[SP_SHA256_LEN], at[8];
	struct sp_sha256 *s = sp_sha256_new();

	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(offset >> (8 * i));
	sp_sha256_add(s, sha256, SP_SHA256_LEN);
	sp_sha256_add(s, at, sizeof(at));
	if (member.n > 0)
		sp_sha256_add(s, member.p, member.n);
	sp_sha256_end(s, digest);
	sp_sha256_free(s);
	memcpy(out, digest, KEY_LEN);
}

/* The slot of the key, or the free one where it belongs. */
static struct seen_place *
find_slot(const struct sp_seen *s, const uint8_t key[KEY_LEN])
{
	size_t at = 0;

	for (int i = 0; i < 8; i++)
		at = at << 8 | key[i];
	for (;; at++) {
		struct seen_place *p = &s->table[at & (s->size - 1)];
		static const uint8_t none[KEY_LEN];

		if (memcmp(p->key, key, KEY_LEN) == 0 ||
		    memcmp(p->key, none, KEY_LEN) == 0)
			return (p);
	}
}

static void
add(struct sp_seen *s, const uint8_t key[KEY_LEN])
{
	struct seen_place *p = find_slot(s, key);

	memcpy(p->key, key, KEY_LEN);
	p->left++;
}

/* The key of the place that an imported entry's "source" names; false if it
 * names none. */
static bool
key_of_source(const json_t *source, uint8_t key[KEY_LEN])
{
	const char *hex =
	    json_string_value(json_object_get(source, "file_sha256"));
	const json_t *mbox = json_object_get(source, "mbox");
	uint8_t sha256[SP_SHA256_LEN];
	struct sp_view member = { NULL, 0 };
	struct sp_buf tmp;
	uint64_t offset = 0;

	if (hex == NULL ||
	    !sp_hex_decode(sp_view_str(hex), sha256, SP_SHA256_LEN))
		return (false);
	sp_buf_init(&tmp, MEMBER_MAX);
	if (!sp_json_get_str(source, "member", &tmp, &member))
		member = (struct sp_view){ NULL, 0 };
	/* Records of 0.1 have it in the source itself. */
	(void)sp_json_get_u64(mbox != NULL ? mbox : source, "offset", &offset);
	key_of(sha256, member, offset, key);
	sp_buf_done(&tmp);
	return (true);
}

/* Count the places that the entries ${s->seqs} name; SP_EINTERRUPT after
 * Ctrl-C. */
static enum sp_code
read_records(struct sp_seen *s, const char *dir, struct sp_err *err)
{
	struct sp_reader *reader = NULL;
	enum sp_code rc = sp_reader_open(dir, &reader, err);

	for (size_t i = 0; rc == SP_OK && i < s->nseqs; i++) {
		uint8_t key[KEY_LEN];
		struct sp_record r;
		struct sp_entry e;

		if (sp_interrupted()) {
			rc = sp_err_set(err, SP_EINTERRUPT, 0, "interrupted");
			break;
		}
		rc = sp_reader_get(reader, s->seqs[i], &e, err);
		if (rc != SP_OK || !e.has_record)
			continue;
		rc = sp_record_parse(e.record, &r, err);
		if (rc != SP_OK)
			break;
		if (key_of_source(json_object_get(r.json, "source"), key))
			add(s, key);
		sp_record_done(&r);
	}
	sp_reader_close(reader);
	return (rc);
}

/* An imported entry that the index knows. */
static enum sp_code
on_hit(void *ctx, const struct sp_hit *hit, struct sp_err *err)
{
	struct sp_seen *s = ctx;

	(void)err;
	if (s->nseqs == s->cseqs) {
		s->cseqs = s->cseqs == 0 ? 1024 : 2 * s->cseqs;
		s->seqs = sp_xrealloc(s->seqs, s->cseqs * sizeof(*s->seqs));
	}
	s->seqs[s->nseqs++] = hit->seq;
	return (SP_OK);
}

static int
ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

enum sp_code
sp_seen_load(const struct sp_app *app, struct sp_seen **out, struct sp_err *err)
{
	const struct sp_search_opts o = { .query = "grade:imported" };
	struct sp_search_result result = { 0 };
	struct sp_seen *s = sp_xcalloc(1, sizeof(*s));
	enum sp_code rc = sp_search(app->dir, &o, on_hit, s, &result, err);

	for (s->size = 16; s->size < 2 * s->nseqs; s->size *= 2)
		continue;
	s->table = sp_xcalloc(s->size, sizeof(*s->table));
	if (rc == SP_OK && s->nseqs > 0) {
		/* The log is read from front to back. */
		qsort(s->seqs, s->nseqs, sizeof(*s->seqs), ascending);
		rc = read_records(s, app->dir, err);
	}
	free(s->seqs);
	s->seqs = NULL;
	if (rc == SP_OK)
		*out = s;
	else
		sp_seen_free(s);
	return (rc);
}

bool
sp_seen_take(struct sp_seen *s, const struct sp_import_item *item)
{
	uint8_t key[KEY_LEN];
	struct seen_place *p;

	key_of(item->file_sha256, sp_view_str(item->member), item->offset, key);
	p = find_slot(s, key);
	if (p->left == 0)
		return (false);
	p->left--;
	return (true);
}

void
sp_seen_free(struct sp_seen *s)
{
	if (s == NULL)
		return;
	free(s->seqs);
	free(s->table);
	free(s);
}
