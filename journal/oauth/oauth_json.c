/*
 * Text members of JSON objects: see journal/oauth/oauth_json.h.  Objects come
 * from jansson, which keeps the text in memory of its own and only frees it: a
 * secret is overwritten there before.
 */
#include "journal/oauth/oauth_json.h"

#include "base/buf.h"
#include "base/secret.h"

struct sp_view
sp_oauth_json_text(const json_t *obj, const char *key)
{
	const json_t *m = json_object_get(obj, key);

	if (!json_is_string(m))
		return ((struct sp_view){ NULL, 0 });
	return (sp_view_mem(json_string_value(m), json_string_length(m)));
}

char *
sp_oauth_json_dup(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return (s == NULL ? NULL : sp_xstrdup(s));
}

void
sp_oauth_json_wipe(const json_t *obj, const char *key)
{
	const struct sp_view text = sp_oauth_json_text(obj, key);
	/* Takes away a const that only says that the object owns the text. */
	union {
		const char *in;
		char *out;
	} u = { .in = text.p };

	if (text.n > 0)
		sp_secret_wipe(u.out, text.n);
}
