/*
 * Comparing bytes with the tree: entries on their way into the tree or a
 * segment, and a segment read back before its intake file is removed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/line.h"
#include "base/sha256.h"
#include "journal/seal/seal_priv.h"
#include "journal/segment/segment.h"

enum sp_code
sp_seal_line(
    struct sp_tree *t, uint64_t seq, struct sp_line *out, struct sp_err *err)
{
	struct sp_view v;
	enum sp_code rc = sp_tree_line(t, seq, &v, err);

	if (rc == SP_OK)
		rc = sp_line_parse(v, out, err);
	return (rc);
}

/* ---- one entry -------------------------------------------------------- */

/* The line is made from the record again: it binds record and message
 * digests. */
enum sp_code
sp_seal_check_record(struct sp_tree *t, uint64_t seq, struct sp_view record,
    struct sp_record *out, struct sp_err *err)
{
	char text[SP_LINE_MAX];
	struct sp_line line;
	struct sp_view want;
	enum sp_code rc = sp_tree_line(t, seq, &want, err);
	size_t n;

	if (rc == SP_OK)
		rc = sp_record_parse(record, out, err);
	if (rc != SP_OK)
		return (rc);
	sp_line_of_record(out, record, &line);
	n = sp_line_format(&line, text);
	if (!sp_view_eq(want, sp_view_mem(text, n))) {
		sp_record_done(out);
		return (sp_err_set(err, SP_EMISMATCH, 0,
		    "the record does not match the tree"));
	}
	return (SP_OK);
}

enum sp_code
sp_seal_check_message(const struct sp_record *r, bool has_message,
    uint64_t size, const uint8_t sha256[SP_SHA256_LEN], struct sp_err *err)
{
	if (r->has_message != has_message)
		return (sp_err_set(err, SP_EMISMATCH, 0,
		    has_message ? "a message where the record has none"
				: "the message is missing"));
	if (!has_message)
		return (SP_OK);
	if (r->size != size)
		return (sp_err_set(err, SP_EMISMATCH, 0,
		    "the message has %" PRIu64
		    " bytes, the record says %" PRIu64,
		    size, r->size));
	if (memcmp(r->sha256, sha256, SP_SHA256_LEN) != 0)
		return (sp_err_set(err, SP_EMISMATCH, 0,
		    "the message does not match the record's SHA-256"));
	return (SP_OK);
}

/* ---- read-back ------------------------------------------------------ */

/* Which member comes next, or is being read:
 * LINES -> RECORD -> (MESSAGE ->) RECORD -> ... */
enum read_back_phase { LINES, RECORD, MESSAGE };

/* A segment being read back. */
struct read_back {
	/* what it should be */
	struct sp_tree *tree;
	uint64_t first, last;
	/* its table of contents, which must say the same */
	struct sp_segment *toc;
	/* the member */
	enum read_back_phase phase;
	uint64_t seq; /* of the entry, or of the line */
	uint64_t at, size; /* of its data in the tar */
	/* lines: the one expected, with its LF, and how much of it was seen */
	char line[SP_LINE_MAX];
	size_t line_n, line_off;
	/* records and messages */
	struct sp_buf record;
	struct sp_record parsed; /* of the entry whose message comes */
	struct sp_sha256 *sha;
};

/* SP_EMISMATCH; the entry is named by sp_seal_read_back. */
static enum sp_code
mismatch(struct sp_err *err, const char *why)
{
	return (sp_err_set(err, SP_EMISMATCH, 0, "%s", why));
}

/* The name that the member must have. */
static void
expected_name(const struct read_back *b, char out[96])
{
	if (b->phase == LINES)
		(void)snprintf(out, 96, "%012" PRIu64 "-%012" PRIu64 ".lines",
		    b->first, b->last);
	else
		(void)snprintf(out, 96, "%012" PRIu64 "%s", b->seq,
		    b->phase == RECORD ? ".json" : ".eml");
}

/* Check that the table of contents gives the same place and length for the
 * member. */
static enum sp_code
check_place(const struct read_back *b, struct sp_err *err)
{
	struct sp_segment_item it;
	uint64_t at, len;
	enum sp_code rc;

	if (b->phase == LINES)
		return (SP_OK);
	rc = sp_segment_item(b->toc, b->seq, &it, err);
	if (rc != SP_OK)
		return (rc);
	at = b->phase == RECORD ? it.record_at : it.msg_at;
	len = b->phase == RECORD ? it.record_len : it.msg_len;
	if (at != b->at || len != b->size ||
	    !(b->phase == RECORD ? it.has_record : it.has_message))
		return (
		    mismatch(err, "the table of contents points elsewhere"));
	return (SP_OK);
}

/* A member begins: it must be the one that comes next. */
static enum sp_code
on_member(void *ctx, const char *name, uint64_t size, int64_t mtime,
    struct sp_err *err)
{
	struct read_back *b = ctx;
	char want[96];

	(void)mtime;
	if (b->phase == RECORD && b->seq > b->last)
		return (mismatch(err, "more entries than there should be"));
	expected_name(b, want);
	if (strcmp(name, want) != 0)
		return (sp_err_set(
		    err, SP_EMISMATCH, 0, "%s where %s should be", name, want));
	b->size = size;
	sp_buf_clear(&b->record);
	sp_sha256_reset(b->sha);
	return (check_place(b, err));
}

/* Fetch the next line expected from the tree, with the LF that follows it. */
static enum sp_code
next_line(struct read_back *b, struct sp_err *err)
{
	struct sp_view v;
	enum sp_code rc;

	if (b->seq > b->last)
		return (mismatch(err, "more lines than entries"));
	rc = sp_tree_line(b->tree, b->seq, &v, err);
	if (rc != SP_OK)
		return (rc);
	if (v.n >= sizeof(b->line))
		return (mismatch(err, "a line in the tree is too long"));
	memcpy(b->line, v.p, v.n);
	b->line[v.n] = '\n';
	b->line_n = v.n + 1;
	b->line_off = 0;
	return (SP_OK);
}

/* Compare a piece of .lines with the lines in the tree; lines may be cut
 * anywhere. */
static enum sp_code
compare_lines(struct read_back *b, const char *p, size_t n, struct sp_err *err)
{
	while (n > 0) {
		size_t k = b->line_n - b->line_off;
		enum sp_code rc = k == 0 ? next_line(b, err) : SP_OK;

		if (rc != SP_OK)
			return (rc);
		k = b->line_n - b->line_off;
		if (k > n)
			k = n;
		if (memcmp(p, b->line + b->line_off, k) != 0)
			return (sp_err_set(err, SP_EMISMATCH, 0,
			    "the line of entry %" PRIu64
			    " does not match the tree",
			    b->seq));
		b->line_off += k;
		p += k;
		n -= k;
		if (b->line_off == b->line_n)
			b->seq++;
	}
	return (SP_OK);
}

/* The member is complete: judge it, and say what must come next. */
static enum sp_code
end_member(struct read_back *b, struct sp_err *err)
{
	uint8_t sha256[SP_SHA256_LEN];
	enum sp_code rc;

	if (b->phase == LINES) {
		if (b->seq != b->last + 1)
			return (mismatch(err, "lines are missing"));
		b->seq = b->first;
		b->phase = RECORD;
		return (SP_OK);
	}
	if (b->phase == RECORD) {
		rc = sp_seal_check_record(
		    b->tree, b->seq, sp_buf_view(&b->record), &b->parsed, err);
		if (rc != SP_OK)
			return (rc);
		if (b->parsed.has_message) {
			b->phase = MESSAGE;
			return (SP_OK);
		}
	} else {
		sp_sha256_end(b->sha, sha256);
		rc = sp_seal_check_message(
		    &b->parsed, true, b->size, sha256, err);
		if (rc != SP_OK)
			return (rc);
		b->phase = RECORD;
	}
	sp_record_done(&b->parsed);
	b->seq++;
	return (SP_OK);
}

/* A piece of the member's data, or its end.  Lines are compared as they come,
 * records kept to be parsed, messages hashed. */
static enum sp_code
on_data(void *ctx, const void *p, size_t n, struct sp_err *err)
{
	struct read_back *b = ctx;

	if (n == 0)
		return (end_member(b, err));
	switch (b->phase) {
	case LINES:
		return (compare_lines(b, p, n, err));
	case RECORD:
		if (sp_buf_add(&b->record, p, n) != SP_OK)
			return (mismatch(err, "the record is too long"));
		return (SP_OK);
	case MESSAGE:
	default:
		sp_sha256_add(b->sha, p, n);
		return (SP_OK);
	}
}

/* It goes through zstd and tar only, so it sees what an auditor will see. */
enum sp_code
sp_seal_read_back(struct sp_tree *t, const char *path, uint64_t first,
    uint64_t last, struct sp_err *err)
{
	struct read_back b = {
		.tree = t, .first = first, .last = last, .seq = first
	};
	const struct sp_segment_walk cb = {
		.member = on_member, .data = on_data, .ctx = &b, .at = &b.at
	};
	enum sp_code rc = sp_segment_open(path, &b.toc, err);

	if (rc != SP_OK)
		return (rc);
	sp_buf_init(&b.record, SP_RECORD_MAX);
	b.sha = sp_sha256_new();
	if (sp_segment_first(b.toc) != first || sp_segment_last(b.toc) != last)
		rc = mismatch(err, "the table of contents is of other entries");
	if (rc == SP_OK)
		rc = sp_segment_walk(path, &cb, err);
	if (rc == SP_OK && (b.phase != RECORD || b.seq != last + 1))
		rc = mismatch(err, "entries are missing");
	if (rc == SP_EMISMATCH)
		(void)sp_err_prefix(
		    err, "segment %s: entry %" PRIu64, path, b.seq);
	sp_record_done(&b.parsed);
	sp_sha256_free(b.sha);
	sp_buf_done(&b.record);
	sp_segment_close(b.toc);
	return (rc);
}
