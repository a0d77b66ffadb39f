/*
 * The text files of an exported bag, bytes in and structs out: pure, total,
 * strict (doc/format-export.md section 2).  Views borrow from the input.
 */
#ifndef SP_VERIFY_BAG_FORMAT_H
#define SP_VERIFY_BAG_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/sha256.h"
#include "base/view.h"
#include "base/layout.h"
#include "journal/tree/merkle.h"

#define SP_BAG_NAME_MAX	 200u /* bytes of a path in a bag */
#define SP_BAG_INFO_MAX	 (64u << 10) /* bytes of bag-info.txt */
#define SP_BAG_PROOF_MAX (128u << 10) /* of range.txt, tlog-proof, ... */
#define SP_BAG_TEXT_LINE 1024u /* of a manifest or omitted line */

/* Whether a path may occur in a bag (section 1). */
bool sp_bag_name_ok(struct sp_view path);
/* "data/messages/000000000012.eml". */
bool sp_bag_message_name(struct sp_view path, uint64_t *seq);
/* "data/proof/events/000000000012.json" or ".tlog-proof" (${ext}). */
bool sp_bag_event_name(struct sp_view path, const char *ext, uint64_t *seq);
/* "data/proof/consistency/3-7.txt" */
bool sp_bag_consistency_name(struct sp_view path, uint64_t *m, uint64_t *n);

struct sp_bag_info {
	char origin[SP_ORIGIN_MAX + 1];
	uint64_t event, tree_size;
	uint64_t first, end; /* the run */
	bool by_date;
	bool have_since, have_until;
	int64_t since, until;
	struct sp_view query; /* borrowed */
	uint64_t given;
	bool complete;
	uint64_t oxum_bytes, oxum_files;
};

/* SP_EVERSION for a bag newer than this program. */
SP_CHECK enum sp_code sp_bag_info_parse(
    struct sp_view text, struct sp_bag_info *out, struct sp_err *err);

/* One line of a manifest, without LF. */
bool sp_bag_manifest_line(
    struct sp_view line, uint8_t sha256[SP_SHA256_LEN], struct sp_view *path);

struct sp_bag_range {
	uint64_t first, end, size; /* the proven run, the tree */
	struct sp_proof left, right;
};
SP_CHECK enum sp_code sp_bag_range_parse(
    struct sp_view text, struct sp_bag_range *out, struct sp_err *err);

struct sp_bag_consistency {
	uint64_t m, n;
	struct sp_proof proof;
};
SP_CHECK enum sp_code sp_bag_consistency_parse(
    struct sp_view text, struct sp_bag_consistency *out, struct sp_err *err);

struct sp_bag_inclusion {
	uint64_t index;
	struct sp_proof proof;
	struct sp_view note; /* borrowed */
};
SP_CHECK enum sp_code sp_bag_inclusion_parse(
    struct sp_view text, struct sp_bag_inclusion *out, struct sp_err *err);

enum sp_bag_reason {
	SP_BAG_EVENT,
	SP_BAG_FILTERED,
	SP_BAG_PURGED,
	SP_BAG_ERASED
};
struct sp_bag_omitted {
	uint64_t seq;
	enum sp_bag_reason reason;
	uint64_t event; /* purged, erased */
};
/* One line of omitted.jsonl, without LF: exactly the form of the document. */
bool sp_bag_omitted_parse(struct sp_view line, struct sp_bag_omitted *out);
const char *sp_bag_reason_name(enum sp_bag_reason r);

#endif
