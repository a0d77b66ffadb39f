/*
 * Which messages of a pulled account the log has: the reading of the log, and
 * the question and answer over state/control (pulled.h has their form).  The
 * index worker answers (sp_pulled_answer()), the pull worker asks
 * (sp_pulled_ask()); a command without the service reads the log itself
 * (sp_pulled_scan()).
 */
#include "app/host/pulled.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/common/control.h"
#include "base/enc.h"
#include "base/json.h"
#include "journal/log/reader.h"
#include "journal/pull/ids.h"

/* One answer is bounded: the worker has other work, a reply 96 KiB. */
#define ENTRIES_MAX 20000 /* looked through */
#define KEYS_MAX    (2500 * SP_IDS_KEY) /* bytes of keys found */

/* Whether the member of ${source} is this text. */
static bool
member_is(const json_t *source, const char *member, const char *text)
{
	const char *have = json_string_value(json_object_get(source, member));

	return (have != NULL && strcmp(have, text) == 0);
}

/* The key of the message of ${record}, if that was pulled from the mailbox
 * ${of}: by its UIDL, or by mailbox, UIDVALIDITY and UID. False: it was not. */
static bool
key_of(struct sp_view record, const struct sp_pull_conf *of,
    uint8_t key[SP_IDS_KEY])
{
	struct sp_view mailbox = { 0 }, uid;
	struct sp_buf b, c;
	const json_t *source;
	uint64_t validity = 0;
	json_t *j = NULL;
	bool ok = false;

	/* Most records are of other messages: they need no parsing. */
	if (memmem(record.p, record.n, "\"pulled\"", 8) == NULL ||
	    sp_json_load(record, &j, NULL) != SP_OK)
		return (false);
	sp_buf_init(&b, 64u << 10);
	sp_buf_init(&c, 64u << 10);
	source = json_object_get(j, "source");
	if (member_is(source, "grade", "pulled") &&
	    member_is(source, "account", of->name) &&
	    member_is(source, "host", of->server) &&
	    member_is(source, "user", of->user)) {
		ok = sp_json_get_str(source, "uidl", &c, &uid) ||
		     (sp_json_get_str(source, "mailbox", &b, &mailbox) &&
			 sp_json_get_u64(source, "uidvalidity", &validity) &&
			 sp_json_get_str(source, "uid", &c, &uid));
		if (ok)
			sp_ids_key(mailbox, validity, uid, key);
	}
	sp_buf_done(&b);
	sp_buf_done(&c);
	json_decref(j);
	return (ok);
}

/* The log is read with sp_reader, which needs no lock. */
enum sp_code
sp_pulled_scan(const char *dir, const struct sp_pull_conf *of, uint64_t from,
    struct sp_buf *keys, uint64_t *next, bool *end, struct sp_err *err)
{
	struct sp_reader *r = NULL;
	struct sp_entry e = { .seq = 0 };
	uint8_t key[SP_IDS_KEY];
	uint64_t last = 0;
	size_t found = 0;
	enum sp_code rc = sp_reader_open(dir, &r, err);

	*end = false;
	if (rc == SP_OK)
		rc = sp_reader_end(r, &last, err);
	if (rc == SP_OK && from >= last) {
		*next = last;
		*end = true;
		sp_reader_close(r);
		return (SP_OK);
	}
	if (rc == SP_OK)
		sp_reader_seek(r, from);
	for (*next = from; rc == SP_OK && *next < last; ++*next) {
		if (*next - from >= ENTRIES_MAX || found >= KEYS_MAX)
			break;
		rc = sp_reader_next(r, &e, err);
		if (rc != SP_OK || !e.has_record || !key_of(e.record, of, key))
			continue;
		rc = sp_buf_add(keys, key, sizeof(key));
		found += sizeof(key);
	}
	*end = rc == SP_OK && *next >= last;
	sp_reader_close(r);
	return (rc == SP_EEND ? sp_err_set(err, SP_EAGAIN, 0,
				    "the log ended before entry %" PRIu64, last)
			      : rc);
}

/* HOST has no blank; USER is the rest of the line and may have. */
enum sp_code
sp_pulled_answer(
    const char *dir, const char *args, struct sp_buf *text, struct sp_err *err)
{
	struct sp_view user = sp_view_str(args);
	struct sp_view name = sp_view_cut(&user, ' ');
	struct sp_view from = sp_view_cut(&user, ' ');
	struct sp_view host = sp_view_cut(&user, ' ');
	struct sp_pull_conf of = { .name = sp_view_dup(name),
		.server = sp_view_dup(host),
		.user = sp_view_dup(user) };
	uint64_t at, next = 0;
	struct sp_buf keys;
	enum sp_code rc;
	bool end = false;

	sp_buf_init(&keys, KEYS_MAX + SP_IDS_KEY);
	rc = user.p != NULL && sp_view_u64(from, &at)
		 ? sp_pulled_scan(dir, &of, at, &keys, &next, &end, err)
		 : sp_err_set(
		       err, SP_EUSAGE, 0, "pulled ACCOUNT FROM HOST USER");
	if (rc == SP_OK)
		rc = sp_buf_addf(
		    text, "%" PRIu64 " %s", next, end ? "end" : "more");
	for (size_t i = 0; rc == SP_OK && i < keys.n; i += SP_IDS_KEY) {
		char hex[2 * SP_IDS_KEY + 1];

		sp_hex_encode(keys.p + i, SP_IDS_KEY, hex);
		rc = sp_buf_addf(text, " %s", hex);
	}
	sp_buf_done(&keys);
	free(of.name);
	free(of.server);
	free(of.user);
	return (rc);
}

/* The text "NEXT more|end KEY KEY ..."; the keys are appended to ${keys}.
 * False: it is not of that form. */
static bool
parse_answer(
    struct sp_view rest, struct sp_buf *keys, uint64_t *next, bool *end)
{
	struct sp_view word = sp_view_cut(&rest, ' ');
	uint8_t key[SP_IDS_KEY];

	if (!sp_view_u64(word, next))
		return (false);
	word = sp_view_cut(&rest, ' ');
	*end = sp_view_eq_str(word, "end");
	if (!*end && !sp_view_eq_str(word, "more"))
		return (false);
	while (rest.n > 0) {
		if (!sp_hex_decode(sp_view_cut(&rest, ' '), key, sizeof(key)) ||
		    sp_buf_add(keys, key, sizeof(key)) != SP_OK)
			return (false);
	}
	return (true);
}

enum sp_code
sp_pulled_ask(const char *dir, const struct sp_pull_conf *of, uint64_t from,
    struct sp_buf *keys, uint64_t *next, bool *end, struct sp_err *err)
{
	char *request = sp_xasprintf("pulled %s %" PRIu64 " %s %s", of->name,
	    from, of->server, of->user);
	struct sp_buf reply;
	enum sp_code rc;

	sp_buf_init(&reply, SP_CONTROL_MAX);
	rc = sp_control_ask(dir, request, &reply, err);
	if (rc == SP_OK && !parse_answer(sp_buf_view(&reply), keys, next, end))
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "the index worker's answer cannot be read");
	sp_buf_done(&reply);
	free(request);
	return (rc);
}
