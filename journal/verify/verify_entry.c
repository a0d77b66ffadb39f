/*
 * One entry against its line, the leaf of the tree: the record by its digest,
 * the message by its size and digest in the record and by the salted digest in
 * the line (doc/format-record.md).  Used for entries of segments, of the intake
 * log, of a bag and of a rebuilt tree alike.
 */
#include <inttypes.h>
#include <string.h>

#include "base/line.h"
#include "base/sha256.h"
#include "journal/verify/verify_priv.h"

/* The digest first: only a record that is the logged one is worth parsing. */
bool
sp_verify_entry_record(const struct sp_line *l, struct sp_view record,
    const char *where, struct sp_record *out, struct sp_findings *f)
{
	struct sp_err err;
	uint8_t digest[SP_SHA256_LEN];

	sp_sha256_once(record.p, record.n, digest);
	if (memcmp(digest, l->record, sizeof(digest)) != 0) {
		sp_findings_add(f, "record", where,
		    "record does not match its line (SHA-256 differs)");
		return (false);
	}
	if (sp_record_parse(record, out, &err) != SP_OK) {
		sp_findings_add(f, "record", where, "%s", err.msg);
		return (false);
	}
	if (out->seq != l->seq || out->kind != l->kind ||
	    out->received != l->received) {
		sp_findings_add(f, "record", where,
		    "record says another %s than its line",
		    out->seq != l->seq	   ? "sequence number"
		    : out->kind != l->kind ? "kind"
					   : "time of receipt");
		sp_record_done(out);
		return (false);
	}
	if (out->has_message != l->has_message) {
		sp_findings_add(f, "record", where,
		    "record and line disagree on whether there is a message");
		sp_record_done(out);
		return (false);
	}
	return (true);
}

/*
 * Size and digest first, since they name the file that is wrong; then the
 * commitment SHA-256(msalt || SHA-256(message)) of the line.
 */
bool
sp_verify_entry_message(const struct sp_line *l, const struct sp_record *r,
    uint64_t size, const uint8_t sha256[SP_SHA256_LEN], const char *where,
    struct sp_findings *f)
{
	uint8_t commit[SP_SHA256_LEN];

	if (size != r->size) {
		sp_findings_add(f, "message", where,
		    "message does not match its record: %" PRIu64
		    " bytes, the record says %" PRIu64,
		    size, r->size);
		return (false);
	}
	if (memcmp(sha256, r->sha256, SP_SHA256_LEN) != 0) {
		sp_findings_add(f, "message", where,
		    "message does not match its record (SHA-256 differs)");
		return (false);
	}
	sp_line_message_commit(r->msalt, sha256, commit);
	if (!l->has_message ||
	    memcmp(commit, l->message, sizeof(commit)) != 0) {
		sp_findings_add(
		    f, "message", where, "message does not match its line");
		return (false);
	}
	return (true);
}
