/*
 * Which places in files earlier imports took their messages from, and with
 * which statement of source and trust.  The records of all imported entries are
 * read once, at the start of an import; of each arrival 12 bytes of its digest
 * are kept, with the number of entries that name it, in a hash table with open
 * addressing. cmd_import.c asks for each message that it meets.
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

#define KEY_LEN	   12 /* bytes of an arrival's digest */
#define MEMBER_MAX (64u << 10) /* bytes of a name within a file */

struct seen_arrival {
	uint8_t key[KEY_LEN];
	uint32_t left; /* entries that name it, less the matches so far */
};

struct sp_import_seen {
	/* while loading: the imported entries */
	uint64_t *seqs;
	size_t nseqs, cseqs;
	/* open addressing; a key of zeros is a free slot */
	struct seen_arrival *table;
	size_t size; /* slots, a power of two, at most half of them in use */
};

/* What makes one arrival differ from another; all is borrowed. */
struct arrival {
	const uint8_t *sha256; /* of the file */
	struct sp_view member; /* the name within it */
	uint64_t offset;
	struct sp_view source; /* the name that the operator gave */
	bool journal;
	bool place; /* only the place: the two above do not matter */
};

/* The key of an arrival.  The lengths keep texts apart that stand beside each
 * other. */
static void
key_of(const struct arrival *a, uint8_t out[KEY_LEN])
{
	uint8_t digest[SP_SHA256_LEN], head[8 + 8 + 1];
	struct sp_sha256 *s = sp_sha256_new();

	sp_le64_put(head, a->offset);
	sp_le64_put(head + 8, a->member.n);
	head[16] = a->place ? 2 : a->journal ? 1 : 0;
	sp_sha256_add(s, a->sha256, SP_SHA256_LEN);
	sp_sha256_add(s, head, sizeof(head));
	if (a->member.n > 0)
		sp_sha256_add(s, a->member.p, a->member.n);
	if (a->source.n > 0 && !a->place)
		sp_sha256_add(s, a->source.p, a->source.n);
	sp_sha256_end(s, digest);
	sp_sha256_free(s);
	memcpy(out, digest, KEY_LEN);
}

/* The slot of the key, or the free one where it belongs. */
static struct seen_arrival *
find_slot(const struct sp_import_seen *s, const uint8_t key[KEY_LEN])
{
	size_t at = 0;

	for (int i = 0; i < 8; i++)
		at = at << 8 | key[i];
	for (;; at++) {
		struct seen_arrival *p = &s->table[at & (s->size - 1)];
		static const uint8_t none[KEY_LEN];

		if (memcmp(p->key, key, KEY_LEN) == 0 ||
		    memcmp(p->key, none, KEY_LEN) == 0)
			return (p);
	}
}

static void
add(struct sp_import_seen *s, const uint8_t key[KEY_LEN])
{
	struct seen_arrival *p = find_slot(s, key);

	memcpy(p->key, key, KEY_LEN);
	p->left++;
}

/* The keys of the arrival that an imported entry's "source" tells, and of its
 * place alone; false if it names no place. */
static bool
key_of_source(
    const json_t *source, uint8_t key[KEY_LEN], uint8_t place[KEY_LEN])
{
	const char *hex =
	    json_string_value(json_object_get(source, "file_sha256"));
	const json_t *mbox = json_object_get(source, "mbox");
	uint8_t sha256[SP_SHA256_LEN];
	struct arrival a = { .sha256 = sha256,
		.journal = json_is_true(json_object_get(source, "journal")) };
	struct sp_buf member, name;

	if (hex == NULL ||
	    !sp_hex_decode(sp_view_str(hex), sha256, SP_SHA256_LEN))
		return (false);
	sp_buf_init(&member, MEMBER_MAX);
	sp_buf_init(&name, MEMBER_MAX);
	if (!sp_json_get_str(source, "member", &member, &a.member))
		a.member = (struct sp_view){ NULL, 0 };
	if (!sp_json_get_str(source, "name", &name, &a.source))
		a.source = (struct sp_view){ NULL, 0 };
	/* Records of 0.1 have it in the source itself. */
	(void)sp_json_get_u64(
	    mbox != NULL ? mbox : source, "offset", &a.offset);
	key_of(&a, key);
	a.place = true;
	key_of(&a, place);
	sp_buf_done(&member);
	sp_buf_done(&name);
	return (true);
}

/* Count the arrivals that the entries ${s->seqs} tell; SP_EINTERRUPT after
 * Ctrl-C. */
static enum sp_code
read_records(struct sp_import_seen *s, const char *dir, struct sp_err *err)
{
	struct sp_reader *reader = NULL;
	enum sp_code rc = sp_reader_open(dir, &reader, err);

	for (size_t i = 0; rc == SP_OK && i < s->nseqs; i++) {
		uint8_t key[KEY_LEN], place[KEY_LEN];
		struct sp_record r;
		struct sp_entry e;

		if (sp_interrupt_caught()) {
			rc = sp_err_set(err, SP_EINTERRUPT, 0, "interrupted");
			break;
		}
		rc = sp_reader_get(reader, s->seqs[i], &e, err);
		if (rc != SP_OK || !e.has_record)
			continue;
		rc = sp_record_parse(e.record, &r, err);
		if (rc != SP_OK)
			break;
		if (key_of_source(
			json_object_get(r.json, "source"), key, place)) {
			add(s, key);
			add(s, place);
		}
		sp_record_done(&r);
	}
	sp_reader_close(reader);
	return (rc);
}

/* An imported entry that the index knows. */
static enum sp_code
on_hit(void *ctx, const struct sp_hit *hit, struct sp_err *err)
{
	struct sp_import_seen *s = ctx;

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

/* Ask the index which entries were imported, then read their records. */
enum sp_code
sp_import_seen_load(
    const struct sp_app *app, struct sp_import_seen **out, struct sp_err *err)
{
	const struct sp_search_opts o = { .query = "grade:imported" };
	struct sp_search_result result = { 0 };
	struct sp_import_seen *s = sp_xcalloc(1, sizeof(*s));
	enum sp_code rc = sp_search(app->dir, &o, on_hit, s, &result, err);

	/* Two keys of each entry. */
	for (s->size = 16; s->size < 4 * s->nseqs; s->size *= 2)
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
		sp_import_seen_free(s);
	return (rc);
}

/* The slot of the place of ${item}. */
static struct seen_arrival *
find_place(const struct sp_import_seen *s, const struct sp_import_item *item)
{
	const struct arrival a = { .sha256 = item->file_sha256,
		.member = sp_view_str(item->member),
		.offset = item->offset,
		.place = true };
	uint8_t key[KEY_LEN];

	key_of(&a, key);
	return (find_slot(s, key));
}

/* A match uses up an entry of the place too: what is left of the place when
 * nothing is left of the arrival are entries with other statements. */
bool
sp_import_seen_match(struct sp_import_seen *s,
    const struct sp_import_item *item, const struct sp_import_statement *st)
{
	const struct arrival a = { .sha256 = item->file_sha256,
		.member = sp_view_str(item->member),
		.offset = item->offset,
		.source = sp_view_str(st->source),
		.journal = st->journal };
	uint8_t key[KEY_LEN];
	struct seen_arrival *p;

	key_of(&a, key);
	p = find_slot(s, key);
	if (p->left == 0)
		return (false);
	p->left--;
	p = find_place(s, item);
	if (p->left > 0)
		p->left--;
	return (true);
}

bool
sp_import_seen_elsewhere(
    const struct sp_import_seen *s, const struct sp_import_item *item)
{
	return (find_place(s, item)->left > 0);
}

void
sp_import_seen_free(struct sp_import_seen *s)
{
	if (s == NULL)
		return;
	free(s->seqs);
	free(s->table);
	free(s);
}
