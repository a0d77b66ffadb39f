/*
 * An entry's record (compact JSON, what was observed) and its entry line (the
 * leaf of the tree).  Formats: doc/format-record.md, doc/format-tree.md.
 */
#ifndef SP_BASE_RECORD_H
#define SP_BASE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/view.h"

#define SP_RECORD_MAX (4u << 20) /* bytes of a record, at most */
#define SP_SEQ_MAX    ((UINT64_C(1) << 53) - 1)
#define SP_SALT_LEN   16 /* bytes of the salt of a record or of a message */

enum sp_kind { SP_KIND_MESSAGE, SP_KIND_EVENT };

/* ---- facts in: what the acceptance path observed ------------------- */

struct sp_rcpt {
	struct sp_view addr; /* as given, without <> */
	struct sp_view original; /* whom it stands for; {NULL,0}: itself */
	const struct sp_view *params; /* raw ESMTP parameters */
	size_t nparams;
	struct sp_view reply; /* refused recipients: our reply; else {NULL,0} */
};

/* A message's facts.  All borrowed for the call.  Empty views are left out. */
struct sp_facts {
	struct sp_view from; /* reverse-path, "" for <> */
	bool has_envelope; /* false for imports without one */
	const struct sp_view *from_params;
	size_t nfrom_params;
	const struct sp_rcpt *to;
	size_t nto;
	const struct sp_rcpt *refused;
	size_t nrefused;
	/* The members of "source" as JSON text without braces, for instance
	 * "via":"smtp","grade":"witnessed",...  written with sp_json. */
	struct sp_view source;
	const char *const *flags; /* "bare_lf", ... */
	size_t nflags;
	struct sp_view origin_date; /* pulled, imported: RFC 3339, claimed */
};

/* An event's facts. */
struct sp_event {
	const char *name; /* "export", "hold", ... */
	struct sp_view actor; /* a JSON object's text, from the kernel */
	struct sp_view detail; /* a JSON object's text, "{}" if nothing */
};

/* What the single writer adds when it assigns the seq. */
struct sp_stamp {
	uint64_t seq;
	int64_t received; /* never decreases */
	int64_t clock; /* raw wall clock; written where different */
	uint8_t salt[SP_SALT_LEN];
	uint8_t msalt[SP_SALT_LEN]; /* messages only */
	uint64_t size; /* of the message */
	uint8_t sha256[SP_SHA256_LEN]; /* of the message */
	const char *by; /* "sealpost 0.1.0 host" */
};

SP_CHECK enum sp_code sp_record_format_message(
    struct sp_buf *out, const struct sp_stamp *st, const struct sp_facts *f);
SP_CHECK enum sp_code sp_record_format_event(
    struct sp_buf *out, const struct sp_stamp *st, const struct sp_event *ev);

/* ---- facts out ------------------------------------------------------ */

struct sp_record {
	uint64_t seq;
	enum sp_kind kind;
	int64_t received;
	bool has_message;
	uint64_t size;
	uint8_t sha256[SP_SHA256_LEN];
	uint8_t msalt[SP_SALT_LEN];
	char event[32]; /* "" for messages */
	char grade[16]; /* "" for events */
	char via[16];
	bool journal; /* it came from a trusted journal source */
	json_t *json; /* all of it; owned */
};

/* Total: any bytes give a record or SP_EFORMAT / SP_EVERSION. */
SP_CHECK enum sp_code sp_record_parse(
    struct sp_view text, struct sp_record *out, struct sp_err *err);
void sp_record_done(struct sp_record *r);

#endif
