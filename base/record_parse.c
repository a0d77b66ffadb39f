/*
 * Reads the record of an entry.  Strict about what proofs rest on (version,
 * sequence number, time, digest and salts), and tolerant of members that a
 * later version may add.  Total: any bytes give a record or an error.
 */
#include <string.h>

#include "base/enc.h"
#include "base/record.h"
#include "base/time_text.h"

static enum sp_code
bad(struct sp_err *err, const char *what)
{
	return (sp_err_set(err, SP_EFORMAT, 0, "record: %s", what));
}

/* A member that is a text; empty if it is not there or no text. */
static struct sp_view
text_of(const json_t *obj, const char *key)
{
	const json_t *m = json_object_get(obj, key);

	if (!json_is_string(m))
		return ((struct sp_view){ NULL, 0 });
	return (sp_view_mem(json_string_value(m), json_string_length(m)));
}

/* Copy a text into ${to}, cut to ${size} with its NUL. */
static void
copy(char *to, size_t size, struct sp_view v)
{
	if (v.n >= size)
		v.n = size - 1;
	if (v.n > 0)
		memcpy(to, v.p, v.n);
	to[v.n] = '\0';
}

/* Read what only records of messages have. */
static enum sp_code
parse_message(struct sp_record *r, struct sp_err *err)
{
	const json_t *m = json_object_get(r->json, "message");
	const json_t *source = json_object_get(r->json, "source");

	if (!json_is_object(m) || !sp_json_get_u64(m, "size", &r->size))
		return (bad(err, "message without a size"));
	if (!sp_hex_decode(text_of(m, "sha256"), r->sha256, SP_SHA256_LEN))
		return (bad(err, "message without a SHA-256"));
	if (!sp_b64_decode_exact(text_of(m, "salt"), r->msalt, SP_SALT_LEN))
		return (bad(err, "message without a salt"));
	r->has_message = true;
	copy(r->grade, sizeof(r->grade), text_of(source, "grade"));
	copy(r->via, sizeof(r->via), text_of(source, "via"));
	r->journal = json_is_true(json_object_get(source, "journal"));
	return (SP_OK);
}

/* Read r->json, which is any JSON value, into the other fields. */
static enum sp_code
parse(struct sp_record *r, struct sp_err *err)
{
	struct sp_view kind, event;
	uint8_t salt[SP_SALT_LEN];
	uint64_t v;

	if (!json_is_object(r->json) || !sp_json_get_u64(r->json, "v", &v))
		return (bad(err, "no version"));
	if (v != 1)
		return (sp_err_set(err, SP_EVERSION, 0,
		    "record: version %llu is newer than this program knows",
		    (unsigned long long)v));
	if (!sp_json_get_u64(r->json, "seq", &r->seq) || r->seq > SP_SEQ_MAX)
		return (bad(err, "no sequence number"));
	if (!sp_time_parse(text_of(r->json, "received"), &r->received))
		return (bad(err, "no time of receipt"));
	if (!sp_b64_decode_exact(text_of(r->json, "salt"), salt, sizeof(salt)))
		return (bad(err, "no salt"));
	kind = text_of(r->json, "kind");
	if (sp_view_eq_str(kind, "message")) {
		r->kind = SP_KIND_MESSAGE;
		return (parse_message(r, err));
	}
	if (!sp_view_eq_str(kind, "event"))
		return (bad(err, "neither a message nor an event"));
	r->kind = SP_KIND_EVENT;
	event = text_of(r->json, "event");
	if (event.n == 0 || event.n >= sizeof(r->event))
		return (bad(err, "event without a name"));
	copy(r->event, sizeof(r->event), event);
	return (SP_OK);
}

enum sp_code
sp_record_parse(struct sp_view text, struct sp_record *out, struct sp_err *err)
{
	struct sp_record r = { 0 };
	enum sp_code rc;

	if (text.n > SP_RECORD_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "record: %zu bytes, more than %u", text.n, SP_RECORD_MAX));
	rc = sp_json_load(text, &r.json, err);
	if (rc != SP_OK) {
		(void)sp_err_prefix(err, "record");
		return (rc);
	}
	rc = parse(&r, err);
	if (rc != SP_OK) {
		json_decref(r.json);
		return (rc);
	}
	*out = r;
	return (SP_OK);
}

void
sp_record_done(struct sp_record *r)
{
	json_decref(r->json);
	r->json = NULL;
}
