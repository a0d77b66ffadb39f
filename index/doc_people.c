/*
 * People of a message: whom the envelope in its record and the fields of its
 * header name.  Each becomes a row, and words and verbatim tokens in the column
 * of its role, by which "from:" and the like find it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/xtext.h"
#include "index/doc_fill_priv.h"
#include "index/schema/token.h"

#define ADDR_MAX ((size_t)64 << 10) /* bytes of one address, folded */

static const enum sp_column col_of[SP_PARTY_ROLES] = {
	[SP_PARTY_ENV_FROM] = SP_COL_ENV_FROM,
	[SP_PARTY_ENV_TO] = SP_COL_ENV_TO,
	[SP_PARTY_FROM] = SP_COL_FROM,
	[SP_PARTY_TO] = SP_COL_TO,
	[SP_PARTY_CC] = SP_COL_CC,
	[SP_PARTY_BCC] = SP_COL_BCC,
	[SP_PARTY_REPLY_TO] = SP_COL_REPLY_TO,
	[SP_PARTY_ENV_AS] = SP_COL_ENV_TO,
	[SP_PARTY_ORCPT] = SP_COL_ORCPT,
};

/* Append the verbatim token of ${lead} and ${v}. */
static enum sp_code
add_verbatim(struct sp_buf *out, const char *lead, struct sp_view v)
{
	enum sp_code rc = sp_buf_addc(out, SP_TOKEN_MARK);

	if (rc == SP_OK)
		rc = sp_buf_adds(out, lead);
	if (rc == SP_OK)
		rc = sp_buf_addv(out, v);
	if (rc == SP_OK)
		rc = sp_buf_addc(out, SP_TOKEN_MARK);
	return (rc);
}

/* What follows the last '@', or {NULL, 0}. */
static struct sp_view
domain_of(struct sp_view addr)
{
	for (size_t i = addr.n; i > 0; i--)
		if (addr.p[i - 1] == '@')
			return ((struct sp_view){ addr.p + i, addr.n - i });
	return ((struct sp_view){ NULL, 0 });
}

/* Tokens are folded, so that they are found in any case; the words are folded
 * by the tokenizer. */
enum sp_code
sp_doc_add_words(
    struct sp_buf *col, struct sp_view addr, struct sp_view name, bool whole)
{
	struct sp_buf clean, folded;
	enum sp_code rc;

	sp_buf_init(&clean, ADDR_MAX);
	sp_buf_init(&folded, 4 * ADDR_MAX);
	rc = sp_token_clean(addr, &clean);
	if (rc == SP_OK)
		rc = sp_token_fold(sp_buf_view(&clean), &folded);
	if (rc == SP_OK)
		rc = add_verbatim(col, SP_TOKEN_ADDR, sp_buf_view(&folded));
	if (rc == SP_OK && domain_of(sp_buf_view(&folded)).n > 0)
		rc = add_verbatim(
		    col, SP_TOKEN_DOMAIN, domain_of(sp_buf_view(&folded)));
	if (rc == SP_OK && name.n > 0)
		rc = sp_token_clean(name, col);
	if (rc == SP_OK && !whole)
		rc = sp_buf_addc(col, ' ');
	if (rc == SP_OK && !whole)
		rc = sp_buf_addv(col, sp_buf_view(&clean));
	if (rc == SP_OK)
		rc = sp_buf_addc(col, '\n');
	sp_buf_done(&clean);
	sp_buf_done(&folded);
	return (rc);
}

/* Add a person with its words.  False where a limit was reached. */
static bool
add_party(struct sp_doc *d, enum sp_party_role role, size_t n,
    struct sp_view addr, struct sp_view name)
{
	struct sp_doc_party *p;

	if (d->nparties >= SP_DOC_PARTIES_MAX || addr.n > ADDR_MAX)
		return (false);
	if (d->nparties == d->party_room) {
		d->party_room = d->party_room == 0 ? 16 : d->party_room * 2;
		d->parties = sp_xrealloc(
		    d->parties, d->party_room * sizeof(*d->parties));
	}
	p = &d->parties[d->nparties];
	*p = (struct sp_doc_party){ .role = role, .n = (uint32_t)n };
	if (!sp_doc_store_str(d, addr, &p->addr) ||
	    !sp_doc_store_str(d, name, &p->name) ||
	    sp_doc_add_words(&d->col[col_of[role]], addr, name, false) != SP_OK)
		return (false);
	d->nparties++;
	return (true);
}

/* The address that the sender of the copy was first given (ORCPT, RFC 3461),
 * where it is neither the original nor the address as received. */
static bool
add_orcpt(struct sp_doc *d, const json_t *rcpt, size_t n,
    struct sp_view original, struct sp_view received)
{
	struct sp_view none = { NULL, 0 }, v;
	struct sp_buf addr;
	const json_t *param;
	bool ok = true;
	size_t i;

	sp_buf_init(&addr, ADDR_MAX);
	json_array_foreach(json_object_get(rcpt, "params"), i, param)
	{
		if (!json_is_string(param) ||
		    !sp_xtext_orcpt(
			sp_view_str(json_string_value(param)), &addr))
			continue;
		v = sp_buf_view(&addr);
		if (sp_view_is_utf8(v) && !sp_view_eq(v, original) &&
		    !sp_view_eq(v, received))
			ok = add_party(d, SP_PARTY_ORCPT, n, v, none);
		break;
	}
	sp_buf_done(&addr);
	return (ok);
}

/* An envelope recipient: the original where a pattern of the listener gave one,
 * and then also the address as received. */
static bool
add_rcpt(struct sp_doc *d, const json_t *rcpt, size_t n)
{
	struct sp_view none = { NULL, 0 }, addr, original;
	struct sp_buf tmp, tmp2;
	bool ok = true;

	sp_buf_init(&tmp, SP_RECORD_MAX);
	sp_buf_init(&tmp2, SP_RECORD_MAX);
	if (sp_json_get_str(rcpt, "addr", &tmp, &addr)) {
		if (!sp_json_get_str(rcpt, "original", &tmp2, &original))
			original = addr;
		ok = add_party(d, SP_PARTY_ENV_TO, n, original, none) &&
		     (sp_view_eq(original, addr) ||
			 add_party(d, SP_PARTY_ENV_AS, n, addr, none)) &&
		     add_orcpt(d, rcpt, n, original, addr);
	}
	sp_buf_done(&tmp);
	sp_buf_done(&tmp2);
	return (ok);
}

/* Sender and recipients of the envelope, if the record has one. */
static bool
add_envelope(struct sp_doc *d)
{
	const json_t *env = json_object_get(d->rec.json, "envelope");
	const json_t *to = json_object_get(env, "to"), *one;
	struct sp_view none = { NULL, 0 }, addr;
	struct sp_buf tmp;
	bool ok = true;
	size_t i;

	if (!json_is_object(env))
		return (true);
	sp_buf_init(&tmp, SP_RECORD_MAX);
	if (sp_json_get_str(env, "from", &tmp, &addr))
		ok = add_party(d, SP_PARTY_ENV_FROM, 0, addr, none);
	json_array_foreach(to, i, one)
	{
		if (ok)
			ok = add_rcpt(d, one, i);
	}
	sp_buf_done(&tmp);
	return (ok);
}

/* The people of one header field; one that names nobody is noted. */
static bool
add_header(
    struct sp_doc *d, enum sp_party_role role, const struct sp_mail_addrs *a)
{
	if (a->present && a->n == 0)
		d->heads |= SP_HEAD(role);
	for (size_t i = 0; i < a->n; i++)
		if (!add_party(d, role, i, sp_view_str(a->v[i].addr),
			sp_view_str(a->v[i].name)))
			return (false);
	return (true);
}

void
sp_doc_fill_people(struct sp_doc *d)
{
	const struct sp_mail *m = d->mail;
	bool ok = add_envelope(d);

	if (ok && d->parsed)
		ok = add_header(d, SP_PARTY_FROM, &m->from) &&
		     add_header(d, SP_PARTY_TO, &m->to) &&
		     add_header(d, SP_PARTY_CC, &m->cc) &&
		     add_header(d, SP_PARTY_BCC, &m->bcc) &&
		     add_header(d, SP_PARTY_REPLY_TO, &m->reply_to);
	if (!ok)
		d->cut = true;
}
