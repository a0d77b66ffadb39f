/*
 * Lists of recipients and parameters that grow inside the arena of a mail
 * transaction.  The sessions of SMTP, LMTP (session_mail.c) and the milter
 * (milter_mail.c) fill one envelope per message; the files that build the item
 * to append (session_item.c, milter_item.c) take the facts from it.
 */
#include "journal/smtp/envelope.h"

#include <string.h>

#define RECIPIENTS_FIRST 4 /* places of a new list */

void
sp_envelope_reset(struct sp_envelope *e)
{
	*e = (struct sp_envelope){ .bytes = 0 };
}

bool
sp_envelope_copy_params(struct sp_arena *a, const struct sp_view *params,
    size_t n, const struct sp_view **out)
{
	struct sp_view *v;

	*out = NULL;
	if (n == 0)
		return (true);
	v = sp_arena_get(a, n * sizeof(*v));
	if (v == NULL)
		return (false);
	for (size_t i = 0; i < n; i++) {
		v[i] = sp_arena_dup(a, params[i]);
		if (v[i].p == NULL)
			return (false);
	}
	*out = v;
	return (true);
}

/* Make room for one more: twice the places there were, since the arena gives
 * back the old ones only with all else. */
static bool
make_room(struct sp_arena *a, struct sp_recipients *list)
{
	size_t want = list->cap == 0 ? RECIPIENTS_FIRST : list->cap * 2;
	struct sp_rcpt *v;

	if (list->n < list->cap)
		return (true);
	v = sp_arena_get(a, want * sizeof(*v));
	if (v == NULL)
		return (false);
	if (list->n > 0)
		memcpy(v, list->v, list->n * sizeof(*v));
	list->v = v;
	list->cap = want;
	return (true);
}

bool
sp_envelope_add(
    struct sp_arena *a, struct sp_recipients *list, const struct sp_rcpt *r)
{
	if (!make_room(a, list))
		return (false);
	list->v[list->n++] = *r;
	return (true);
}

void
sp_envelope_facts(const struct sp_envelope *e, struct sp_facts *out)
{
	out->from = e->from;
	out->from_params = e->from_params;
	out->nfrom_params = e->nfrom_params;
	out->to = e->to.v;
	out->nto = e->to.n;
	out->refused = e->refused.v;
	out->nrefused = e->refused.n;
}
