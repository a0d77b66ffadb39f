/*
 * Collecting findings; findings_priv.h has the contract.  A finding is worded
 * where it is made, in the file of the check; here it is only kept, merged and
 * reported.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "journal/verify/findings_priv.h"

/* The findings of this kind, or NULL if there is none yet. */
static struct sp_verify_first *
find_kind(struct sp_verify_found *f, const char *kind)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->kinds[i].kind, kind) == 0)
			return (&f->kinds[i]);
	return (NULL);
}

/* A copy, the caller's to free, with every control byte as '?'. */
static char *
dup_printable(const char *text)
{
	char *s = sp_xstrdup(text);

	for (char *p = s; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p == 0x7f)
			*p = '?';
	return (s);
}

void
sp_verify_found_add(struct sp_verify_found *f, const char *kind,
    const char *where, const char *fmt, ...)
{
	struct sp_verify_first *x = find_kind(f, kind);
	char why[SP_ERR_MAX];
	va_list ap;

	f->total++;
	if (x != NULL) {
		x->count++;
		return;
	}
	if (f->n == SP_VERIFY_KINDS_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	x = &f->kinds[f->n++];
	x->kind = kind;
	x->count = 1;
	x->why = dup_printable(why);
	x->where = dup_printable(where);
}

void
sp_verify_found_merge(struct sp_verify_found *to, struct sp_verify_found *from)
{
	for (size_t i = 0; i < from->n; i++) {
		struct sp_verify_first *x = find_kind(to, from->kinds[i].kind);

		if (x == NULL && to->n < SP_VERIFY_KINDS_MAX) {
			to->kinds[to->n++] = from->kinds[i];
			continue;
		}
		if (x != NULL)
			x->count += from->kinds[i].count;
		free(from->kinds[i].where);
		free(from->kinds[i].why);
	}
	to->total += from->total;
	from->n = 0;
	from->total = 0;
}

void
sp_verify_found_report(
    struct sp_verify_found *f, const struct sp_verify_opts *o)
{
	for (size_t i = 0; i < f->n && o->finding != NULL; i++) {
		const struct sp_verify_first *x = &f->kinds[i];
		char *more;

		if (x->count == 1) {
			o->finding(o->ctx, x->kind, x->where, x->why);
			continue;
		}
		more = sp_xasprintf("%s (and %llu more of this kind)", x->why,
		    (unsigned long long)(x->count - 1));
		o->finding(o->ctx, x->kind, x->where, more);
		free(more);
	}
	sp_verify_found_done(f);
}

void
sp_verify_found_done(struct sp_verify_found *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->kinds[i].where);
		free(f->kinds[i].why);
	}
	f->n = 0;
	f->total = 0;
}

enum sp_code
sp_verify_found_code(struct sp_verify_found *f, const char *kind,
    const char *where, enum sp_code rc, const struct sp_err *err)
{
	if (rc == SP_OK)
		return (SP_OK);
	if (rc != SP_EFORMAT && rc != SP_EMISMATCH && rc != SP_ENOTFOUND &&
	    rc != SP_ELIMIT && rc != SP_EKEY && rc != SP_ECRYPTO &&
	    rc != SP_EROLLBACK)
		return (rc);
	sp_verify_found_add(
	    f, rc == SP_ENOTFOUND ? "missing" : kind, where, "%s", err->msg);
	return (SP_OK);
}
