/*
 * JSON.  Written once by a small streaming writer, and hashed as it was
 * written: nothing is ever read and written again to be checked.  Reading is
 * jansson's.  Byte strings that are not UTF-8, or contain U+0000, are written
 * as {"b64":"..."}, so that every byte of a protocol can be recorded.
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
	enum sp_code code; /* the first failure; nothing is written after it */
	unsigned depth; /* open objects and arrays */
	bool comma; /* the next value needs one before it */
};

/* Begin to append JSON to ${out}, which must outlive ${j}. */
void sp_json_init(struct sp_json *j, struct sp_buf *out);
/* SP_OK, or the first failure since sp_json_init: SP_ELIMIT beyond the maximum
 * of the buffer, or beyond 32 objects and arrays in each other. */
SP_CHECK enum sp_code sp_json_end(struct sp_json *j);

/* Write an object.  ${key} is its name in the object around it, and NULL in an
 * array and at top level; so it is for all values below.  A failure is kept for
 * sp_json_end(). */
void sp_json_obj(struct sp_json *j, const char *key);
void sp_json_obj_end(struct sp_json *j);
/* Write an array. */
void sp_json_arr(struct sp_json *j, const char *key);
void sp_json_arr_end(struct sp_json *j);
/* Write bytes as a text or, see above, as base64; ${s} NULL as null. */
void sp_json_str(struct sp_json *j, const char *key, struct sp_view v);
void sp_json_cstr(struct sp_json *j, const char *key, const char *s);
/* Write an integer. */
void sp_json_u64(struct sp_json *j, const char *key, uint64_t v);
void sp_json_i64(struct sp_json *j, const char *key, int64_t v);
/* Write true or false, and null. */
void sp_json_bool(struct sp_json *j, const char *key, bool v);
void sp_json_null(struct sp_json *j, const char *key);
/* Write ${n} bytes as a text of lower-case hex, or of base64. */
void sp_json_hex(struct sp_json *j, const char *key, const void *p, size_t n);
void sp_json_b64(struct sp_json *j, const char *key, const void *p, size_t n);
/* Write a value that was read with sp_json_load(), members in their order, in
 * this writer's form (jansson's own escapes other bytes, and otherwise).  NULL
 * is null. */
void sp_json_value(struct sp_json *j, const char *key, json_t *v);
/* Write what is valid JSON already, as it is; with a NULL ${key} in an object
 * it is one member or more with their names. */
void sp_json_raw(struct sp_json *j, const char *key, struct sp_view v);

/* Read one value: no member twice in an object, UTF-8 without U+0000, nothing
 * behind it.  SP_EFORMAT with line and column otherwise.  The caller owns
 * ${out} (json_decref). */
SP_CHECK enum sp_code sp_json_load(
    struct sp_view v, json_t **out, struct sp_err *err);
/* A member as bytes: a text, or {"b64":...} decoded into ${tmp}; ${out} is
 * valid as long as ${obj} and ${tmp}.  False if it is not there or neither. */
bool sp_json_get_str(const json_t *obj, const char *key, struct sp_buf *tmp,
    struct sp_view *out);
/* A member that is an integer of at least 0; false otherwise. */
bool sp_json_get_u64(const json_t *obj, const char *key, uint64_t *out);

#endif
