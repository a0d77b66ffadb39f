/* Findings and progress. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/verify/verify_priv.h"

static struct sp_verify_first *
find(struct sp_verify_found *f, const char *kind)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->first[i].kind, kind) == 0)
			return (&f->first[i]);
	return (NULL);
}

/* One clean line of whatever a hostile file put in. */
static char *
clean(const char *text)
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
	struct sp_verify_first *x = find(f, kind);
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
	x = &f->first[f->n++];
	x->kind = kind;
	x->count = 1;
	x->why = clean(why);
	x->where = clean(where);
}

void
sp_verify_found_merge(struct sp_verify_found *to, struct sp_verify_found *from)
{
	for (size_t i = 0; i < from->n; i++) {
		struct sp_verify_first *x = find(to, from->first[i].kind);

		if (x != NULL) {
			x->count += from->first[i].count;
			free(from->first[i].where);
			free(from->first[i].why);
		} else if (to->n < SP_VERIFY_KINDS_MAX) {
			to->first[to->n++] = from->first[i];
		}
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
		const struct sp_verify_first *x = &f->first[i];
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
		free(f->first[i].where);
		free(f->first[i].why);
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

void
sp_verify_run_init(struct sp_verify_run *r, const struct sp_verify_opts *o)
{
	memset(r, 0, sizeof(*r));
	r->o = o;
	(void)pthread_mutex_init(&r->lock, NULL);
}

void
sp_verify_run_done(struct sp_verify_run *r)
{
	(void)pthread_mutex_destroy(&r->lock);
}

enum sp_code
sp_verify_run_step(struct sp_verify_run *r, uint64_t n, struct sp_err *err)
{
	bool stop;

	(void)pthread_mutex_lock(&r->lock);
	r->done += n;
	if (r->done > r->total)
		r->total = r->done;
	if (!r->stop && r->o->progress != NULL &&
	    !r->o->progress(r->o->ctx, r->done, r->total))
		r->stop = true;
	stop = r->stop;
	(void)pthread_mutex_unlock(&r->lock);
	if (stop)
		return (sp_err_set(err, SP_EINTERRUPT, 0,
		    "interrupted before everything was looked at"));
	return (SP_OK);
}

void
sp_verify_run_stop(struct sp_verify_run *r)
{
	(void)pthread_mutex_lock(&r->lock);
	r->stop = true;
	(void)pthread_mutex_unlock(&r->lock);
}
