/*
 * What a shard holds, the SQLite file of one month (doc/format-index.md): its
 * tables, and the numbers and names that stand in them.  shard_open.c creates
 * the tables, put.c fills them, row.c, family.c and search read them.  The
 * columns of the full text are in column.h.
 */
#ifndef SP_INDEX_SCHEMA_SCHEMA_H
#define SP_INDEX_SCHEMA_SCHEMA_H

/* Raised when tables, or what is put into them, change: shards of another
 * version are dropped and built again from the log. */
#define SP_SCHEMA_VERSION 6 /* PRAGMA user_version */
#define SP_SCHEMA_APPID	  0x53506978 /* PRAGMA application_id, "SPix" */

/* Statements that make the tables; run once in a new database, in order,
 * inside a transaction.  NULL ends the list. */
extern const char *const sp_schema_sql[];

/* parties.role: in which role the entry itself, its envelope or its header,
 * names an address. */
enum sp_party_role {
	SP_PARTY_ENV_FROM = 1,
	SP_PARTY_ENV_TO, /* the original, where the record has one */
	SP_PARTY_FROM,
	SP_PARTY_TO,
	SP_PARTY_CC,
	SP_PARTY_BCC,
	SP_PARTY_REPLY_TO,
	SP_PARTY_ENV_AS, /* the address as received, where ENV_TO is another */
	SP_PARTY_ORCPT, /* ORCPT (RFC 3461), where it is neither of these */
	SP_PARTY_ROLES
};

/* messages.heads: bit of a header field that is there but names nobody. */
#define SP_HEAD(role) (1u << (role))

/* claims.role: in which role a journal report, or a header field that a server
 * added, names an address. */
enum sp_claim_role {
	SP_CLAIM_SENDER = 1,
	SP_CLAIM_BEHALF,
	SP_CLAIM_TO,
	SP_CLAIM_CC,
	SP_CLAIM_BCC,
	SP_CLAIM_RCPT, /* a recipient in a role that is not known */
	SP_CLAIM_LIST, /* the mailing list it came by */
	SP_CLAIM_ROLES
};
/* As rows of a search show them; [0] is NULL. */
extern const char *const sp_claim_role_name[SP_CLAIM_ROLES];

/* What claims.presumed is shown as: the role that a header field of the
 * original gives a recipient, "unlisted" for none; NULL for any other value. */
const char *sp_schema_presumed_name(int presumed);

/* claims.how: how a recipient was redirected; NULL in the table: not. */
enum sp_claim_how {
	SP_CLAIM_EXPANDED = 1,
	SP_CLAIM_FORWARDED,
	SP_CLAIM_ORIGINAL,
	SP_CLAIM_HOWS
};
/* As rows of a search show them; [0] is NULL. */
extern const char *const sp_claim_how_name[SP_CLAIM_HOWS];

#endif
