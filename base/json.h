/*
 * JSON written once, hashed as written (never re-serialised), by a small
 * streaming writer into an sp_buf; reading is jansson's.  Byte strings that
 * are not UTF-8, or contain U+0000, are written {"b64":"..."}.
 */
#ifndef SP_BASE_JSON_H
#define SP_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

struct sp_json { /* embed; init before use */
	struct sp_buf *out;
	enum sp_code code; /* sticky: the first failure */
	unsigned depth;
	bool comma;
};

void sp_json_init(struct sp_json *j, struct sp_buf *out);
/* ${key} is NULL in arrays and at top level. */
void sp_json_obj(struct sp_json *j, const char *key);
void sp_json_obj_end(struct sp_json *j);
void sp_json_arr(struct sp_json *j, const char *key);
void sp_json_arr_end(struct sp_json *j);
void sp_json_str(struct sp_json *j, const char *key, struct sp_view v);
void sp_json_cstr(
    struct sp_json *j, const char *key, const char *s); /* NULL: null */
void sp_json_u64(struct sp_json *j, const char *key, uint64_t v);
void sp_json_i64(struct sp_json *j, const char *key, int64_t v);
void sp_json_bool(struct sp_json *j, const char *key, bool v);
void sp_json_null(struct sp_json *j, const char *key);
void sp_json_hex(struct sp_json *j, const char *key, const void *p, size_t n);
void sp_json_b64(struct sp_json *j, const char *key, const void *p, size_t n);
/* Already valid JSON text, as it is. */
void sp_json_raw(struct sp_json *j, const char *key, struct sp_view v);
/* SP_OK, or the first failure (SP_ELIMIT). */
SP_CHECK enum sp_code sp_json_end(struct sp_json *j);

/* Strict: duplicates rejected, depth and size limited, one value, UTF-8. */
SP_CHECK enum sp_code sp_json_load(
    struct sp_view v, json_t **out, struct sp_err *err);
/* Member as text: a string, or {"b64":...} decoded into ${tmp}.  False if
 * absent or of another type. */
bool sp_json_get_str(const json_t *obj, const char *key, struct sp_buf *tmp,
    struct sp_view *out);
bool sp_json_get_u64(const json_t *obj, const char *key, uint64_t *out);

#endif
