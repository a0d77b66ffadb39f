/*
 * Runs conversations of script.h: each client's piece is sent in steps of every
 * size, and replies, messages and records are compared.
 */
#include "script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
one(struct sp_talk *t, const struct sp_script *r)
{
	size_t longest = 1;

	for (size_t i = 0; i < SP_COUNTOF(r->say) && r->say[i] != NULL; i++) {
		if (strlen(r->say[i]) > longest)
			longest = strlen(r->say[i]);
	}
	for (size_t step = 1; step <= longest; step++) {
		sp_talk_start(t);
		for (size_t i = 0; i < SP_COUNTOF(r->say) && r->say[i] != NULL;
		     i++)
			sp_talk_say(t, r->say[i], strlen(r->say[i]), step);
		sp_talk_without_digest(&t->replies);
		sp_talk_expect(t, r->name, r->want);
		if (r->stored != NULL &&
		    !sp_view_eq_str(sp_buf_view(&t->stored), r->stored))
			fail_msg("%s: stored \"%.*s\"", r->name,
			    (int)t->stored.n, t->stored.p);
		if (r->record != NULL && !sp_talk_holds(&t->records, r->record))
			fail_msg("%s: no %s in %s", r->name, r->record,
			    sp_buf_cstr(&t->records));
	}
}

void
sp_script_run(struct sp_talk *t, const struct sp_script *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		one(t, &rows[i]);
}
