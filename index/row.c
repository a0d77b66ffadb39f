#include "index/row.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/time_text.h"
#include "index/db.h"
#include "index/schema.h"
#include "index/zone.h"

#define JSON_MAX ((size_t)64 << 20)
#define TEXT_MAX ((size_t)1 << 20)

struct sp_row {
	struct sp_shard *shard;
	sqlite3_stmt *message, *parties, *attachments, *claims;
	struct sp_buf json, date, from, to, subject;
};

/* messages columns, in the order of the statement */
enum {
	RECEIVED,
	DATE,
	ZONE,
	SIZE,
	GRADE,
	VIA,
	SHA256,
	MSGID,
	SUBJECT,
	FLAGS,
	HEADS,
	ATTACHMENTS,
	CLAIMS,
	ORIGINAL,
	DUPLICATE_OF,
	SAME_AS,
	CONFLICT_WITH
};

static const char message_sql[] =
    "SELECT received, date, zone, size, grade, via, sha256, msgid, subject, flags, heads, attachments, claims, original, duplicate_of, same_as, conflict_with FROM messages JOIN sources ON sources.id = source WHERE seq = ?";
static const char parties_sql[] =
    "SELECT addr, name FROM parties JOIN addresses ON addresses.id = address WHERE seq = ? AND role = ? ORDER BY n";
static const char claims_sql[] =
    "SELECT c.role, a.addr, a.name, e.name, c.presumed, c.how, v.addr FROM claims c JOIN addresses a ON a.id = c.address JOIN evidence e ON e.id = c.evidence LEFT JOIN addresses v ON v.id = c.via WHERE c.seq = ? ORDER BY c.n";
static const char attachments_sql[] =
    "SELECT name, type, detected, size, sha256 FROM attachments WHERE seq = ? ORDER BY n";

static enum sp_code
failed(struct sp_row *r, int rc, struct sp_err *err)
{
	return (sp_db_error(r->shard->db, rc, r->shard->path, err));
}

enum sp_code
sp_row_open(struct sp_shard *s, struct sp_row **out, struct sp_err *err)
{
	struct sp_row *r = sp_xcalloc(1, sizeof(*r));
	int rc;

	r->shard = s;
	sp_buf_init(&r->json, JSON_MAX);
	sp_buf_init(&r->date, TEXT_MAX);
	sp_buf_init(&r->from, TEXT_MAX);
	sp_buf_init(&r->to, TEXT_MAX);
	sp_buf_init(&r->subject, TEXT_MAX);
	rc = sp_db_prepare(s->db, message_sql, true, &r->message);
	if (rc == SQLITE_OK)
		rc = sp_db_prepare(s->db, parties_sql, true, &r->parties);
	if (rc == SQLITE_OK)
		rc = sp_db_prepare(
		    s->db, attachments_sql, true, &r->attachments);
	if (rc == SQLITE_OK)
		rc = sp_db_prepare(s->db, claims_sql, true, &r->claims);
	if (rc != SQLITE_OK) {
		enum sp_code code = failed(r, rc, err);

		sp_row_close(r);
		return (code);
	}
	*out = r;
	return (SP_OK);
}

void
sp_row_close(struct sp_row *r)
{
	if (r == NULL)
		return;
	(void)sqlite3_finalize(r->message);
	(void)sqlite3_finalize(r->parties);
	(void)sqlite3_finalize(r->attachments);
	(void)sqlite3_finalize(r->claims);
	sp_buf_done(&r->json);
	sp_buf_done(&r->date);
	sp_buf_done(&r->from);
	sp_buf_done(&r->to);
	sp_buf_done(&r->subject);
	free(r);
}

/* A text for the table; what is too long for it is left out. */
static void
text(struct sp_buf *b, struct sp_view v)
{
	sp_buf_clear(b);
	if (sp_buf_addv(b, v) != SP_OK)
		sp_buf_clear(b);
}

static void
json_text(struct sp_json *j, const char *key, struct sp_view v)
{
	if (v.p == NULL)
		sp_json_null(j, key);
	else
		sp_json_str(j, key, v);
}

static void
json_digest(struct sp_json *j, sqlite3_stmt *st, int column, const char *key)
{
	const void *p = sqlite3_column_blob(st, column);

	if (p == NULL || sqlite3_column_bytes(st, column) != SP_SHA256_LEN)
		sp_json_null(j, key);
	else
		sp_json_hex(j, key, p, SP_SHA256_LEN);
}

/* The date text, from its instant and zone or as it was stored. */
static void
date_text(struct sp_row *r)
{
	sqlite3_stmt *st = r->message;
	char out[SP_ZONE_LEN];

	if (sqlite3_column_type(st, ZONE) != SQLITE_INTEGER) {
		text(&r->date, sp_db_view(st, ZONE));
		return;
	}
	sp_zone_format(sqlite3_column_int64(st, DATE) * SP_SECOND,
	    sqlite3_column_int(st, ZONE), out);
	text(&r->date, sp_view_str(out));
}

static void
json_facts(struct sp_row *r, uint64_t seq, struct sp_json *j)
{
	sqlite3_stmt *st = r->message;
	char time[SP_TIME_LEN + 1];

	sp_json_u64(j, "seq", seq);
	sp_time_format(sqlite3_column_int64(st, RECEIVED), time);
	sp_json_cstr(j, "received", time);
	date_text(r);
	if (r->date.n > 0)
		sp_json_str(j, "date", sp_buf_view(&r->date));
	else
		sp_json_null(j, "date");
	sp_json_str(j, "grade", sp_db_view(st, GRADE));
	sp_json_str(j, "via", sp_db_view(st, VIA));
	sp_json_u64(j, "size", sp_db_u64(st, SIZE));
	json_digest(j, st, SHA256, "sha256");
	json_text(j, "message_id", sp_db_view(st, MSGID));
	text(&r->subject, sp_db_view(st, SUBJECT));
	json_text(j, "subject", sp_db_view(st, SUBJECT));
}

static void
json_party(struct sp_json *j, enum sp_role role, struct sp_view addr,
    struct sp_view name)
{
	if (role == SP_ROLE_ENV_FROM || role == SP_ROLE_ENV_TO) {
		sp_json_str(
		    j, role == SP_ROLE_ENV_FROM ? "envelope_from" : NULL, addr);
		return;
	}
	sp_json_obj(j, NULL);
	sp_json_str(j, "name", name.p == NULL ? SP_VIEW_LIT("") : name);
	sp_json_str(j, "addr", addr);
	sp_json_obj_end(j);
}

/* The parties of one role: an array, or null where the field is absent. */
static int
json_role(struct sp_row *r, uint64_t seq, enum sp_role role, const char *key,
    struct sp_json *j, struct sp_buf *first)
{
	bool list = role != SP_ROLE_ENV_FROM, open = false;
	int64_t heads = sqlite3_column_int64(r->message, HEADS);
	sqlite3_stmt *st = r->parties;
	int rc;

	(void)sp_db_bind_u64(st, 1, seq);
	(void)sqlite3_bind_int(st, 2, (int)role);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (list && !open)
			sp_json_arr(j, key);
		if (!open && first != NULL)
			text(first, sp_db_view(st, 0));
		open = true;
		json_party(j, role, sp_db_view(st, 0), sp_db_view(st, 1));
		if (!list)
			break;
	}
	(void)sqlite3_reset(st);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		return (rc);
	if (!open &&
	    (role == SP_ROLE_ENV_TO || (heads & (int64_t)SP_HEAD(role)) != 0)) {
		sp_json_arr(j, key);
		open = true;
	}
	if (!open)
		sp_json_null(j, key);
	else if (list)
		sp_json_arr_end(j);
	return (SQLITE_OK);
}

static int
json_people(struct sp_row *r, uint64_t seq, struct sp_json *j)
{
	static const struct {
		enum sp_role role;
		const char *key;
	} roles[] = {
		{ SP_ROLE_FROM, "from" },
		{ SP_ROLE_TO, "to" },
		{ SP_ROLE_CC, "cc" },
		{ SP_ROLE_BCC, "bcc" },
		{ SP_ROLE_REPLY_TO, "reply_to" },
		{ SP_ROLE_ENV_FROM, "envelope_from" },
		{ SP_ROLE_ENV_TO, "envelope_to" },
	};
	int rc = SQLITE_OK;

	sp_buf_clear(&r->from);
	sp_buf_clear(&r->to);
	for (size_t i = 0; rc == SQLITE_OK && i < SP_COUNTOF(roles); i++) {
		enum sp_role role = roles[i].role;
		struct sp_buf *first = role == SP_ROLE_FROM ? &r->from
				       : role == SP_ROLE_TO ? &r->to
							    : NULL;

		rc = json_role(r, seq, role, roles[i].key, j, first);
	}
	return (rc);
}

static int
json_attachments(struct sp_row *r, uint64_t seq, struct sp_json *j)
{
	sqlite3_stmt *st = r->attachments;
	int rc = SQLITE_DONE;

	sp_json_arr(j, "attachments");
	if (sqlite3_column_int64(r->message, ATTACHMENTS) > 0) {
		(void)sp_db_bind_u64(st, 1, seq);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
			sp_json_obj(j, NULL);
			json_text(j, "name", sp_db_view(st, 0));
			json_text(j, "type", sp_db_view(st, 1));
			json_text(j, "detected_type", sp_db_view(st, 2));
			sp_json_u64(j, "size", sp_db_u64(st, 3));
			json_digest(j, st, 4, "sha256");
			sp_json_obj_end(j);
		}
		(void)sqlite3_reset(st);
	}
	sp_json_arr_end(j);
	return (rc == SQLITE_DONE ? SQLITE_OK : rc);
}

static void
json_claim(struct sp_json *j, sqlite3_stmt *st)
{
	int role = sqlite3_column_int(st, 0);
	int presumed = sqlite3_column_int(st, 4);
	int how = sqlite3_column_int(st, 5);

	if (role <= 0 || role >= SP_CLAIM_ROLES)
		return;
	sp_json_obj(j, NULL);
	sp_json_cstr(j, "role", sp_claim_role_name[role]);
	sp_json_str(j, "addr", sp_db_view(st, 1));
	if (sp_db_view(st, 2).n > 0)
		sp_json_str(j, "name", sp_db_view(st, 2));
	if (presumed > 0 && presumed < SP_CLAIM_ROLES)
		sp_json_cstr(j, "presumed",
		    presumed == SP_CLAIM_BCC ? "unlisted"
					     : sp_claim_role_name[presumed]);
	if (how > 0 && how < SP_CLAIM_HOWS) {
		sp_json_obj(j, "via");
		sp_json_cstr(j, "how", sp_claim_how_name[how]);
		sp_json_str(j, "addr", sp_db_view(st, 6));
		sp_json_obj_end(j);
	}
	sp_json_str(j, "evidence", sp_db_view(st, 3));
	sp_json_obj_end(j);
}

/* Who sent it and got it by report and header fields. */
static int
json_claims(struct sp_row *r, uint64_t seq, struct sp_json *j)
{
	sqlite3_stmt *st = r->claims;
	int rc = SQLITE_DONE;

	sp_json_arr(j, "claims");
	if (sqlite3_column_int64(r->message, CLAIMS) > 0) {
		(void)sp_db_bind_u64(st, 1, seq);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW)
			json_claim(j, st);
		(void)sqlite3_reset(st);
	}
	sp_json_arr_end(j);
	return (rc == SQLITE_DONE ? SQLITE_OK : rc);
}

static void
json_link(struct sp_json *j, const char *key, sqlite3_stmt *st, int column)
{
	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		sp_json_null(j, key);
	else
		sp_json_u64(j, key, sp_db_u64(st, column));
}

static void
json_flags(struct sp_row *r, struct sp_json *j)
{
	struct sp_view flags = sp_db_view(r->message, FLAGS);

	sp_json_arr(j, "flags");
	while (flags.n > 0)
		sp_json_str(j, NULL, sp_view_cut(&flags, ' '));
	sp_json_arr_end(j);
}

static enum sp_code
fill(struct sp_row *r, uint64_t seq, struct sp_hit *hit, struct sp_err *err)
{
	struct sp_json j;
	int rc;

	sp_buf_clear(&r->json);
	sp_json_init(&j, &r->json);
	sp_json_obj(&j, NULL);
	json_facts(r, seq, &j);
	rc = json_people(r, seq, &j);
	if (rc == SQLITE_OK)
		rc = json_attachments(r, seq, &j);
	if (rc != SQLITE_OK)
		return (failed(r, rc, err));
	rc = json_claims(r, seq, &j);
	if (rc != SQLITE_OK)
		return (failed(r, rc, err));
	json_digest(&j, r->message, ORIGINAL, "inner_sha256");
	json_link(&j, "duplicate_of", r->message, DUPLICATE_OF);
	json_link(&j, "same_as", r->message, SAME_AS);
	json_link(&j, "msgid_conflict_with", r->message, CONFLICT_WITH);
	json_flags(r, &j);
	sp_json_obj_end(&j);
	if (sp_json_end(&j) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "entry %llu: its row is larger than %zu bytes",
		    (unsigned long long)seq, JSON_MAX));
	*hit = (struct sp_hit){ .seq = seq,
		.received = sqlite3_column_int64(r->message, RECEIVED),
		.json = sp_buf_cstr(&r->json),
		.date = sp_buf_cstr(&r->date),
		.from = sp_buf_cstr(&r->from),
		.to = sp_buf_cstr(&r->to),
		.subject = sp_buf_cstr(&r->subject),
		.size = sp_db_u64(r->message, SIZE),
		.attachments =
		    (unsigned)sqlite3_column_int(r->message, ATTACHMENTS) };
	return (SP_OK);
}

enum sp_code
sp_row_get(
    struct sp_row *r, uint64_t seq, struct sp_hit *hit, struct sp_err *err)
{
	enum sp_code code;
	int rc;

	(void)sp_db_bind_u64(r->message, 1, seq);
	rc = sqlite3_step(r->message);
	if (rc == SQLITE_ROW)
		code = fill(r, seq, hit, err);
	else if (rc == SQLITE_DONE)
		code = sp_err_set(err, SP_EFORMAT, 0,
		    "%s: entry %llu has words but no row; run `sealpost reindex`",
		    r->shard->path, (unsigned long long)seq);
	else
		code = failed(r, rc, err);
	(void)sqlite3_reset(r->message);
	return (code);
}
