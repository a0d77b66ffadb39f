/*
 * The tables of a shard as SQL, and the names of the numbers in them.  The
 * text is part of the format: SQLite stores it in the file, and a shard with
 * other tables must have another SP_SCHEMA_VERSION.
 */
#include "index/schema/schema.h"

#include <stddef.h>

#include "index/schema/column.h"

const char *const sp_schema_sql[] = {
	/* one row: the entries [first, next) that this shard covers */
	"CREATE TABLE shard(one INTEGER PRIMARY KEY CHECK(one = 1), origin TEXT NOT NULL, tokenizer TEXT NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL, leaf BLOB NOT NULL, messages INTEGER NOT NULL, opened TEXT NOT NULL)",

	"CREATE TABLE sources(id INTEGER PRIMARY KEY, grade TEXT NOT NULL, via TEXT NOT NULL, UNIQUE(grade, via))",

	"CREATE TABLE messages(seq INTEGER PRIMARY KEY, received INTEGER NOT NULL, date INTEGER, zone, size INTEGER NOT NULL, source INTEGER NOT NULL, sha256 BLOB NOT NULL, msgid TEXT, subject TEXT, flags TEXT, heads INTEGER NOT NULL, attachments INTEGER NOT NULL, claims INTEGER NOT NULL, original BLOB, family BLOB, stable BLOB, duplicate_of INTEGER, same_as INTEGER, conflict_with INTEGER)",

	"CREATE INDEX messages_date ON messages(date) WHERE date IS NOT NULL",

	"CREATE TABLE addresses(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, addr TEXT NOT NULL, name TEXT)",

	"CREATE INDEX addresses_hash ON addresses(hash)",

	"CREATE TABLE parties(seq INTEGER NOT NULL, role INTEGER NOT NULL, n INTEGER NOT NULL, address INTEGER NOT NULL, PRIMARY KEY(seq, role, n)) WITHOUT ROWID",

	/* what a claim rests on: "report", "export" or "header:NAME" */
	"CREATE TABLE evidence(id INTEGER PRIMARY KEY, name TEXT NOT NULL, UNIQUE(name))",

	"CREATE TABLE claims(seq INTEGER NOT NULL, n INTEGER NOT NULL, evidence INTEGER NOT NULL, role INTEGER NOT NULL, address INTEGER NOT NULL, presumed INTEGER, how INTEGER, via INTEGER, PRIMARY KEY(seq, n)) WITHOUT ROWID",

	"CREATE TABLE attachments(seq INTEGER NOT NULL, n INTEGER NOT NULL, name TEXT, type TEXT, detected TEXT, size INTEGER NOT NULL, sha256 BLOB NOT NULL, PRIMARY KEY(seq, n)) WITHOUT ROWID",

	"CREATE TABLE events(seq INTEGER PRIMARY KEY, received INTEGER NOT NULL, name TEXT NOT NULL, actor TEXT, detail TEXT)",

	/* messages that are read as journal reports since an event says so, with
	 * the leaf hash of the event */
	"CREATE TABLE accepted(seq INTEGER PRIMARY KEY, event INTEGER NOT NULL, leaf BLOB NOT NULL)",

	/* entries that an event names, as ranges [first, last] */
	"CREATE TABLE event_seqs(event INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY(event, first, last)) WITHOUT ROWID",

	/* messages of each hour by listener, account and sender domain */
	"CREATE TABLE traffic(kind INTEGER NOT NULL, name TEXT NOT NULL, hour INTEGER NOT NULL, n INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY(kind, name, hour)) WITHOUT ROWID",

	"CREATE VIRTUAL TABLE fulltext USING fts5(" SP_COLUMN_SQL_NAMES
	"content='', detail=full, tokenize='sealpost')",

	/* Larger batches in memory and fewer merges: an initial indexing
	 * writes many entries at once. */
	"INSERT INTO fulltext(fulltext, rank) VALUES('hashsize', 16777216)",
	"INSERT INTO fulltext(fulltext, rank) VALUES('automerge', 8)", NULL
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

const char *
sp_schema_presumed_name(int presumed)
{
	switch (presumed) {
	case SP_CLAIM_TO:
	case SP_CLAIM_CC:
		return (sp_claim_role_name[presumed]);
	case SP_CLAIM_BCC:
		return ("unlisted");
	default:
		return (NULL);
	}
}
