/*
 * Reads the query of a redirect URL: see journal/oauth/oauth_redirect.h.  Any
 * bytes are read; of a parameter that comes twice, the last one counts.
 */
#include "journal/oauth/oauth_redirect.h"

#include <string.h>

#include "base/enc.h"
#include "base/secret.h"
#include "journal/oauth/oauth_answer.h"

#define TARGET_MAX 8192u /* bytes of a URL */

/* Decode %XX and + into ${out}, made here; a broken escape stays as it is. */
static void
decode(struct sp_buf *out, struct sp_view v)
{
	sp_secret_init(out, v.n + 1);
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = (uint8_t)v.p[i];

		if (c == '+')
			c = ' ';
		else if (c == '%' && v.n - i > 2 &&
			 sp_hex_decode(sp_view_mem(v.p + i + 1, 2), &c, 1))
			i += 2;
		(void)!sp_buf_addc(out, (char)c);
	}
}

/* Append the decoded ${v} to the error, behind ": " if there is one. */
static void
add_error(struct sp_oauth_redirect *out, struct sp_view v)
{
	size_t at = strlen(out->error);
	struct sp_buf b;

	decode(&b, v);
	if (at > 0 && at + 2 < sizeof(out->error)) {
		memcpy(out->error + at, ": ", 2);
		at += 2;
	}
	sp_oauth_printable(
	    out->error + at, sizeof(out->error) - at, sp_buf_view(&b));
	sp_secret_done(&b);
}

/* The parameters that count are found first and decoded at the end: nothing is
 * to be freed on the way. */
bool
sp_oauth_redirect_parse(struct sp_view target, struct sp_oauth_redirect *out)
{
	struct sp_view rest = target, code = { NULL, 0 }, state = { NULL, 0 };
	struct sp_view error = { NULL, 0 }, more = { NULL, 0 };

	*out = (struct sp_oauth_redirect){ 0 };
	if (target.n > TARGET_MAX)
		return (false);
	(void)sp_view_cut(&rest, '?');
	rest = sp_view_cut(&rest, '#');
	while (rest.n > 0) {
		struct sp_view value = sp_view_cut(&rest, '&');
		struct sp_view name = sp_view_cut(&value, '=');

		if (sp_view_eq_str(name, "code"))
			code = value;
		else if (sp_view_eq_str(name, "state"))
			state = value;
		else if (sp_view_eq_str(name, "error"))
			error = value;
		else if (sp_view_eq_str(name, "error_description"))
			more = value;
	}
	if (code.n == 0 && error.n == 0)
		return (false);
	decode(&out->code, code);
	decode(&out->state, state);
	if (error.n > 0)
		add_error(out, error);
	if (error.n > 0 && more.n > 0)
		add_error(out, more);
	return (true);
}

void
sp_oauth_redirect_done(struct sp_oauth_redirect *r)
{
	sp_secret_done(&r->code);
	sp_secret_done(&r->state);
}
