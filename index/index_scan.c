/*
 * What the indexer finds at its start: shards against the log.  A shard stays
 * if it can be read, belongs to this archive, does not overlap the one before
 * and ends with an entry that the log has too; any other is dropped and built
 * again.  Also the list of shards that the indexer keeps.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/line.h"
#include "base/sha256.h"
#include "index/index_priv.h"
#include "journal/tree/tree.h"

void
sp_index_emit(struct sp_index *ix, const char *what, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (ix->rep.fn == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ix->rep.fn(ix->rep.ctx, what, text);
}

uint64_t
sp_index_covered(const struct sp_shard_info *v, size_t n)
{
	uint64_t cursor = 0;

	for (size_t i = 0; i < n && v[i].first == cursor; i++)
		cursor = v[i].next;
	return (cursor);
}

int
sp_index_find(const struct sp_index *ix, int key)
{
	for (size_t i = 0; i < ix->nshards; i++)
		if (ix->shards[i].key == key)
			return ((int)i);
	return (-1);
}

void
sp_index_set_shard(struct sp_index *ix, const struct sp_shard_info *info)
{
	int at = sp_index_find(ix, info->key);
	size_t i = ix->nshards;

	if (at >= 0) {
		ix->shards[at] = *info;
	} else {
		ix->shards =
		    sp_xrealloc(ix->shards, (i + 1) * sizeof(*ix->shards));
		for (; i > 0 && ix->shards[i - 1].key > info->key; i--)
			ix->shards[i] = ix->shards[i - 1];
		ix->shards[i] = *info;
		ix->nshards++;
	}
	ix->cursor = sp_index_covered(ix->shards, ix->nshards);
}

enum sp_code
sp_index_remove(struct sp_index *ix, int key, const char *what, const char *why,
    struct sp_err *err)
{
	int at = sp_index_find(ix, key);
	char name[SP_SHARD_NAME];
	enum sp_code rc = sp_shard_drop(ix->dir, key, err);

	if (rc != SP_OK)
		return (rc);
	if (at >= 0) {
		ix->nshards--;
		memmove(&ix->shards[at], &ix->shards[at + 1],
		    (ix->nshards - (size_t)at) * sizeof(*ix->shards));
	}
	ix->cursor = sp_index_covered(ix->shards, ix->nshards);
	sp_shard_name(key, name);
	if (what != NULL)
		sp_index_emit(ix, what,
		    "index/%s is dropped and its entries are indexed again: %s",
		    name, why);
	return (SP_OK);
}

enum sp_code
sp_index_erased_line(void *ctx, uint64_t seq, struct sp_line *line,
    uint8_t leaf[SP_SHA256_LEN], struct sp_err *err)
{
	struct sp_index *ix = ctx;
	struct sp_tree *tree = NULL;
	struct sp_view text;
	enum sp_code rc = sp_tree_open(ix->dir, &tree, err);

	if (rc == SP_OK)
		rc = sp_tree_line(tree, seq, &text, err);
	if (rc == SP_OK)
		rc = sp_line_parse(text, line, err);
	if (rc == SP_OK)
		sp_line_leaf_hash(text, leaf);
	sp_tree_close(tree);
	return (rc);
}

enum sp_code
sp_index_leaf(struct sp_index *ix, uint64_t seq, uint8_t leaf[SP_SHA256_LEN],
    struct sp_err *err)
{
	struct sp_entry e = { 0 };
	struct sp_record r;
	struct sp_line line;
	char text[SP_LINE_MAX];
	enum sp_code rc = sp_reader_get(ix->reader, seq, &e, err);

	if (rc != SP_OK)
		return (rc);
	if (!e.has_record)
		return (sp_index_erased_line(ix, seq, &line, leaf, err));
	rc = sp_record_parse(e.record, &r, err);
	if (rc != SP_OK)
		return (rc);
	sp_line_of_record(&r, e.record, &line);
	sp_record_done(&r);
	sp_line_leaf_hash(
	    (struct sp_view){ text, sp_line_format(&line, text) }, leaf);
	return (SP_OK);
}

/* A writer did not close this shard: take its write-ahead log in and close it.
 * After a power cut nobody knows what the file holds, so all of it is looked at
 * first. */
static enum sp_code
close_unclosed(
    struct sp_index *ix, const struct sp_shard_info *info, struct sp_err *err)
{
	struct sp_shard *s = NULL;
	enum sp_code rc = sp_shard_open_write(ix->dir, info->key, &s, err);

	if (rc != SP_OK)
		return (rc);
	if (sp_shard_suspect(info))
		rc = sp_shard_check(s, err);
	if (rc == SP_OK) {
		s->marked = true;
		sp_shard_close(s);
	} else {
		sp_shard_abandon(s);
	}
	return (rc);
}

/* Look at one shard and list it; one that cannot be used is dropped. */
static enum sp_code
scan_one(struct sp_index *ix, int key, struct sp_err *err)
{
	struct sp_shard *s = NULL;
	struct sp_shard_info info;
	enum sp_code rc = sp_shard_open(ix->dir, key, &s, err);

	if (rc == SP_OK) {
		info = s->info;
		sp_shard_close(s);
		if (info.opened[0] != '\0')
			rc = close_unclosed(ix, &info, err);
	}
	if (rc == SP_ENOTFOUND)
		return (sp_index_remove(ix, key, NULL, NULL, err));
	if (rc == SP_EFORMAT || rc == SP_EVERSION) {
		char why[SP_ERR_MAX];

		memcpy(why, err->msg, sizeof(why));
		return (sp_index_remove(ix, key,
		    rc == SP_EFORMAT ? "shard_damaged" : "rewound", why, err));
	}
	if (rc != SP_OK)
		return (rc);
	if (strcmp(info.origin, ix->origin) != 0)
		return (sp_index_remove(
		    ix, key, "rewound", "it belongs to another archive", err));
	if (ix->nshards > 0 && info.first < ix->shards[ix->nshards - 1].next)
		return (sp_index_remove(
		    ix, key, "rewound", "it overlaps the month before", err));
	sp_index_set_shard(ix, &info);
	return (SP_OK);
}

/* Drop shards from the newest back, until one agrees with the log. */
static enum sp_code
compare_with_log(struct sp_index *ix, struct sp_err *err)
{
	while (ix->nshards > 0) {
		struct sp_shard_info i = ix->shards[ix->nshards - 1];
		uint8_t leaf[SP_SHA256_LEN];
		const char *why;
		enum sp_code rc;

		if (i.next == i.first)
			why = "it is empty";
		else {
			rc = sp_index_leaf(ix, i.next - 1, leaf, err);
			if (rc == SP_OK &&
			    memcmp(leaf, i.leaf, sizeof(leaf)) == 0)
				return (SP_OK);
			if (rc != SP_OK && rc != SP_ENOTFOUND)
				return (rc);
			why = rc == SP_OK
				  ? "its last entry is another one in the log"
				  : "the log is shorter";
		}
		rc = sp_index_remove(
		    ix, i.key, i.next == i.first ? NULL : "rewound", why, err);
		if (rc != SP_OK)
			return (rc);
	}
	return (SP_OK);
}

enum sp_code
sp_index_scan(struct sp_index *ix, struct sp_err *err)
{
	int *keys = NULL;
	size_t n = 0;
	enum sp_code rc = sp_shard_list(ix->dir, &keys, &n, err);

	for (size_t i = 0; rc == SP_OK && i < n; i++)
		rc = scan_one(ix, keys[i], err);
	free(keys);
	if (rc == SP_OK)
		rc = compare_with_log(ix, err);
	if (rc == SP_OK)
		rc = sp_index_check_accepts(ix, err);
	return (rc);
}
