/*
 * What a shard holds (doc/format-index.md): the tables, the columns of the
 * full text, the roles of parties, the verbatim tokens.
 */
#ifndef SP_INDEX_SCHEMA_SCHEMA_H
#define SP_INDEX_SCHEMA_SCHEMA_H

/* Raised when tables or what is put into them change: shards are rebuilt. */
#define SP_SCHEMA_VERSION 5
#define SP_SCHEMA_APPID	  0x53506978 /* "SPix" */

/* Run once in a new database, inside a transaction. */
extern const char *const sp_schema_sql[];

/* Columns of the full text.  The body is first since FTS5 stores the first
 * column's positions without naming it. */
enum sp_col {
	SP_COL_BODY,
	SP_COL_SUBJECT,
	SP_COL_FROM,
	SP_COL_TO,
	SP_COL_CC,
	SP_COL_BCC,
	SP_COL_REPLY_TO,
	SP_COL_ENV_FROM,
	SP_COL_ENV_TO,
	SP_COL_MORE_TO, /* whom else a recipient stands for */
	/* By a journal report: */
	SP_COL_REP_FROM, /* sender, and on whose behalf */
	SP_COL_REP_TO,
	SP_COL_REP_CC,
	SP_COL_REP_BCC,
	SP_COL_REP_RCPT, /* recipients whose role it does not say */
	SP_COL_REP_VIA, /* lists and mailboxes they were redirected from */
	/* By header fields of the way: */
	SP_COL_TRACE_FROM,
	SP_COL_TRACE_TO,
	SP_COL_FILES,
	SP_COL_ATTACHED, /* text of attachments; empty for now */
	SP_COL_META, /* verbatim tokens, see below */
	SP_COL_COUNT
};
extern const char *const sp_col_name[SP_COL_COUNT];

/* parties.role */
enum sp_role {
	SP_ROLE_ENV_FROM = 1,
	SP_ROLE_ENV_TO,
	SP_ROLE_FROM,
	SP_ROLE_TO,
	SP_ROLE_CC,
	SP_ROLE_BCC,
	SP_ROLE_REPLY_TO,
	SP_ROLE_ENV_AS, /* the address as received, where 2 is another */
	SP_ROLE_ORCPT, /* where it is another than 2 */
	SP_ROLE_COUNT
};

/* claims.role */
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
extern const char *const sp_claim_role_name[SP_CLAIM_ROLES];

/* claims.how */
enum sp_claim_how {
	SP_CLAIM_EXPANDED = 1,
	SP_CLAIM_FORWARDED,
	SP_CLAIM_ORIGINAL,
	SP_CLAIM_HOWS
};
extern const char *const sp_claim_how_name[SP_CLAIM_HOWS];

/* messages.heads: header fields that are there but name nobody. */
#define SP_HEAD(role) (1u << (role))

/*
 * Verbatim tokens.  In the columns of people: "=ADDR" and "@DOMAIN", folded.
 * In meta: a colon, a letter and the value.  No word begins like that, so
 * that words and prefixes of words never find them.
 */
#define SP_META_GRADE	":g" /* witnessed pulled imported other */
#define SP_META_VIA	":v"
#define SP_META_FLAG	":f"
#define SP_META_CLAIM	":c" /* what a relay said of its client */
#define SP_META_TYPE	":t" /* of an attachment: whole, major, minor */
#define SP_META_HAS	":h" /* attachment */
#define SP_META_SHA256	":s" /* SP_META_HEX digits of the message's digest */
#define SP_META_ASHA256 ":x" /* the same of an attachment */
#define SP_META_MSGID	":m" /* the same of SHA-256(Message-ID) */
#define SP_META_HEX	20

#endif
