/*
 * The names that column.h declares, as tables: the columns of the full text
 * and the grades.  The indexer writes by them, the query language and the
 * plans read by them.
 */
#include "index/schema/column.h"

#define NAME(id, name, weight) [id] = name,

const char *const sp_col_name[SP_COL_COUNT] = { SP_COLUMNS(NAME) };

const char *const sp_grade_name[SP_GRADE_COUNT] = {
	[SP_GRADE_WITNESSED] = "witnessed",
	[SP_GRADE_PULLED] = "pulled",
	[SP_GRADE_IMPORTED] = "imported",
	[SP_GRADE_OTHER] = "other",
};
