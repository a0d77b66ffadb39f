/*
 * Writes and reads the entry line, and computes from a record what the line
 * says.  Used by the writer of the log, by the tree, and by verifying, which
 * makes each line anew from its record and compares the hashes.
 */
#include "base/line.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/enc.h"
#include "base/time_text.h"

#define PREFIX "sealpost/entry/v1 "

static const char *
kind_name(enum sp_kind kind)
{
	return (kind == SP_KIND_MESSAGE ? "message" : "event");
}

size_t
sp_line_format(const struct sp_line *l, char out[SP_LINE_MAX])
{
	char time[SP_TIME_LEN + 1], record[48], message[48] = "-";
	int n;

	sp_time_format(l->received, time);
	sp_b64_encode(l->record, sizeof(l->record), record);
	if (l->has_message)
		sp_b64_encode(l->message, sizeof(l->message), message);
	n = snprintf(out, SP_LINE_MAX, PREFIX "%" PRIu64 " %s %s %s %s", l->seq,
	    kind_name(l->kind), time, record, message);
	return ((size_t)n);
}

/* Field by field; last the line is written again and compared, which refuses
 * whatever the fields would accept in two ways. */
enum sp_code
sp_line_parse(struct sp_view v, struct sp_line *out, struct sp_err *err)
{
	struct sp_view rest = v, kind, message;
	struct sp_line l = { 0 };
	char again[SP_LINE_MAX];
	size_t n;

	if (v.n >= SP_LINE_MAX || !sp_view_starts(v, "sealpost/entry/"))
		return (sp_err_set(err, SP_EFORMAT, 0, "not an entry line"));
	if (!sp_view_starts(v, PREFIX))
		return (sp_err_set(err, SP_EVERSION, 0,
		    "entry line of a version this program does not know"));
	rest.p += sizeof(PREFIX) - 1;
	rest.n -= sizeof(PREFIX) - 1;
	if (!sp_view_u64(sp_view_cut(&rest, ' '), &l.seq) || l.seq > SP_SEQ_MAX)
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "entry line: bad sequence number"));
	kind = sp_view_cut(&rest, ' ');
	if (sp_view_eq_str(kind, "event"))
		l.kind = SP_KIND_EVENT;
	else if (!sp_view_eq_str(kind, "message"))
		return (sp_err_set(err, SP_EFORMAT, 0, "entry line: bad kind"));
	if (!sp_time_parse(sp_view_cut(&rest, ' '), &l.received))
		return (sp_err_set(err, SP_EFORMAT, 0, "entry line: bad time"));
	if (!sp_b64_decode_exact(
		sp_view_cut(&rest, ' '), l.record, sizeof(l.record)))
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "entry line: bad record digest"));
	message = rest;
	l.has_message = !sp_view_eq_str(message, "-");
	if (l.has_message &&
	    !sp_b64_decode_exact(message, l.message, sizeof(l.message)))
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "entry line: bad message digest"));
	n = sp_line_format(&l, again);
	if (!sp_view_eq(v, sp_view_mem(again, n)))
		return (sp_err_set(
		    err, SP_EFORMAT, 0, "entry line: not in canonical form"));
	*out = l;
	return (SP_OK);
}

void
sp_message_commit(const uint8_t msalt[SP_SALT_LEN],
    const uint8_t sha256[SP_SHA256_LEN], uint8_t out[SP_SHA256_LEN])
{
	sp_sha256_two(msalt, SP_SALT_LEN, sha256, SP_SHA256_LEN, out);
}

void
sp_leaf_hash(struct sp_view line, uint8_t out[SP_SHA256_LEN])
{
	static const uint8_t zero = 0;

	sp_sha256_two(&zero, 1, line.p, line.n, out);
}

void
sp_line_of_record(
    const struct sp_record *r, struct sp_view text, struct sp_line *out)
{
	*out = (struct sp_line){
		.seq = r->seq,
		.kind = r->kind,
		.received = r->received,
		.has_message = r->has_message,
	};
	sp_sha256_once(text.p, text.n, out->record);
	if (r->has_message)
		sp_message_commit(r->msalt, r->sha256, out->message);
}
