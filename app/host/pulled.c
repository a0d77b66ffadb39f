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
#include "journal/pull/pull.h"

/* One answer is bounded: the worker has other work, a reply 96 KiB. */
#define ENTRIES_MAX 20000 /* looked through */
#define FOUND_MAX   1300 /* messages found */
#define KEYS_MAX    (FOUND_MAX * sizeof(struct sp_pull_entry))

/* Whether the member of ${source} is this text. */
static bool
member_is(const json_t *source, const char *member, const char *text)
{
	const char *have = json_string_value(json_object_get(source, member));

	return (have != NULL && strcmp(have, text) == 0);
}

/* Whether the record says that what came was not the message that the server
 * announced (doc/mail-flags.md): such an entry is evidence, no capture. */
static bool
is_doubtful(const json_t *record)
{
	static const char *const flags[] = { "short", "substitute",
		"inconsistent" };
	const json_t *flag;
	size_t i;

	json_array_foreach(json_object_get(record, "flags"), i, flag)
	{
		for (size_t k = 0; k < SP_COUNTOF(flags); k++) {
			if (json_is_string(flag) &&
			    strcmp(json_string_value(flag), flags[k]) == 0)
				return (true);
		}
	}
	return (false);
}

/* The first bytes of the message's SHA-256; zeros where the record has none. */
static void
content_of(const json_t *record, uint8_t content[SP_IDS_CONTENT])
{
	const json_t *message = json_object_get(record, "message");
	struct sp_view hex =
	    sp_view_str(json_string_value(json_object_get(message, "sha256")));

	if (hex.n > 2 * SP_IDS_CONTENT)
		hex.n = 2 * SP_IDS_CONTENT;
	if (!sp_hex_decode(hex, content, SP_IDS_CONTENT))
		memset(content, 0, SP_IDS_CONTENT);
}

/* What the puller must know of the message of ${record}, if that was pulled
 * from the mailbox ${of}: by its UIDL, or by mailbox, UIDVALIDITY and UID.
 * False: it was not. */
static bool
entry_of(struct sp_view record, const struct sp_pull_conf *of,
    struct sp_pull_entry *out)
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
		if (ok) {
			sp_ids_key(mailbox, validity, uid, out->key);
			content_of(j, out->content);
			out->doubtful = is_doubtful(j);
		}
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
	struct sp_pull_entry one;
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
		if (*next - from >= ENTRIES_MAX || found >= FOUND_MAX)
			break;
		rc = sp_reader_next(r, &e, err);
		memset(&one, 0, sizeof(one));
		if (rc != SP_OK || !e.has_record ||
		    !entry_of(e.record, of, &one))
			continue;
		rc = sp_buf_add(keys, &one, sizeof(one));
		found++;
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

	sp_buf_init(&keys, KEYS_MAX);
	rc = user.p != NULL && sp_view_u64(from, &at)
		 ? sp_pulled_scan(dir, &of, at, &keys, &next, &end, err)
		 : sp_err_set(
		       err, SP_EUSAGE, 0, "pulled ACCOUNT FROM HOST USER");
	if (rc == SP_OK)
		rc = sp_buf_addf(
		    text, "%" PRIu64 " %s", next, end ? "end" : "more");
	for (size_t i = 0; rc == SP_OK && i < keys.n;
	     i += sizeof(struct sp_pull_entry)) {
		char key[2 * SP_IDS_KEY + 1], content[2 * SP_IDS_CONTENT + 1];
		struct sp_pull_entry e;

		memcpy(&e, keys.p + i, sizeof(e));
		sp_hex_encode(e.key, SP_IDS_KEY, key);
		sp_hex_encode(e.content, SP_IDS_CONTENT, content);
		rc = sp_buf_addf(
		    text, " %s%c%s", key, e.doubtful ? '?' : '=', content);
	}
	sp_buf_done(&keys);
	free(of.name);
	free(of.server);
	free(of.user);
	return (rc);
}

/* Read "KEY=CONTENT", or "KEY?CONTENT" of evidence. */
static bool
parse_entry(struct sp_view word, struct sp_pull_entry *out)
{
	const size_t n = 2 * sizeof(out->key);

	memset(out, 0, sizeof(*out));
	if (word.n <= n || (word.p[n] != '=' && word.p[n] != '?'))
		return (false);
	out->doubtful = word.p[n] == '?';
	return (
	    sp_hex_decode(sp_view_mem(word.p, n), out->key, sizeof(out->key)) &&
	    sp_hex_decode(sp_view_mem(word.p + n + 1, word.n - n - 1),
		out->content, sizeof(out->content)));
}

/* The text "NEXT more|end ENTRY ENTRY ..."; the entries are appended to
 * ${keys}.  False: it is not of that form. */
static bool
parse_answer(
    struct sp_view rest, struct sp_buf *keys, uint64_t *next, bool *end)
{
	struct sp_view word = sp_view_cut(&rest, ' ');
	struct sp_pull_entry e;

	if (!sp_view_u64(word, next))
		return (false);
	word = sp_view_cut(&rest, ' ');
	*end = sp_view_eq_str(word, "end");
	if (!*end && !sp_view_eq_str(word, "more"))
		return (false);
	while (rest.n > 0) {
		if (!parse_entry(sp_view_cut(&rest, ' '), &e) ||
		    sp_buf_add(keys, &e, sizeof(e)) != SP_OK)
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
