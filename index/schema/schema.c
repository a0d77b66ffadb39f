#include "index/schema/schema.h"

#include <stddef.h>

const char *const sp_schema_sql[] = {
	/* What of the log this shard covers: entries [first, next). */
	"CREATE TABLE shard(one INTEGER PRIMARY KEY CHECK(one = 1), origin TEXT NOT NULL, tokenizer TEXT NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL, leaf BLOB NOT NULL, messages INTEGER NOT NULL, opened TEXT NOT NULL)",

	"CREATE TABLE sources(id INTEGER PRIMARY KEY, grade TEXT NOT NULL, via TEXT NOT NULL, UNIQUE(grade, via))",

	"CREATE TABLE messages(seq INTEGER PRIMARY KEY, received INTEGER NOT NULL, date INTEGER, zone, size INTEGER NOT NULL, source INTEGER NOT NULL, sha256 BLOB NOT NULL, msgid TEXT, subject TEXT, flags TEXT, heads INTEGER NOT NULL, attachments INTEGER NOT NULL, claims INTEGER NOT NULL, original BLOB, family BLOB, stable BLOB, duplicate_of INTEGER, same_as INTEGER, conflict_with INTEGER)",

	"CREATE INDEX messages_date ON messages(date) WHERE date IS NOT NULL",

	"CREATE TABLE addresses(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, addr TEXT NOT NULL, name TEXT)",

	"CREATE INDEX addresses_hash ON addresses(hash)",

	"CREATE TABLE parties(seq INTEGER NOT NULL, role INTEGER NOT NULL, n INTEGER NOT NULL, address INTEGER NOT NULL, PRIMARY KEY(seq, role, n)) WITHOUT ROWID",

	/* What somebody says of the envelope, and who: "report", or
	 * "header:NAME". */
	"CREATE TABLE evidence(id INTEGER PRIMARY KEY, name TEXT NOT NULL, UNIQUE(name))",

	"CREATE TABLE claims(seq INTEGER NOT NULL, n INTEGER NOT NULL, evidence INTEGER NOT NULL, role INTEGER NOT NULL, address INTEGER NOT NULL, presumed INTEGER, how INTEGER, via INTEGER, PRIMARY KEY(seq, n)) WITHOUT ROWID",

	"CREATE TABLE attachments(seq INTEGER NOT NULL, n INTEGER NOT NULL, name TEXT, type TEXT, detected TEXT, size INTEGER NOT NULL, sha256 BLOB NOT NULL, PRIMARY KEY(seq, n)) WITHOUT ROWID",

	"CREATE TABLE events(seq INTEGER PRIMARY KEY, received INTEGER NOT NULL, name TEXT NOT NULL, actor TEXT, detail TEXT)",

	/* Entries that an event names, as runs [first, last]. */
	"CREATE TABLE event_seqs(event INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY(event, first, last)) WITHOUT ROWID",

	/* How much came when: by listener, account, sender domain. */
	"CREATE TABLE traffic(kind INTEGER NOT NULL, name TEXT NOT NULL, hour INTEGER NOT NULL, n INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY(kind, name, hour)) WITHOUT ROWID",

	"CREATE VIRTUAL TABLE fulltext USING fts5(body, subject, hfrom, hto, hcc, hbcc, hreply, efrom, eto, mto, rfrom, rto, rcc, rbcc, rrcpt, rvia, tfrom, tto, files, attached, meta, content='', detail=full, tokenize='sealpost')",

	/* Fewer, larger runs while many entries are taken in. */
	"INSERT INTO fulltext(fulltext, rank) VALUES('hashsize', 16777216)",
	"INSERT INTO fulltext(fulltext, rank) VALUES('automerge', 8)", NULL
};

const char *const sp_col_name[SP_COL_COUNT] = {
	[SP_COL_BODY] = "body",
	[SP_COL_SUBJECT] = "subject",
	[SP_COL_FROM] = "hfrom",
	[SP_COL_TO] = "hto",
	[SP_COL_CC] = "hcc",
	[SP_COL_BCC] = "hbcc",
	[SP_COL_REPLY_TO] = "hreply",
	[SP_COL_ENV_FROM] = "efrom",
	[SP_COL_ENV_TO] = "eto",
	[SP_COL_MORE_TO] = "mto",
	[SP_COL_REP_FROM] = "rfrom",
	[SP_COL_REP_TO] = "rto",
	[SP_COL_REP_CC] = "rcc",
	[SP_COL_REP_BCC] = "rbcc",
	[SP_COL_REP_RCPT] = "rrcpt",
	[SP_COL_REP_VIA] = "rvia",
	[SP_COL_TRACE_FROM] = "tfrom",
	[SP_COL_TRACE_TO] = "tto",
	[SP_COL_FILES] = "files",
	[SP_COL_ATTACHED] = "attached",
	[SP_COL_META] = "meta",
};

const char *const sp_claim_role_name[SP_CLAIM_ROLES] = {
	[SP_CLAIM_SENDER] = "sender",
	[SP_CLAIM_BEHALF] = "on_behalf_of",
	[SP_CLAIM_TO] = "to",
	[SP_CLAIM_CC] = "cc",
	[SP_CLAIM_BCC] = "bcc",
	[SP_CLAIM_RCPT] = "recipient",
	[SP_CLAIM_LIST] = "list",
};

const char *const sp_claim_how_name[SP_CLAIM_HOWS] = {
	[SP_CLAIM_EXPANDED] = "expanded",
	[SP_CLAIM_FORWARDED] = "forwarded",
	[SP_CLAIM_ORIGINAL] = "original",
};
