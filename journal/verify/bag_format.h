/*
 * The text files of an exported bag (doc/format-export.md, section 2), bytes
 * in and structs out, for the verifier.  Every parser is pure and total: any
 * bytes give a struct or a refusal, with no I/O.  They are strict: what the
 * document does not describe is refused.  Views in a result borrow from the
 * input; a result is written only on success.  The writer of the same files
 * is export/, which shares no code with this on purpose.
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

/* ---- names in a bag ---- */

/*
 * Whether ${path} may occur in a bag (section 1): relative, at most
 * SP_BAG_NAME_MAX bytes of A-Z a-z 0-9 . _ - and /, no component that is empty
 * or begins with a dot.
 */
bool sp_bag_name_ok(struct sp_view path);

/* "data/messages/000000000012.eml": whether it is that, and of which entry. */
bool sp_bag_message_name(struct sp_view path, uint64_t *seq);

/* "data/proof/events/000000000012.json" (or ".tlog-proof": ${ext}): the same. */
bool sp_bag_event_name(struct sp_view path, const char *ext, uint64_t *seq);

/* "data/proof/consistency/3-7.txt": whether it is that, and both sizes. */
bool sp_bag_consistency_name(struct sp_view path, uint64_t *m, uint64_t *n);

/* ---- bag-info.txt ---- */

/* What the labels say; times in microseconds UTC. */
struct sp_bag_info {
	char origin[SP_ORIGIN_MAX + 1];
	uint64_t event; /* seq of the event of the export */
	uint64_t tree_size; /* of data/proof/checkpoint; event < tree_size */
	uint64_t first, end; /* the run; first <= end <= event */
	bool by_date; /* selected by the messages' own date */
	bool have_since, have_until;
	int64_t since, until; /* [since, until) */
	struct sp_view query; /* borrowed; empty: everything */
	uint64_t given; /* files in data/messages */
	bool complete; /* COMPLETE, else SELECTION */
	uint64_t oxum_bytes, oxum_files; /* Payload-Oxum */
};

/*
 * Parse bag-info.txt.  Each label that is known must be there once; unknown
 * ones are skipped.  SP_EFORMAT names the label; SP_EVERSION: a bag newer than
 * this program; SP_ELIMIT: longer than SP_BAG_INFO_MAX.
 */
SP_CHECK enum sp_code sp_bag_info_parse(
    struct sp_view text, struct sp_bag_info *out, struct sp_err *err);

/* ---- manifests ---- */

/*
 * One line of a manifest, without LF: 64 lower-case hexadecimal digits, two
 * blanks, a path that may occur in a bag.  ${path} borrows from ${line}.
 */
bool sp_bag_manifest_line(
    struct sp_view line, uint8_t sha256[SP_SHA256_LEN], struct sp_view *path);

/* ---- data/proof ---- */

struct sp_bag_range {
	uint64_t first, end, size; /* the proven run; leaves of the tree */
	struct sp_proof left, right; /* siblings, leaf side first */
};

/*
 * Parse data/proof/range.txt (RFC 6962 hashes).  SP_EFORMAT unless
 * first < end <= size; whether the hashes prove anything is not looked at.
 */
SP_CHECK enum sp_code sp_bag_range_parse(
    struct sp_view text, struct sp_bag_range *out, struct sp_err *err);

struct sp_bag_consistency {
	uint64_t m, n; /* sizes of the older and the newer tree */
	struct sp_proof proof;
};

/*
 * Parse data/proof/consistency/M-N.txt (RFC 6962 section 2.1.2).  SP_EFORMAT
 * unless 0 < m < n; whether it holds is not looked at.
 */
SP_CHECK enum sp_code sp_bag_consistency_parse(
    struct sp_view text, struct sp_bag_consistency *out, struct sp_err *err);

struct sp_bag_inclusion {
	uint64_t index; /* of the leaf */
	struct sp_proof proof;
	struct sp_view note; /* the checkpoint; borrowed, not parsed */
};

/* Parse an inclusion proof (C2SP tlog-proof, without "extra"); SP_EFORMAT. */
SP_CHECK enum sp_code sp_bag_inclusion_parse(
    struct sp_view text, struct sp_bag_inclusion *out, struct sp_err *err);

/* ---- data/proof/omitted.jsonl ---- */

/* Why an entry of the run has no file in data/messages. */
enum sp_bag_reason {
	SP_BAG_EVENT, /* it is an event */
	SP_BAG_FILTERED, /* the request did not ask for it */
	SP_BAG_PURGED, /* the message was destroyed */
	SP_BAG_ERASED /* message and record were destroyed */
};

struct sp_bag_omitted {
	uint64_t seq;
	enum sp_bag_reason reason;
	uint64_t event; /* the purge event, where purged or erased */
};

/*
 * One line of omitted.jsonl, without LF: exactly the bytes that the document
 * shows for its reason, so that a line has one reading.
 */
bool sp_bag_omitted_parse(struct sp_view line, struct sp_bag_omitted *out);

#endif
