/*
 * Writes forms: see journal/oauth/oauth_form.h.  Everything but the unreserved
 * characters is escaped, a blank too (%20, not "+"): every reader of forms
 * understands that.  Called by oauth_request.c for each pair of a request.
 */
#include "journal/oauth/oauth_form.h"

#include <string.h>

enum sp_code
sp_oauth_escape(struct sp_buf *out, struct sp_view text)
{
	static const char digits[] = "0123456789ABCDEF";
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	enum sp_code rc = SP_OK;

	for (size_t i = 0; rc == SP_OK && i < text.n; i++) {
		const unsigned char c = (unsigned char)text.p[i];
		const char esc[3] = { '%', digits[c >> 4], digits[c & 15] };

		if (c != '\0' && strchr(plain, c) != NULL)
			rc = sp_buf_addc(out, (char)c);
		else
			rc = sp_buf_add(out, esc, sizeof(esc));
	}
	return (rc);
}

enum sp_code
sp_oauth_form_add(struct sp_buf *form, const char *name, struct sp_view value)
{
	enum sp_code rc = SP_OK;

	if (form->n > 0)
		rc = sp_buf_addc(form, '&');
	if (rc == SP_OK)
		rc = sp_oauth_escape(form, sp_view_str(name));
	if (rc == SP_OK)
		rc = sp_buf_addc(form, '=');
	return (rc == SP_OK ? sp_oauth_escape(form, value) : rc);
}
