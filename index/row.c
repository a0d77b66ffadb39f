/*
 * Rows of messages as JSON (`sealpost search --format json`) and as texts of a
 * table.  Four statements read a message: its row, its people by role, its
 * attachments, its claims.
 */
#include "index/row.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/time_text.h"
#include "index/db.h"
#include "index/schema/schema.h"
#include "index/zone.h"

#define JSON_MAX ((size_t)64 << 20)
#define TEXT_MAX ((size_t)1 << 20)

enum row_statement { MESSAGE, PARTIES, ATTACHMENTS, CLAIMS, ROW_STATEMENTS };

struct sp_row {
	struct sp_shard *shard;
	sqlite3_stmt *st[ROW_STATEMENTS];
	/* the texts of the hit that is filled; its JSON, and those of a table */
	struct sp_buf json, date, from, to, subject;
};

/* The result columns of each statement. */
enum message_column {
	M_RECEIVED,
	M_DATE,
	M_ZONE,
	M_SIZE,
	M_GRADE,
	M_VIA,
	M_SHA256,
	M_MSGID,
	M_SUBJECT,
	M_FLAGS,
	M_HEADS,
	M_ATTACHMENTS,
	M_CLAIMS,
	M_ORIGINAL,
	M_DUPLICATE_OF,
	M_SAME_AS,
	M_CONFLICT_WITH
};
enum party_column { P_ADDR, P_NAME };
enum attachment_column { A_NAME, A_TYPE, A_DETECTED, A_SIZE, A_SHA256 };
enum claim_column {
	C_ROLE,
	C_ADDR,
	C_NAME,
	C_EVIDENCE,
	C_PRESUMED,
	C_HOW,
	C_VIA
};

static const char *const statements[ROW_STATEMENTS] = {
	[MESSAGE] =
	    "SELECT received, date, zone, size, grade, via, sha256, msgid, subject, flags, heads, attachments, claims, original, duplicate_of, same_as, conflict_with FROM messages JOIN sources ON sources.id = source WHERE seq = ?",
	[PARTIES] =
	    "SELECT addr, name FROM parties JOIN addresses ON addresses.id = address WHERE seq = ? AND role = ? ORDER BY n",
	[ATTACHMENTS] =
	    "SELECT name, type, detected, size, sha256 FROM attachments WHERE seq = ? ORDER BY n",
	[CLAIMS] =
	    "SELECT c.role, a.addr, a.name, e.name, c.presumed, c.how, v.addr FROM claims c JOIN addresses a ON a.id = c.address JOIN evidence e ON e.id = c.evidence LEFT JOIN addresses v ON v.id = c.via WHERE c.seq = ? ORDER BY c.n",
};

/* What SQLite's ${rc} means; the message names the file. */
static enum sp_code
failed(struct sp_row *r, int rc, struct sp_err *err)
{
	return (sp_db_error(&r->shard->db, rc, err));
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
	rc = sp_db_prepare_all(&s->db, statements, ROW_STATEMENTS, r->st);
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
	sp_db_finalize_all(r->st, ROW_STATEMENTS);
	sp_buf_done(&r->json);
	sp_buf_done(&r->date);
	sp_buf_done(&r->from);
	sp_buf_done(&r->to);
	sp_buf_done(&r->subject);
	free(r);
}

/* A text for the table; one that is too long for it is left out. */
static void
copy_text(struct sp_buf *b, struct sp_view v)
{
	sp_buf_clear(b);
	if (sp_buf_addv(b, v) != SP_OK)
		sp_buf_clear(b);
}

/* A text, or null. */
static void
json_text(struct sp_json *j, const char *key, struct sp_view v)
{
	if (v.p == NULL)
		sp_json_null(j, key);
	else
		sp_json_str(j, key, v);
}

/* A SHA-256, or null. */
static void
json_digest(struct sp_json *j, sqlite3_stmt *st, int column, const char *key)
{
	const void *p = sqlite3_column_blob(st, column);

	if (p == NULL || sqlite3_column_bytes(st, column) != SP_SHA256_LEN)
		sp_json_null(j, key);
	else
		sp_json_hex(j, key, p, SP_SHA256_LEN);
}

/* The text of the message's own date into r->date, from its instant and zone or
 * as it was stored. */
static void
format_date(struct sp_row *r)
{
	sqlite3_stmt *st = r->st[MESSAGE];
	char out[SP_ZONE_LEN];

	if (sqlite3_column_type(st, M_ZONE) != SQLITE_INTEGER) {
		copy_text(&r->date, sp_db_view(st, M_ZONE));
		return;
	}
	sp_zone_format(sqlite3_column_int64(st, M_DATE) * SP_SECOND,
	    sqlite3_column_int(st, M_ZONE), out);
	copy_text(&r->date, sp_view_str(out));
}

/* Members that the row of messages gives. */
static void
json_message(struct sp_row *r, uint64_t seq, struct sp_json *j)
{
	sqlite3_stmt *st = r->st[MESSAGE];
	char time[SP_TIME_LEN + 1];

	sp_json_u64(j, "seq", seq);
	sp_time_format(sqlite3_column_int64(st, M_RECEIVED), time);
	sp_json_cstr(j, "received", time);
	format_date(r);
	if (r->date.n > 0)
		sp_json_str(j, "date", sp_buf_view(&r->date));
	else
		sp_json_null(j, "date");
	sp_json_str(j, "grade", sp_db_view(st, M_GRADE));
	sp_json_str(j, "via", sp_db_view(st, M_VIA));
	sp_json_u64(j, "size", sp_db_u64(st, M_SIZE));
	json_digest(j, st, M_SHA256, "sha256");
	json_text(j, "message_id", sp_db_view(st, M_MSGID));
	copy_text(&r->subject, sp_db_view(st, M_SUBJECT));
	json_text(j, "subject", sp_db_view(st, M_SUBJECT));
}

/* A person: an object with name and address, or of the envelope the address
 * alone. */
static void
json_party(struct sp_json *j, enum sp_party_role role, struct sp_view addr,
    struct sp_view name)
{
	if (role == SP_PARTY_ENV_FROM || role == SP_PARTY_ENV_TO) {
		sp_json_str(j,
		    role == SP_PARTY_ENV_FROM ? "envelope_from" : NULL, addr);
		return;
	}
	sp_json_obj(j, NULL);
	sp_json_str(j, "name", name.p == NULL ? SP_VIEW_LIT("") : name);
	sp_json_str(j, "addr", addr);
	sp_json_obj_end(j);
}

/* The people of one role: an array (of the envelope sender a string), or null
 * where the field is absent.  ${first}, if not NULL, gets the first address. */
static int
json_role(struct sp_row *r, uint64_t seq, enum sp_party_role role,
    const char *key, struct sp_json *j, struct sp_buf *first)
{
	bool list = role != SP_PARTY_ENV_FROM, open = false;
	int64_t heads = sqlite3_column_int64(r->st[MESSAGE], M_HEADS);
	sqlite3_stmt *st = r->st[PARTIES];
	int rc;

	(void)sp_db_bind_u64(st, 1, seq);
	(void)sqlite3_bind_int(st, 2, (int)role);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (list && !open)
			sp_json_arr(j, key);
		if (!open && first != NULL)
			copy_text(first, sp_db_view(st, P_ADDR));
		open = true;
		json_party(
		    j, role, sp_db_view(st, P_ADDR), sp_db_view(st, P_NAME));
		if (!list)
			break;
	}
	(void)sqlite3_reset(st);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		return (rc);
	if (!open && (role == SP_PARTY_ENV_TO ||
			 (heads & (int64_t)SP_HEAD(role)) != 0)) {
		sp_json_arr(j, key);
		open = true;
	}
	if (!open)
		sp_json_null(j, key);
	else if (list)
		sp_json_arr_end(j);
	return (SQLITE_OK);
}

/* Everybody in header and envelope. */
static int
json_people(struct sp_row *r, uint64_t seq, struct sp_json *j)
{
	static const struct {
		enum sp_party_role role;
		const char *key;
	} roles[] = {
		{ SP_PARTY_FROM, "from" },
		{ SP_PARTY_TO, "to" },
		{ SP_PARTY_CC, "cc" },
		{ SP_PARTY_BCC, "bcc" },
		{ SP_PARTY_REPLY_TO, "reply_to" },
		{ SP_PARTY_ENV_FROM, "envelope_from" },
		{ SP_PARTY_ENV_TO, "envelope_to" },
	};
	int rc = SQLITE_OK;

	sp_buf_clear(&r->from);
	sp_buf_clear(&r->to);
	for (size_t i = 0; rc == SQLITE_OK && i < SP_COUNTOF(roles); i++) {
		enum sp_party_role role = roles[i].role;
		struct sp_buf *first = role == SP_PARTY_FROM ? &r->from
				       : role == SP_PARTY_TO ? &r->to
							     : NULL;

		rc = json_role(r, seq, role, roles[i].key, j, first);
	}
	return (rc);
}

/* The attachments, an array. */
static int
json_attachments(struct sp_row *r, uint64_t seq, struct sp_json *j)
{
	sqlite3_stmt *st = r->st[ATTACHMENTS];
	int rc = SQLITE_DONE;

	sp_json_arr(j, "attachments");
	if (sqlite3_column_int64(r->st[MESSAGE], M_ATTACHMENTS) > 0) {
		(void)sp_db_bind_u64(st, 1, seq);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
			sp_json_obj(j, NULL);
			json_text(j, "name", sp_db_view(st, A_NAME));
			json_text(j, "type", sp_db_view(st, A_TYPE));
			json_text(
			    j, "detected_type", sp_db_view(st, A_DETECTED));
			sp_json_u64(j, "size", sp_db_u64(st, A_SIZE));
			json_digest(j, st, A_SHA256, "sha256");
			sp_json_obj_end(j);
		}
		(void)sqlite3_reset(st);
	}
	sp_json_arr_end(j);
	return (rc == SQLITE_DONE ? SQLITE_OK : rc);
}

/* One claim, an object. */
static void
json_claim(struct sp_json *j, sqlite3_stmt *st)
{
	int role = sqlite3_column_int(st, C_ROLE);
	int how = sqlite3_column_int(st, C_HOW);
	const char *presumed =
	    sp_schema_presumed_name(sqlite3_column_int(st, C_PRESUMED));

	if (role <= 0 || role >= SP_CLAIM_ROLES)
		return;
	sp_json_obj(j, NULL);
	sp_json_cstr(j, "role", sp_claim_role_name[role]);
	sp_json_str(j, "addr", sp_db_view(st, C_ADDR));
	if (sp_db_view(st, C_NAME).n > 0)
		sp_json_str(j, "name", sp_db_view(st, C_NAME));
	if (presumed != NULL)
		sp_json_cstr(j, "presumed", presumed);
	if (how > 0 && how < SP_CLAIM_HOWS) {
		sp_json_obj(j, "via");
		sp_json_cstr(j, "how", sp_claim_how_name[how]);
		sp_json_str(j, "addr", sp_db_view(st, C_VIA));
		sp_json_obj_end(j);
	}
	sp_json_str(j, "evidence", sp_db_view(st, C_EVIDENCE));
	sp_json_obj_end(j);
}

/* Who sent it and got it by report and header fields, an array. */
static int
json_claims(struct sp_row *r, uint64_t seq, struct sp_json *j)
{
	sqlite3_stmt *st = r->st[CLAIMS];
	int rc = SQLITE_DONE;

	sp_json_arr(j, "claims");
	if (sqlite3_column_int64(r->st[MESSAGE], M_CLAIMS) > 0) {
		(void)sp_db_bind_u64(st, 1, seq);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW)
			json_claim(j, st);
		(void)sqlite3_reset(st);
	}
	sp_json_arr_end(j);
	return (rc == SQLITE_DONE ? SQLITE_OK : rc);
}

/* An earlier entry, or null. */
static void
json_link(struct sp_json *j, const char *key, sqlite3_stmt *st, int column)
{
	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		sp_json_null(j, key);
	else
		sp_json_u64(j, key, sp_db_u64(st, column));
}

/* The flags, an array. */
static void
json_flags(struct sp_row *r, struct sp_json *j)
{
	struct sp_view flags = sp_db_view(r->st[MESSAGE], M_FLAGS);

	sp_json_arr(j, "flags");
	while (flags.n > 0)
		sp_json_str(j, NULL, sp_view_cut(&flags, ' '));
	sp_json_arr_end(j);
}

/* Build the JSON of the message whose row was read, and point ${hit} at it. */
static enum sp_code
fill_hit(struct sp_row *r, uint64_t seq, struct sp_hit *hit, struct sp_err *err)
{
	struct sp_json j;
	int rc;

	sp_buf_clear(&r->json);
	sp_json_init(&j, &r->json);
	sp_json_obj(&j, NULL);
	json_message(r, seq, &j);
	rc = json_people(r, seq, &j);
	if (rc == SQLITE_OK)
		rc = json_attachments(r, seq, &j);
	if (rc == SQLITE_OK)
		rc = json_claims(r, seq, &j);
	if (rc != SQLITE_OK)
		return (failed(r, rc, err));
	json_digest(&j, r->st[MESSAGE], M_ORIGINAL, "inner_sha256");
	json_link(&j, "duplicate_of", r->st[MESSAGE], M_DUPLICATE_OF);
	json_link(&j, "same_as", r->st[MESSAGE], M_SAME_AS);
	json_link(&j, "msgid_conflict_with", r->st[MESSAGE], M_CONFLICT_WITH);
	json_flags(r, &j);
	sp_json_obj_end(&j);
	if (sp_json_end(&j) != SP_OK)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "entry %llu: its row is larger than %zu bytes",
		    (unsigned long long)seq, JSON_MAX));
	*hit = (struct sp_hit){ .seq = seq,
		.received = sqlite3_column_int64(r->st[MESSAGE], M_RECEIVED),
		.json = sp_buf_cstr(&r->json),
		.date = sp_buf_cstr(&r->date),
		.from = sp_buf_cstr(&r->from),
		.to = sp_buf_cstr(&r->to),
		.subject = sp_buf_cstr(&r->subject),
		.size = sp_db_u64(r->st[MESSAGE], M_SIZE),
		.attachments = (unsigned)sqlite3_column_int(
		    r->st[MESSAGE], M_ATTACHMENTS) };
	return (SP_OK);
}

enum sp_code
sp_row_get(
    struct sp_row *r, uint64_t seq, struct sp_hit *hit, struct sp_err *err)
{
	enum sp_code code;
	int rc;

	(void)sp_db_bind_u64(r->st[MESSAGE], 1, seq);
	rc = sqlite3_step(r->st[MESSAGE]);
	if (rc == SQLITE_ROW)
		code = fill_hit(r, seq, hit, err);
	else if (rc == SQLITE_DONE)
		code = sp_err_set(err, SP_EFORMAT, 0,
		    "%s: entry %llu has words but no row; run `sealpost reindex`",
		    r->shard->db.path, (unsigned long long)seq);
	else
		code = failed(r, rc, err);
	(void)sqlite3_reset(r->st[MESSAGE]);
	return (code);
}
