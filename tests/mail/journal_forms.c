/* What journal_forms.h promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/mail/journal_forms.h"

void
journal_describe(const struct sp_journal *j, struct sp_buf *b)
{
	enum sp_code rc;

	rc = sp_buf_addf(
	    b, "%s %s", j->kind, j->sender == NULL ? "-" : j->sender);
	if (rc == SP_OK && j->on_behalf_of != NULL)
		rc = sp_buf_addf(b, " for %s", j->on_behalf_of);
	for (size_t i = 0; rc == SP_OK && i < j->nrcpts; i++) {
		const struct sp_journal_rcpt *r = &j->rcpts[i];

		rc = sp_buf_addf(
		    b, "|%s %s", sp_journal_role_name(r->role), r->addr);
		if (rc == SP_OK && r->name[0] != '\0')
			rc = sp_buf_addf(b, " (%s)", r->name);
		for (unsigned v = 0; rc == SP_OK && v < r->nvia; v++)
			rc = sp_buf_addf(b, " %s %s",
			    sp_journal_how_name(r->via[v].how), r->via[v].addr);
	}
	assert_int_equal(rc, SP_OK);
}

bool
journal_has_flag(const struct sp_mail *m, const char *name)
{
	for (size_t i = 0; i < m->nflags; i++)
		if (strcmp(m->flags[i], name) == 0)
			return (true);
	return (false);
}

struct sp_mail *
journal_parse(const char *p, size_t n, bool trusted)
{
	struct sp_mail_opts o = { .digests = true, .journal = trusted };

	return (sp_mail_parse(sp_view_mem(p, n), &o));
}
