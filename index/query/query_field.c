/*
 * The fields of the query language (doc/man/sealpost-query.7): one table with
 * their names, what a value means, and in which columns it is looked for.  The
 * parser asks here for every NAME:value and for every bare word.
 */
#include "index/query/query_leaf_priv.h"
#include "index/schema/column.h"

/* The people of a message by what names them (column.h). */
#define HEADER_RCPTS \
	(SP_COL_BIT(SP_COL_TO) | SP_COL_BIT(SP_COL_CC) | SP_COL_BIT(SP_COL_BCC))
#define ENVELOPE_RCPTS (SP_COL_BIT(SP_COL_ENV_TO) | SP_COL_BIT(SP_COL_ORCPT))
#define REPORTED_RCPTS                                           \
	(SP_COL_BIT(SP_COL_REP_TO) | SP_COL_BIT(SP_COL_REP_CC) | \
	    SP_COL_BIT(SP_COL_REP_BCC) | SP_COL_BIT(SP_COL_REP_RCPT))
#define ANY_RCPTS                                         \
	(HEADER_RCPTS | ENVELOPE_RCPTS | REPORTED_RCPTS | \
	    SP_COL_BIT(SP_COL_REP_VIA) | SP_COL_BIT(SP_COL_TRACE_TO))
#define ANY_SENDERS                                              \
	(SP_COL_BIT(SP_COL_FROM) | SP_COL_BIT(SP_COL_ENV_FROM) | \
	    SP_COL_BIT(SP_COL_REP_FROM) | SP_COL_BIT(SP_COL_TRACE_FROM))

static const struct sp_query_field fields[] = {
	{ "from", sp_query_leaf_person,
	    SP_COL_BIT(SP_COL_FROM) | SP_COL_BIT(SP_COL_REP_FROM), NULL, true },
	{ "to", sp_query_leaf_person,
	    SP_COL_BIT(SP_COL_TO) | SP_COL_BIT(SP_COL_REP_TO), NULL, true },
	{ "cc", sp_query_leaf_person,
	    SP_COL_BIT(SP_COL_CC) | SP_COL_BIT(SP_COL_REP_CC), NULL, true },
	{ "bcc", sp_query_leaf_person,
	    SP_COL_BIT(SP_COL_BCC) | SP_COL_BIT(SP_COL_REP_BCC), NULL, true },
	{ "reply-to", sp_query_leaf_person, SP_COL_BIT(SP_COL_REPLY_TO), NULL,
	    true },
	{ "rcpt", sp_query_leaf_person, ANY_RCPTS, NULL, true },
	{ "sender", sp_query_leaf_person, ANY_SENDERS, NULL, true },
	{ "reported", sp_query_leaf_person, REPORTED_RCPTS, NULL, true },
	{ "redirected", sp_query_leaf_person, SP_COL_BIT(SP_COL_REP_VIA), NULL,
	    true },
	{ "traced", sp_query_leaf_person,
	    SP_COL_BIT(SP_COL_TRACE_FROM) | SP_COL_BIT(SP_COL_TRACE_TO), NULL,
	    true },
	{ "envelope-from", sp_query_leaf_person, SP_COL_BIT(SP_COL_ENV_FROM),
	    NULL, true },
	{ "envelope-to", sp_query_leaf_person, SP_COL_BIT(SP_COL_ENV_TO), NULL,
	    true },
	{ "subject", sp_query_leaf_words, SP_COL_BIT(SP_COL_SUBJECT), NULL,
	    true },
	{ "body", sp_query_leaf_words, SP_COL_BIT(SP_COL_BODY), NULL, true },
	{ "filename", sp_query_leaf_words, SP_COL_BIT(SP_COL_FILES), NULL,
	    true },
	{ "type", sp_query_leaf_property, 0, SP_META_TYPE, true },
	{ "has", sp_query_leaf_has, 0, SP_META_HAS, false },
	{ "larger", sp_query_leaf_larger, 0, NULL, false },
	{ "smaller", sp_query_leaf_smaller, 0, NULL, false },
	{ "after", sp_query_leaf_after, 0, NULL, false },
	{ "before", sp_query_leaf_before, 0, NULL, false },
	{ "date", sp_query_leaf_date, 0, NULL, false },
	{ "received", sp_query_leaf_received, 0, NULL, false },
	{ "msgid", sp_query_leaf_msgid, 0, SP_META_MSGID, true },
	{ "sha256", sp_query_leaf_digest, 0, SP_META_SHA256, true },
	{ "attachment-sha256", sp_query_leaf_digest, 0, SP_META_ASHA256, true },
	{ "seq", sp_query_leaf_seq, 0, NULL, true },
	{ "family", sp_query_leaf_family, 0, NULL, true },
	{ "via", sp_query_leaf_property, 0, SP_META_VIA, true },
	{ "grade", sp_query_leaf_grade, 0, SP_META_GRADE, true },
	{ "flag", sp_query_leaf_property, 0, SP_META_FLAG, true },
	{ "claimed", sp_query_leaf_property, 0, SP_META_CLAIM, true },
};

/* A word without a field is looked for in every column. */
static const struct sp_query_field bare = { "", sp_query_leaf_words, 0, NULL,
	true };

const struct sp_query_field *
sp_query_field_find(struct sp_view name)
{
	for (size_t i = 0; i < SP_COUNTOF(fields); i++)
		if (sp_view_ieq_str(name, fields[i].name))
			return (&fields[i]);
	return (NULL);
}

bool
sp_query_field_takes_group(const struct sp_query_field *f)
{
	return (f->group);
}

enum sp_code
sp_query_field_names(struct sp_buf *out)
{
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < SP_COUNTOF(fields); i++)
		rc = sp_buf_addf(out, "%s%s", i > 0 ? " " : "", fields[i].name);
	return (rc);
}

enum sp_code
sp_query_field_leaf(struct sp_query_ctx *q, const struct sp_query_field *f,
    const struct sp_query_token *value, struct sp_query_node **out,
    struct sp_err *err)
{
	if (++q->terms > SP_QUERY_TERMS)
		return (sp_query_error(err, q->query, value->at,
		    "more than %u terms", SP_QUERY_TERMS));
	if (f == NULL)
		f = &bare;
	return (f->leaf(q, f, value, out, err));
}
