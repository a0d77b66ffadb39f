/*
 * Members of "source" in the record that the session (session_item.c) and the
 * milter (milter_item.c) write alike: instants, and counts of what is odd in
 * the bytes of a message.
 */
#include "journal/smtp/source.h"

#include "base/time_text.h"

void
sp_source_time(struct sp_json *j, const char *key, int64_t us)
{
	char text[SP_TIME_LEN + 1];

	sp_time_format(us, text);
	sp_json_str(j, key, sp_view_mem(text, SP_TIME_LEN));
}

void
sp_source_lines(struct sp_json *j, const struct sp_data *d)
{
	if (d->bare_lf == 0 && d->bare_cr == 0 && d->nul == 0 &&
	    d->longest <= SP_LONG_LINE)
		return;
	sp_json_obj(j, "lines");
	sp_json_u64(j, "bare_lf", d->bare_lf);
	sp_json_u64(j, "bare_cr", d->bare_cr);
	sp_json_u64(j, "nul", d->nul);
	sp_json_u64(j, "longest", d->longest);
	sp_json_obj_end(j);
}

/* An ordinary one is small and is used again for the next message. */
bool
sp_source_charge(struct sp_memory *m, const struct sp_buf *b, size_t *charged)
{
	if (b->cap <= SP_MEMORY_MIN)
		return (true);
	if (!sp_memory_charge(m, b->cap))
		return (false);
	*charged = b->cap;
	return (true);
}

void
sp_source_done(struct sp_memory *m, struct sp_buf *b, size_t *charged)
{
	if (*charged > 0)
		sp_memory_discharge(m, *charged);
	*charged = 0;
	if (b->cap > SP_MEMORY_MIN)
		sp_buf_done(b);
	else
		sp_buf_clear(b);
}
