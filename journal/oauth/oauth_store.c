/*
 * The token file of an account: see journal/oauth/oauth_store.h.  JSON, one
 * object of version 1; its format is in doc/format-archive.md, "Secrets".
 */
#include "journal/oauth/oauth_store.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/time_text.h"
#include "journal/oauth/oauth_json.h"

#define FOLDER_MODE 0700
#define FILE_MODE   0600

char *
sp_oauth_store_path(const char *dir, const char *account)
{
	return (sp_xasprintf("%s/secrets/%s.token", dir, account));
}

void
sp_oauth_store_done(struct sp_oauth_stored *s)
{
	sp_secret_done(&s->refresh);
	free(s->token_url);
	free(s->client_id);
	free(s->user);
	free(s->scope);
	*s = (struct sp_oauth_stored){ 0 };
}

/* Whether ${j} is a token file of version 1; ${out} is filled in part if not,
 * and needs sp_oauth_store_done in any case. */
static bool
read_members(const json_t *j, struct sp_oauth_stored *out)
{
	const json_t *token = json_object_get(j, "refresh_token");
	const size_t n = json_string_length(token);
	char *time = sp_oauth_json_dup(j, "obtained");
	bool ok;

	out->token_url = sp_oauth_json_dup(j, "token_url");
	out->client_id = sp_oauth_json_dup(j, "client_id");
	out->user = sp_oauth_json_dup(j, "user");
	out->scope = sp_oauth_json_dup(j, "scope");
	sp_secret_init(&out->refresh, n + 1);
	ok = json_integer_value(json_object_get(j, "v")) == 1 && n > 0 &&
	     sp_buf_add(&out->refresh, json_string_value(token), n) == SP_OK &&
	     time != NULL && sp_time_parse(sp_view_str(time), &out->obtained) &&
	     out->token_url != NULL && out->client_id != NULL &&
	     out->user != NULL && out->scope != NULL;
	free(time);
	return (ok);
}

/* jansson's copy of the token is wiped; the text is the caller's. */
enum sp_code
sp_oauth_store_parse(
    struct sp_view text, struct sp_oauth_stored *out, struct sp_err *err)
{
	struct sp_oauth_stored s = { 0 };
	struct sp_err ignored; /* jansson's message quotes the text */
	json_t *j = NULL;
	bool ok;

	ok = sp_json_load(text, &j, &ignored) == SP_OK && read_members(j, &s);
	sp_oauth_json_wipe(j, "refresh_token");
	json_decref(j);
	if (ok) {
		*out = s;
		return (SP_OK);
	}
	sp_oauth_store_done(&s);
	return (sp_err_set(err, SP_EFORMAT, 0,
	    "not a token file of version 1: run `sealpost oauth login` again"));
}

enum sp_code
sp_oauth_store_load(
    const char *path, struct sp_oauth_stored *out, struct sp_err *err)
{
	struct sp_buf text;
	enum sp_code rc;

	sp_secret_init(&text, SP_OAUTH_STORE_MAX + 1);
	rc = sp_io_read_file(path, SP_OAUTH_STORE_MAX, &text, err);
	if (rc == SP_OK) {
		rc = sp_oauth_store_parse(sp_buf_view(&text), out, err);
		if (rc != SP_OK)
			rc = sp_err_prefix(err, "%s", path);
	}
	sp_secret_done(&text);
	return (rc);
}

/* Make the directory of ${path}. */
static enum sp_code
make_folder(const char *path, struct sp_err *err)
{
	char *folder = sp_io_parent(path, NULL);
	enum sp_code rc = sp_io_mkdirs(folder, FOLDER_MODE, err);

	free(folder);
	return (rc);
}

/* The text of the file is made in memory that is wiped, then written at once. */
enum sp_code
sp_oauth_store_save(
    const char *path, const struct sp_oauth_stored *in, struct sp_err *err)
{
	char time[SP_TIME_LEN + 1];
	struct sp_buf text;
	struct sp_json j;
	enum sp_code rc;

	sp_time_format(in->obtained, time);
	sp_secret_init(&text, SP_OAUTH_STORE_MAX);
	sp_json_init(&j, &text);
	sp_json_obj(&j, NULL);
	sp_json_u64(&j, "v", 1);
	sp_json_cstr(&j, "token_url", in->token_url);
	sp_json_cstr(&j, "client_id", in->client_id);
	sp_json_cstr(&j, "user", in->user);
	sp_json_cstr(&j, "scope", in->scope);
	sp_json_cstr(&j, "obtained", time);
	sp_json_str(&j, "refresh_token", sp_buf_view(&in->refresh));
	sp_json_obj_end(&j);
	rc = sp_json_end(&j);
	if (rc == SP_OK)
		rc = sp_buf_addc(&text, '\n');
	if (rc != SP_OK)
		rc = sp_err_set(err, rc, 0, "%s would be too long", path);
	else
		rc = make_folder(path, err);
	if (rc == SP_OK)
		rc = sp_io_replace(path, text.p, text.n, FILE_MODE, err);
	sp_secret_done(&text);
	return (rc);
}

enum sp_code
sp_oauth_store_remove(const char *path, struct sp_err *err)
{
	char *folder;
	enum sp_code rc;

	if (!sp_io_exists(path))
		return (SP_OK);
	folder = sp_io_parent(path, NULL);
	rc = sp_io_unlink(path, err);
	if (rc == SP_OK)
		rc = sp_io_syncdir(folder, err);
	free(folder);
	return (rc);
}

enum sp_code
sp_oauth_store_lock(const char *path, int wait_ms, int *fd, struct sp_err *err)
{
	char *lock = sp_xasprintf("%s.lock", path);
	enum sp_code rc = make_folder(path, err);

	if (rc == SP_OK)
		rc = sp_io_lock(lock, wait_ms, fd, err);
	free(lock);
	return (rc);
}
