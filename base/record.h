/*
 * The record of an entry: compact JSON that says what was observed when a
 * message was received or an event happened.  It is written once, when the
 * entry gets its sequence number (journal/log/append), and then only read.  Its
 * entry line, the leaf of the tree, is base/line.h.  Format:
 * doc/format-record.md.
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

/* ---- writing -------------------------------------------------------- */

/* A recipient of a message, as the client gave it. */

struct sp_rcpt {
	struct sp_view addr; /* as given, without <> */
	struct sp_view original; /* what a pattern found in ${addr}; or empty */
	const struct sp_view *params; /* raw ESMTP parameters */
	size_t nparams;
	struct sp_view reply; /* our reply to a refused recipient; or empty */
};

/* What was observed of a message.  All is borrowed for the call; members that
 * are empty are left out of the record. */
struct sp_facts {
	struct sp_view from; /* reverse-path without <> */
	bool has_envelope; /* false for an import that has none */
	const struct sp_view *from_params;
	size_t nfrom_params;
	const struct sp_rcpt *to;
	size_t nto;
	const struct sp_rcpt *refused;
	size_t nrefused;
	/* The members of "source" as JSON without braces, written with sp_json
	 * by who received the message: "via":"smtp","grade":"witnessed",... */
	struct sp_view source;
	const char *const *flags; /* "bare_lf" and the like */
	size_t nflags;
	struct sp_view origin_date; /* RFC 3339, as a mailbox or mbox claims */
};

/* What happened, for an entry without a message.  Borrowed for the call. */
struct sp_event {
	const char *name; /* "export", "config" and the like, below 32 bytes */
	struct sp_view actor; /* who did it: a JSON object, or empty for {} */
	struct sp_view detail; /* a JSON object, or empty for {} */
};

/* What the one writer of the log adds when it assigns the sequence number. */
struct sp_stamp {
	uint64_t seq;
	int64_t received; /* never below that of the entry before */
	int64_t clock; /* the wall clock; written where it differs */
	uint8_t salt[SP_SALT_LEN];
	/* of the message, if the entry has one */
	uint8_t msalt[SP_SALT_LEN];
	uint64_t size;
	uint8_t sha256[SP_SHA256_LEN];
	const char *by; /* program, version, host: "sealpost 0.1.0 archive1" */
};

/* Append the record of a message to ${out}; SP_ELIMIT beyond its maximum. */
SP_CHECK enum sp_code sp_record_format_message(
    struct sp_buf *out, const struct sp_stamp *st, const struct sp_facts *f);
/* The same for an event. */
SP_CHECK enum sp_code sp_record_format_event(
    struct sp_buf *out, const struct sp_stamp *st, const struct sp_event *ev);

/* ---- reading -------------------------------------------------------- */

/* A record that was read: what proofs, search and commands need of it, and all
 * of it in ${json}. */
struct sp_record {
	uint64_t seq;
	enum sp_kind kind;
	int64_t received;
	bool has_message;
	uint64_t size; /* of the message */
	uint8_t sha256[SP_SHA256_LEN]; /* of the message */
	uint8_t msalt[SP_SALT_LEN];
	char event[32]; /* its name; "" for messages */
	char grade[16]; /* "witnessed" and the like; "" for events */
	char via[16]; /* "smtp" and the like; "" for events */
	bool journal; /* it came from a trusted journal source */
	json_t *json; /* the whole record; owned */
};

/* Read a record; free ${out} with sp_record_done.  Any bytes give a record or
 * SP_EFORMAT, SP_EVERSION for a later "v", or SP_ELIMIT for too many. */
SP_CHECK enum sp_code sp_record_parse(
    struct sp_view text, struct sp_record *out, struct sp_err *err);
void sp_record_done(struct sp_record *r); /* frees what it owns */

#endif
