/*
 * The query language (doc/man/sealpost-query.7): text to a tree.  Total: any
 * text gives a tree, or SP_EUSAGE with the place of the mistake.  No I/O.
 * Called by sp_search(); the tree then goes to plan.h.
 *
 *   text --query_lex--> tokens --query_parse--> tree --plan--> SQL
 *                                  |
 *                 query_field: what a value of a field means, one leaf each
 */
#ifndef SP_INDEX_QUERY_QUERY_H
#define SP_INDEX_QUERY_QUERY_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "index/query/query_node.h"

#define SP_QUERY_MAX   ((size_t)32 << 10) /* bytes of a query */
#define SP_QUERY_TERMS 900u /* words, phrases and fields in it */
#define SP_QUERY_DEPTH 16u /* alternations of AND, OR and NOT */
#define SP_QUERY_NEST  100u /* parentheses in parentheses */

/*
 * Parse ${text}; dates in the zone ${tz} (NULL: UTC) relative to ${now}
 * (microseconds since 1970).  *out is the caller's, for sp_node_free(); it is
 * NULL where the query has no term and so matches every message.
 * SP_EUSAGE for a mistake or a limit above; its message has the query and a
 * line with a caret under the place.
 */
SP_CHECK enum sp_code sp_query_parse(const char *text, const char *tz,
    int64_t now, struct sp_node **out, struct sp_err *err);

#endif
