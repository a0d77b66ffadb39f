/*
 * The columns of a shard's full text (table "fulltext"), and the verbatim
 * tokens that stand in them.  This is the one place that names them: the
 * tables of schema.c, the INSERT of shard_open.c, the ranking of a search and
 * the fields of the query language (index/query) are all made from SP_COLUMNS.
 * Who renames, adds or moves a column changes doc/format-index.md, and raises
 * SP_SCHEMA_VERSION so that shards are built again.
 */
#ifndef SP_INDEX_SCHEMA_COLUMN_H
#define SP_INDEX_SCHEMA_COLUMN_H

#include <stdint.h>

/*
 * X(constant, name in SQL, weight of a hit in it for the ranking by bm25), in
 * the order of the table.  The body is first since FTS5 stores the positions
 * of the first column without naming it.
 */
#define SP_COLUMNS(X)                                                \
	X(SP_COL_BODY, "body", "1.0")                                \
	X(SP_COL_SUBJECT, "subject", "4.0")                          \
	/* people in the header of the message */                    \
	X(SP_COL_FROM, "hfrom", "2.0")                               \
	X(SP_COL_TO, "hto", "2.0")                                   \
	X(SP_COL_CC, "hcc", "2.0")                                   \
	X(SP_COL_BCC, "hbcc", "2.0")                                 \
	X(SP_COL_REPLY_TO, "hreply", "1.0")                          \
	/* people in the envelope */                                 \
	X(SP_COL_ENV_FROM, "efrom", "1.0")                           \
	X(SP_COL_ENV_TO, "eto", "1.0")                               \
	/* the address that a recipient's sender used first, */      \
	/* ORCPT (RFC 3461, section 4.2) */                          \
	X(SP_COL_ORCPT, "mto", "1.0")                                \
	/* people by a journal report; sender and on whose behalf */ \
	X(SP_COL_REP_FROM, "rfrom", "2.0")                           \
	X(SP_COL_REP_TO, "rto", "2.0")                               \
	X(SP_COL_REP_CC, "rcc", "2.0")                               \
	X(SP_COL_REP_BCC, "rbcc", "2.0")                             \
	/* recipients whose role the report does not give */         \
	X(SP_COL_REP_RCPT, "rrcpt", "2.0")                           \
	/* lists and mailboxes that they were redirected from */     \
	X(SP_COL_REP_VIA, "rvia", "1.0")                             \
	/* people by header fields that servers added on the way */  \
	X(SP_COL_TRACE_FROM, "tfrom", "1.0")                         \
	X(SP_COL_TRACE_TO, "tto", "1.0")                             \
	/* names of attachments and other parts */                   \
	X(SP_COL_FILES, "files", "3.0")                              \
	/* text of attachments; empty until there is a reader */     \
	X(SP_COL_ATTACHED, "attached", "1.0")                        \
	/* properties of the entry, as verbatim tokens, see below */ \
	X(SP_COL_META, "meta", "0.0")

#define SP_COLUMN_ID(id, name, weight) id,
enum sp_column { SP_COLUMNS(SP_COLUMN_ID) SP_COL_COUNT };

/* The names in SQL. */
extern const char *const sp_column_name[SP_COL_COUNT];

/* Several columns as a set. */
#define SP_COL_BIT(id) (UINT32_C(1) << (id))

/* Pieces of SQL: "body, subject, ... meta, ", as many times "?, ", and for
 * bm25() ", 1.0, 4.0 ... ". */
#define SP_COLUMN_SQL_NAMES		       SP_COLUMNS(SP_COLUMN_SQL_NAME)
#define SP_COLUMN_SQL_PARAMS		       SP_COLUMNS(SP_COLUMN_SQL_PARAM)
#define SP_COLUMN_SQL_WEIGHTS		       SP_COLUMNS(SP_COLUMN_SQL_WEIGHT)
#define SP_COLUMN_SQL_NAME(id, name, weight)   name ", "
#define SP_COLUMN_SQL_PARAM(id, name, weight)  "?, "
#define SP_COLUMN_SQL_WEIGHT(id, name, weight) ", " weight

/*
 * Verbatim tokens (index/schema/token.h) begin with one of these.  No word
 * begins like that, so that words and prefixes of words never find them.
 */
/* in the columns of people: the whole address, and its domain, folded */
#define SP_TOKEN_ADDR	"="
#define SP_TOKEN_DOMAIN "@"
/* in "meta": what kind of property the value that follows is */
#define SP_META_GRADE	":g" /* a name of enum sp_grade */
#define SP_META_VIA	":v" /* the protocol that it came by */
#define SP_META_FLAG	":f"
#define SP_META_CLAIM	":c" /* what a relay said of its client */
#define SP_META_TYPE	":t" /* of an attachment: whole, major, minor */
#define SP_META_HAS	":h" /* SP_HAS_ATTACHMENT */
#define SP_META_SHA256	":s" /* SP_META_HEX digits of the message's digest */
#define SP_META_ASHA256 ":x" /* the same of an attachment */
#define SP_META_MSGID	":m" /* the same of SHA-256(Message-ID) */
#define SP_META_HEX	20

#define SP_HAS_ATTACHMENT "attachment"

/* How an entry came, by "grade" of its record; every message has one. */
enum sp_grade {
	SP_GRADE_WITNESSED,
	SP_GRADE_PULLED,
	SP_GRADE_IMPORTED,
	SP_GRADE_OTHER, /* of a record that says none of these */
	SP_GRADE_COUNT
};
extern const char *const sp_grade_name[SP_GRADE_COUNT];

#endif
