/*
 * Private to query_field.c and query_leaf_*.c: a field of the query language,
 * and the functions that say what a value of a field means.
 */
#ifndef SP_INDEX_QUERY_QUERY_LEAF_PRIV_H
#define SP_INDEX_QUERY_QUERY_LEAF_PRIV_H

#include "index/query/query_priv.h"

/*
 * Make the leaf for ${value} of the field ${f}.  *out is the caller's.
 * SP_EUSAGE with the place where the field does not take that value.
 */
typedef enum sp_code sp_query_leaf_fn(struct sp_query_ctx *q,
    const struct sp_query_field *f, const struct sp_tok *value,
    struct sp_node **out, struct sp_err *err);

struct sp_query_field {
	const char *name; /* as it is typed, without the colon */
	sp_query_leaf_fn *leaf;
	uint32_t columns; /* SP_COL_BIT()s; 0: every column */
	const char *meta; /* SP_META_*, for properties */
	bool group; /* NAME:( ... ) makes sense */
};

/* Words of a text (query_leaf_text.c). */
sp_query_leaf_fn sp_query_leaf_words;
/* A person: an address, a domain, <> or words. */
sp_query_leaf_fn sp_query_leaf_person;
/* A property of the entry that is stored as it was found. */
sp_query_leaf_fn sp_query_leaf_property;
/* Properties of a few possible values. */
sp_query_leaf_fn sp_query_leaf_grade, sp_query_leaf_has;
/* Properties of which a digest is stored. */
sp_query_leaf_fn sp_query_leaf_digest, sp_query_leaf_msgid;

/* Bytes of the message (query_leaf_range.c). */
sp_query_leaf_fn sp_query_leaf_larger, sp_query_leaf_smaller;
/* Entries by number. */
sp_query_leaf_fn sp_query_leaf_seq, sp_query_leaf_family;
/* The message's own date; the time when it was received. */
sp_query_leaf_fn sp_query_leaf_after, sp_query_leaf_before;
sp_query_leaf_fn sp_query_leaf_date, sp_query_leaf_received;

#endif
