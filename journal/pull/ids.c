/*
 * Which messages of an account the log has (ids.h): a hash table of keys with
 * open addressing, and the file that saves reading the log again.  pull.c loads
 * it before the first session and saves it after a visit; a file that is not
 * whole is not used, since the log has everything in it.
 *
 * A slot counts messages of one key: how many the log has (archived), how many
 * the present listing has shown so far (listed), and how many complete
 * listings in a row were without it (absent).  Slots are never freed one by
 * one; those that say nothing any more are left out when the table grows.
 */
#include "journal/pull/ids.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/io.h"
#include "base/sha256.h"
#include "journal/pull/doubts.h"

#define SLOTS_MIN  64 /* a power of two */
#define FILE_MAX   ((size_t)4 << 30)
#define ABSENT_MAX 3 /* complete listings without it */
#define MEMOS_MAX  1024
#define MEMO_MAX   1000

struct ids_slot {
	uint8_t key[SP_IDS_KEY];
	uint32_t archived; /* messages that the log has */
	uint32_t listed : 24; /* messages in the listing number ${listing} */
	uint32_t absent : 7; /* complete listings without it since */
	uint32_t used : 1;
	uint32_t listing; /* the last one that had it */
	uint8_t content[SP_IDS_CONTENT]; /* of the last one; zeros: unknown */
};

/* A message of the log whose key the present listing does not have. */
struct ids_absent {
	uint8_t content[SP_IDS_CONTENT];
	uint8_t key[SP_IDS_KEY];
};

struct ids_memo {
	char *name, *text;
};

struct sp_ids {
	struct ids_slot *slots;
	size_t cap, n; /* slots: a power of two; of them used */
	uint32_t listing; /* number of the present one */
	struct ids_memo memo[MEMOS_MAX];
	size_t nmemo;
	struct sp_doubts *doubts;
	bool changed; /* since it was loaded or saved */
	/* Made when sp_ids_rename() first needs it in a listing. */
	struct ids_absent *absent; /* sorted by content */
	size_t nabsent;
	uint32_t absent_of; /* the listing that it was made for */
	/* Contents of all keys, sorted; made when sp_ids_rebind() first needs
	 * it in a listing. */
	uint8_t (*contents)[SP_IDS_CONTENT];
	size_t ncontents;
	uint32_t contents_of;
};

void
sp_ids_key(struct sp_view mailbox, uint64_t uidvalidity, struct sp_view uid,
    uint8_t out[SP_IDS_KEY])
{
	uint8_t digest[SP_SHA256_LEN];
	struct sp_buf b;

	sp_buf_init(&b, 1u << 20);
	if (sp_buf_addv(&b, mailbox) != SP_OK ||
	    sp_buf_addf(&b, "%c%" PRIu64 "%c", 0, uidvalidity, 0) != SP_OK ||
	    sp_buf_addv(&b, uid) != SP_OK)
		sp_buf_clear(&b); /* no server's name is that long */
	sp_sha256_once(b.p == NULL ? "" : b.p, b.n, digest);
	memcpy(out, digest, SP_IDS_KEY);
	sp_buf_done(&b);
}

struct sp_ids *
sp_ids_new(void)
{
	struct sp_ids *k = sp_xcalloc(1, sizeof(*k));

	k->doubts = sp_doubts_new();
	return (k);
}

/* Back to an empty table. */
static void
clear(struct sp_ids *k)
{
	free(k->slots);
	free(k->absent);
	free(k->contents);
	k->absent = NULL;
	k->contents = NULL;
	k->nabsent = k->ncontents = 0;
	k->absent_of = k->contents_of = 0;
	for (size_t i = 0; i < k->nmemo; i++) {
		free(k->memo[i].name);
		free(k->memo[i].text);
	}
	sp_doubts_clear(k->doubts);
	k->slots = NULL;
	k->cap = k->n = k->nmemo = 0;
	k->listing = 0;
	k->changed = true;
}

void
sp_ids_free(struct sp_ids *k)
{
	if (k == NULL)
		return;
	clear(k);
	sp_doubts_free(k->doubts);
	free(k);
}

/* The slot of ${key}, or the free one where it belongs, in a table that is
 * there.  At least a quarter of the slots is free, so the search ends. */
static struct ids_slot *
slot_of(const struct sp_ids *k, const uint8_t *key)
{
	size_t i = (size_t)sp_le64_get(key);

	for (i &= k->cap - 1;; i = (i + 1) & (k->cap - 1)) {
		struct ids_slot *s = &k->slots[i];

		if (!s->used || memcmp(s->key, key, SP_IDS_KEY) == 0)
			return (s);
	}
}

/* As above; NULL: there is no table yet. */
static struct ids_slot *
find(const struct sp_ids *k, const uint8_t *key)
{
	return (k->cap == 0 ? NULL : slot_of(k, key));
}

/* Move to a table of ${cap} slots what still says something: messages that the
 * log has, and what the present listing has shown. */
static void
grow(struct sp_ids *k, size_t cap)
{
	struct ids_slot *old = k->slots;
	const size_t n = k->cap;

	k->slots = sp_xcalloc(cap, sizeof(*k->slots));
	k->cap = cap;
	k->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (!old[i].used ||
		    (old[i].archived == 0 && old[i].listing != k->listing))
			continue;
		*slot_of(k, old[i].key) = old[i];
		k->n++;
	}
	free(old);
}

/* The slot of ${key}, made where there is none. */
static struct ids_slot *
find_or_add(struct sp_ids *k, const uint8_t *key)
{
	struct ids_slot *s;

	if ((k->n + 1) * 4 > k->cap * 3)
		grow(k, k->cap == 0 ? SLOTS_MIN : k->cap * 2);
	s = slot_of(k, key);
	if (!s->used) {
		memcpy(s->key, key, SP_IDS_KEY);
		s->used = 1;
		k->n++;
	}
	return (s);
}

void
sp_ids_add(struct sp_ids *k, const uint8_t key[SP_IDS_KEY])
{
	struct ids_slot *s = find_or_add(k, key);

	s->archived++;
	s->absent = 0;
	k->changed = true;
}

void
sp_ids_add_content(struct sp_ids *k, const uint8_t key[SP_IDS_KEY],
    const uint8_t content[SP_IDS_CONTENT])
{
	sp_ids_add(k, key);
	memcpy(find_or_add(k, key)->content, content, SP_IDS_CONTENT);
}

static int
by_content(const void *a, const void *b)
{
	return (memcmp(((const struct ids_absent *)a)->content,
	    ((const struct ids_absent *)b)->content, SP_IDS_CONTENT));
}

/* Collect the messages that the log has and the present listing has not. */
static void
collect_absent(struct sp_ids *k)
{
	static const uint8_t unknown[SP_IDS_CONTENT];
	size_t n = 0;

	free(k->absent);
	k->absent = sp_xcalloc(k->n + 1, sizeof(*k->absent));
	for (size_t i = 0; i < k->cap; i++) {
		const struct ids_slot *s = &k->slots[i];

		if (!s->used || s->archived == 0 || s->listing == k->listing ||
		    memcmp(s->content, unknown, sizeof(unknown)) == 0)
			continue;
		memcpy(k->absent[n].content, s->content, SP_IDS_CONTENT);
		memcpy(k->absent[n++].key, s->key, SP_IDS_KEY);
	}
	qsort(k->absent, n, sizeof(*k->absent), by_content);
	k->nabsent = n;
	k->absent_of = k->listing;
}

/* Of several with this content any is taken whose message was not given a new
 * name yet. */
bool
sp_ids_rename(struct sp_ids *k, const uint8_t key[SP_IDS_KEY],
    const uint8_t content[SP_IDS_CONTENT])
{
	struct ids_absent want;
	size_t low = 0, high;

	if (k->absent_of != k->listing || k->absent == NULL)
		collect_absent(k);
	memcpy(want.content, content, SP_IDS_CONTENT);
	high = k->nabsent;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_content(&k->absent[mid], &want) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < k->nabsent && by_content(&k->absent[low], &want) == 0;
	     low++) {
		struct ids_slot *s = find(k, k->absent[low].key);

		if (s == NULL || !s->used || s->archived == 0)
			continue;
		s->archived--;
		sp_ids_add_content(k, key, content);
		return (true);
	}
	return (false);
}

static int
by_bytes(const void *a, const void *b)
{
	return (memcmp(a, b, SP_IDS_CONTENT));
}

/* Collect the contents of all messages that the log has. */
static void
collect_contents(struct sp_ids *k)
{
	static const uint8_t unknown[SP_IDS_CONTENT];
	size_t n = 0;

	free(k->contents);
	k->contents = sp_xcalloc(k->n + 1, sizeof(*k->contents));
	for (size_t i = 0; i < k->cap; i++) {
		const struct ids_slot *s = &k->slots[i];

		if (!s->used || s->archived == 0 ||
		    memcmp(s->content, unknown, sizeof(unknown)) == 0)
			continue;
		memcpy(k->contents[n++], s->content, SP_IDS_CONTENT);
	}
	qsort(k->contents, n, sizeof(*k->contents), by_bytes);
	k->ncontents = n;
	k->contents_of = k->listing;
}

bool
sp_ids_rebind(struct sp_ids *k, const uint8_t key[SP_IDS_KEY],
    const uint8_t content[SP_IDS_CONTENT])
{
	struct ids_slot *s = find(k, key);

	if (s == NULL || !s->used || s->archived == 0)
		return (false);
	if (memcmp(s->content, content, SP_IDS_CONTENT) == 0)
		return (true);
	if (k->contents == NULL || k->contents_of != k->listing)
		collect_contents(k);
	if (k->ncontents == 0 || bsearch(content, k->contents, k->ncontents,
				     sizeof(*k->contents), by_bytes) == NULL)
		return (false);
	memcpy(s->content, content, SP_IDS_CONTENT);
	k->changed = true;
	return (true);
}

void
sp_ids_drop(struct sp_ids *k, const uint8_t key[SP_IDS_KEY])
{
	struct ids_slot *s = find(k, key);

	if (s == NULL || !s->used || s->archived == 0)
		return;
	s->archived--;
	k->changed = true;
}

size_t
sp_ids_count(const struct sp_ids *k, const uint8_t key[SP_IDS_KEY])
{
	const struct ids_slot *s = find(k, key);

	return (s == NULL || !s->used ? 0 : s->archived);
}

size_t
sp_ids_size(const struct sp_ids *k)
{
	size_t n = 0;

	for (size_t i = 0; i < k->cap; i++)
		n += k->slots[i].used ? k->slots[i].archived : 0;
	return (n);
}

void
sp_ids_listing_begin(struct sp_ids *k)
{
	k->listing++;
}

bool
sp_ids_match_listed(struct sp_ids *k, const uint8_t key[SP_IDS_KEY])
{
	struct ids_slot *s = find_or_add(k, key);

	if (s->listing != k->listing)
		s->listed = 0;
	s->listing = k->listing;
	s->absent = 0;
	s->listed++;
	return (s->listed <= s->archived);
}

void
sp_ids_listing_complete(struct sp_ids *k)
{
	for (size_t i = 0; i < k->cap; i++) {
		struct ids_slot *s = &k->slots[i];

		if (!s->used || s->listing == k->listing || s->archived == 0)
			continue;
		s->absent++;
		if (s->absent < ABSENT_MAX)
			continue;
		s->archived = 0;
		k->changed = true;
	}
}

/* ---- memos -------------------------------------------------------------- */

/* The place of the memo ${name}; nmemo where there is none. */
static size_t
find_memo(const struct sp_ids *k, struct sp_view name)
{
	size_t i = 0;

	while (i < k->nmemo && !sp_view_eq_str(name, k->memo[i].name))
		i++;
	return (i);
}

const char *
sp_ids_memo(const struct sp_ids *k, struct sp_view name)
{
	const size_t i = find_memo(k, name);

	return (i == k->nmemo ? NULL : k->memo[i].text);
}

void
sp_ids_set_memo(struct sp_ids *k, struct sp_view name, struct sp_view text)
{
	const size_t i = find_memo(k, name);
	struct ids_memo *m = &k->memo[i];

	if (text.n > MEMO_MAX || i == MEMOS_MAX ||
	    (i < k->nmemo && sp_view_eq_str(text, m->text)))
		return;
	if (i == k->nmemo) {
		k->nmemo++;
		*m = (struct ids_memo){ .name = sp_view_dup(name) };
	}
	free(m->text);
	m->text = sp_view_dup(text);
	k->changed = true;
}

/* ---- the file ----------------------------------------------------------- */

struct sp_doubts *
sp_ids_doubts(const struct sp_ids *k)
{
	return (k->doubts);
}

bool
sp_ids_changed(const struct sp_ids *k)
{
	return (k->changed || sp_doubts_changed(k->doubts));
}

/* Append the text of the file (doc/pull.md) to ${out}.  Its last line shows
 * that nothing was cut off.  SP_ELIMIT: it does not fit. */
static enum sp_code
format_file(const struct sp_ids *k, const char *account, uint64_t covered,
    struct sp_buf *out)
{
	char hex[2 * SP_IDS_KEY + 1], content[2 * SP_IDS_CONTENT + 1];
	enum sp_code rc;

	rc = sp_buf_addf(
	    out, "sealpost/pull/2 %s\ncovered %" PRIu64 "\n", account, covered);
	for (size_t i = 0; rc == SP_OK && i < k->nmemo; i++) {
		rc = sp_buf_adds(out, "memo ");
		if (rc == SP_OK)
			rc = sp_b64_append(
			    out, k->memo[i].name, strlen(k->memo[i].name));
		if (rc == SP_OK)
			rc = sp_buf_addc(out, ' ');
		if (rc == SP_OK)
			rc = sp_b64_append(
			    out, k->memo[i].text, strlen(k->memo[i].text));
		if (rc == SP_OK)
			rc = sp_buf_addc(out, '\n');
	}
	for (size_t i = 0; rc == SP_OK && i < k->cap; i++) {
		const struct ids_slot *s = &k->slots[i];

		if (!s->used || s->archived == 0)
			continue;
		sp_hex_encode(s->key, SP_IDS_KEY, hex);
		sp_hex_encode(s->content, SP_IDS_CONTENT, content);
		rc = sp_buf_addf(
		    out, "%s %" PRIu32 " %s\n", hex, s->archived, content);
	}
	if (rc == SP_OK)
		rc = sp_doubts_format(k->doubts, out);
	return (rc == SP_OK ? sp_buf_adds(out, "end\n") : rc);
}

enum sp_code
sp_ids_save(struct sp_ids *k, const char *path, const char *account,
    uint64_t covered, struct sp_err *err)
{
	struct sp_buf b;
	enum sp_code rc;

	sp_buf_init(&b, FILE_MAX);
	rc = format_file(k, account, covered, &b);
	if (rc != SP_OK)
		rc = sp_err_set(
		    err, rc, 0, "%s: more ids than fit in a file", path);
	else
		rc = sp_io_replace(path, b.p, b.n, 0600, err);
	sp_buf_done(&b);
	k->changed = rc != SP_OK;
	if (rc == SP_OK)
		sp_doubts_saved(k->doubts);
	return (rc);
}

/* A line of the file behind "memo ": name and text in base64.  False: it is
 * none. */
static bool
parse_memo(struct sp_ids *k, struct sp_view line)
{
	struct sp_view name = sp_view_cut(&line, ' ');
	uint8_t a[2 * MEMO_MAX], b[2 * MEMO_MAX];
	size_t na, nb;

	if (name.n > 2 * MEMO_MAX || line.n > 2 * MEMO_MAX ||
	    !sp_b64_decode(name, a, &na) || !sp_b64_decode(line, b, &nb))
		return (false);
	sp_ids_set_memo(k, sp_view_mem(a, na), sp_view_mem(b, nb));
	return (true);
}

/* A line of the file: a key in hexadecimal, how many messages the log has of
 * it, and the content of the last.  False: it is none. */
static bool
parse_key(struct sp_ids *k, struct sp_view line)
{
	struct sp_view hex = sp_view_cut(&line, ' ');
	struct sp_view digits = sp_view_cut(&line, ' ');
	uint8_t key[SP_IDS_KEY], content[SP_IDS_CONTENT];
	struct ids_slot *s;
	uint64_t count;

	if (!sp_hex_decode(hex, key, sizeof(key)) ||
	    !sp_view_u64(digits, &count) || count == 0 || count > UINT32_MAX ||
	    !sp_hex_decode(line, content, sizeof(content)))
		return (false);
	s = find_or_add(k, key);
	s->archived = (uint32_t)count;
	memcpy(s->content, content, sizeof(content));
	return (true);
}

/* Line by line; anything that is not exactly such a file, up to its last byte,
 * leaves an empty table. */
bool
sp_ids_parse(struct sp_ids *k, struct sp_view text, const char *account,
    uint64_t *covered)
{
	struct sp_view line = sp_view_cut(&text, '\n'), word;
	bool ok;

	word = sp_view_cut(&line, ' ');
	ok = sp_view_eq_str(word, "sealpost/pull/2") &&
	     sp_view_eq_str(line, account);
	line = sp_view_cut(&text, '\n');
	word = sp_view_cut(&line, ' ');
	ok =
	    ok && sp_view_eq_str(word, "covered") && sp_view_u64(line, covered);
	while (ok) {
		line = sp_view_cut(&text, '\n');
		if (sp_view_eq_str(line, "end"))
			break;
		if (sp_view_starts(line, "memo ")) {
			(void)sp_view_cut(&line, ' ');
			ok = parse_memo(k, line);
		} else if (sp_view_starts(line, "doubt ")) {
			(void)sp_view_cut(&line, ' ');
			ok = sp_doubts_parse(k->doubts, line);
		} else
			ok = parse_key(k, line);
	}
	k->changed = false;
	sp_doubts_saved(k->doubts);
	if (ok && text.p != NULL && text.n == 0)
		return (true);
	clear(k);
	*covered = 0;
	return (false);
}

void
sp_ids_load(
    struct sp_ids *k, const char *path, const char *account, uint64_t *covered)
{
	struct sp_buf b;

	clear(k);
	*covered = 0;
	sp_buf_init(&b, FILE_MAX);
	if (sp_io_exists(path) &&
	    sp_io_read_file(path, FILE_MAX, &b, NULL) == SP_OK)
		(void)sp_ids_parse(k, sp_buf_view(&b), account, covered);
	sp_buf_done(&b);
}
