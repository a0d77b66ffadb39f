/*
 * The JSON writer, and reading with jansson.  Records, events, provenance, the
 * output of commands and the files of exports are written with it.
 */
#include "base/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"

#define DEPTH_MAX 32

/* Keep the first failure. */
static void
fail(struct sp_json *j, enum sp_code code)
{
	if (j->code == SP_OK)
		j->code = code;
}

static void
put(struct sp_json *j, const char *p, size_t n)
{
	if (j->code == SP_OK)
		fail(j, sp_buf_add(j->out, p, n));
}

static void
puts_(struct sp_json *j, const char *s)
{
	put(j, s, strlen(s));
}

/*
 * The escape of a byte that must not stand in a text; ${tmp} is for it to use.
 */
static const char *
escape_of(unsigned char c, char tmp[8])
{
	static const char digits[] = "0123456789abcdef";

	switch (c) {
	case '"':
		return ("\\\"");
	case '\\':
		return ("\\\\");
	case '\n':
		return ("\\n");
	case '\r':
		return ("\\r");
	case '\t':
		return ("\\t");
	default:
		memcpy(tmp, "\\u00", 4);
		tmp[4] = digits[c >> 4];
		tmp[5] = digits[c & 15];
		tmp[6] = '\0';
		return (tmp);
	}
}

/* Write a text in quotes; runs of plain bytes go out in one piece. */
static void
put_text(struct sp_json *j, struct sp_view v)
{
	size_t from = 0;
	char tmp[8];

	put(j, "\"", 1);
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		put(j, v.p + from, i - from);
		puts_(j, escape_of(c, tmp));
		from = i + 1;
	}
	if (v.n > from)
		put(j, v.p + from, v.n - from);
	put(j, "\"", 1);
}

/* Write the comma that is due and the name of the next value. */
static void
begin_value(struct sp_json *j, const char *key)
{
	if (j->comma)
		put(j, ",", 1);
	j->comma = true;
	if (key != NULL) {
		put_text(j, sp_view_str(key));
		put(j, ":", 1);
	}
}

void
sp_json_init(struct sp_json *j, struct sp_buf *out)
{
	*j = (struct sp_json){ .out = out, .code = SP_OK };
}

/* Open an object or an array. */
static void
enter(struct sp_json *j, const char *key, const char *bracket)
{
	begin_value(j, key);
	put(j, bracket, 1);
	if (++j->depth > DEPTH_MAX)
		fail(j, SP_ELIMIT);
	j->comma = false;
}

static void
leave(struct sp_json *j, const char *bracket)
{
	put(j, bracket, 1);
	if (j->depth > 0)
		j->depth--;
	j->comma = true;
}

void
sp_json_obj(struct sp_json *j, const char *key)
{
	enter(j, key, "{");
}

void
sp_json_obj_end(struct sp_json *j)
{
	leave(j, "}");
}

void
sp_json_arr(struct sp_json *j, const char *key)
{
	enter(j, key, "[");
}

void
sp_json_arr_end(struct sp_json *j)
{
	leave(j, "]");
}

void
sp_json_str(struct sp_json *j, const char *key, struct sp_view v)
{
	if (!sp_view_is_utf8(v)) {
		sp_json_obj(j, key);
		sp_json_b64(j, "b64", v.p, v.n);
		sp_json_obj_end(j);
		return;
	}
	begin_value(j, key);
	put_text(j, v);
}

void
sp_json_cstr(struct sp_json *j, const char *key, const char *s)
{
	if (s == NULL)
		sp_json_null(j, key);
	else
		sp_json_str(j, key, sp_view_str(s));
}

void
sp_json_u64(struct sp_json *j, const char *key, uint64_t v)
{
	char text[24];
	int n;

	begin_value(j, key);
	n = snprintf(text, sizeof(text), "%" PRIu64, v);
	put(j, text, (size_t)n);
}

void
sp_json_i64(struct sp_json *j, const char *key, int64_t v)
{
	char text[24];
	int n;

	begin_value(j, key);
	n = snprintf(text, sizeof(text), "%" PRId64, v);
	put(j, text, (size_t)n);
}

void
sp_json_bool(struct sp_json *j, const char *key, bool v)
{
	begin_value(j, key);
	puts_(j, v ? "true" : "false");
}

void
sp_json_null(struct sp_json *j, const char *key)
{
	begin_value(j, key);
	puts_(j, "null");
}

void
sp_json_hex(struct sp_json *j, const char *key, const void *p, size_t n)
{
	char *at;

	begin_value(j, key);
	put(j, "\"", 1);
	at = j->code == SP_OK ? sp_buf_reserve(j->out, 2 * n + 1) : NULL;
	if (at == NULL) {
		fail(j, SP_ELIMIT);
		return;
	}
	sp_hex_encode(p, n, at);
	j->out->n += 2 * n;
	put(j, "\"", 1);
}

void
sp_json_b64(struct sp_json *j, const char *key, const void *p, size_t n)
{
	begin_value(j, key);
	put(j, "\"", 1);
	if (j->code == SP_OK)
		fail(j, sp_b64_append(j->out, p, n));
	put(j, "\"", 1);
}

void
sp_json_raw(struct sp_json *j, const char *key, struct sp_view v)
{
	begin_value(j, key);
	put(j, v.p, v.n);
}

enum sp_code
sp_json_end(struct sp_json *j)
{
	return (j->code);
}

/* Each kind of value by its own function above; objects and arrays by calling
 * itself, 32 deep at most: what is deeper only keeps the failure. */
void
sp_json_value(struct sp_json *j, const char *key, json_t *v)
{
	const char *name;
	json_t *member;

	if (json_is_object(v)) {
		sp_json_obj(j, key);
		json_object_foreach(v, name, member)
		    sp_json_value(j, name, member);
		sp_json_obj_end(j);
	} else if (json_is_array(v)) {
		sp_json_arr(j, key);
		for (size_t i = 0; i < json_array_size(v); i++)
			sp_json_value(j, NULL, json_array_get(v, i));
		sp_json_arr_end(j);
	} else if (json_is_string(v)) {
		sp_json_str(j, key,
		    sp_view_mem(json_string_value(v), json_string_length(v)));
	} else if (json_is_integer(v)) {
		sp_json_i64(j, key, json_integer_value(v));
	} else if (json_is_boolean(v)) {
		sp_json_bool(j, key, json_is_true(v));
	} else if (json_is_real(v)) {
		char *text = json_dumps(v, JSON_ENCODE_ANY);

		if (text == NULL)
			fail(j, SP_ELIMIT); /* no memory */
		else
			sp_json_raw(j, key, sp_view_str(text));
		free(text);
	} else {
		sp_json_null(j, key);
	}
}

enum sp_code
sp_json_load(struct sp_view v, json_t **out, struct sp_err *err)
{
	json_error_t why;
	json_t *j;

	j = json_loadb(v.p == NULL ? "" : v.p, v.n,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (j == NULL)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "not valid JSON at line %d, column %d: %s", why.line,
		    why.column, why.text));
	*out = j;
	return (SP_OK);
}

bool
sp_json_get_str(
    const json_t *obj, const char *key, struct sp_buf *tmp, struct sp_view *out)
{
	const json_t *m = json_object_get(obj, key), *b;
	struct sp_view text;
	char *at;
	size_t n;

	if (json_is_string(m)) {
		*out = sp_view_mem(json_string_value(m), json_string_length(m));
		return (true);
	}
	b = json_object_get(m, "b64");
	if (!json_is_string(b))
		return (false);
	text = sp_view_mem(json_string_value(b), json_string_length(b));
	sp_buf_clear(tmp);
	at = sp_buf_reserve(tmp, text.n / 4 * 3 + 3);
	if (at == NULL || !sp_b64_decode(text, (uint8_t *)at, &n))
		return (false);
	tmp->n = n;
	*out = sp_buf_view(tmp);
	return (true);
}

bool
sp_json_get_u64(const json_t *obj, const char *key, uint64_t *out)
{
	const json_t *m = json_object_get(obj, key);

	if (!json_is_integer(m) || json_integer_value(m) < 0)
		return (false);
	*out = (uint64_t)json_integer_value(m);
	return (true);
}
