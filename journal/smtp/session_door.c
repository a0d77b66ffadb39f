/*
 * XSEALPOST, the private command of the local door (doc/door.md): where the
 * next message comes from (SOURCE), an event to append (EVENT), and whether all
 * that clients handed over is committed (SETTLED).  What a client may do
 * follows from its rights, which come from the kernel
 * (journal/receive/door.c).  An event goes to the owner as a message does:
 * COMMIT, then the reply.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/json.h"
#include "journal/smtp/session_priv.h"

/* Events that the receiving worker alone writes. */
static const char *const own_events[] = { "init", "heartbeat", "clock",
	"refused", "alarm" };
/* Events that a member of the archive's group may append. */
static const char *const read_events[] = { "search", "show", "export",
	"exported" };
/* Events that change what the archive's text means: an operator's alone, not
 * the service's, whose workers talk to the network. */
static const char *const operator_events[] = { "journal_accept" };
#define ACCEPT_MAX 500u /* entries that one "journal_accept" names */
/* Values of "via" that only a listener of the network can give. */
static const char *const listener_vias[] = { "smtp", "lmtp", "milter" };
/* Members of "source" that the service observes itself. */
static const char *const own_members[] = { "via", "grade", "listener", "peer",
	"local", "helo", "proto", "tls", "auth", "auth_mechanism", "operator",
	"session", "transaction", "connected", "mail_at", "last_byte",
	"wire_bytes", "lines" };

/* Whether ${name} is one of ${n} texts. */
static bool
is_one_of(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(name, list[i]) == 0)
			return (true);
	}
	return (false);
}

/* Whether ${s} has 1 to ${max} lower-case letters, digits and characters of
 * ${extra}, a letter first. */
static bool
is_name(const char *s, size_t max, const char *extra)
{
	size_t n = strlen(s);

	if (n == 0 || n > max || s[0] < 'a' || s[0] > 'z')
		return (false);
	for (size_t i = 0; i < n; i++) {
		if ((s[i] < 'a' || s[i] > 'z') && (s[i] < '0' || s[i] > '9') &&
		    strchr(extra, s[i]) == NULL)
			return (false);
	}
	return (true);
}

/* Decode base64 to a JSON object that the caller frees; NULL: it is none. */
static json_t *
decode_json(struct sp_view b64)
{
	uint8_t *raw;
	json_t *j = NULL;
	size_t n;

	raw = malloc(b64.n / 4 * 3 + 3);
	if (raw == NULL)
		return (NULL);
	if (!sp_b64_decode(b64, raw, &n) ||
	    sp_json_load(sp_view_mem(raw, n), &j, NULL) != SP_OK)
		j = NULL;
	free(raw);
	if (j != NULL && !json_is_object(j)) {
		json_decref(j);
		j = NULL;
	}
	return (j);
}

/* ---- SOURCE --------------------------------------------------------- */

/* Copy a JSON string that fits with its NUL; false: it is none, or too long. */
static bool
parse_text(const json_t *v, char *out, size_t size)
{
	if (!json_is_string(v) || json_string_length(v) >= size)
		return (false);
	memcpy(out, json_string_value(v), json_string_length(v) + 1);
	return (true);
}

/* "flags": an array of names. */
static bool
parse_flags(const json_t *v, struct sp_provenance *p)
{
	if (!json_is_array(v) || json_array_size(v) > SP_COUNTOF(p->flags))
		return (false);
	for (size_t i = 0; i < json_array_size(v); i++) {
		char *to = p->flags[i];

		if (!parse_text(
			json_array_get(v, i), to, sizeof(p->flags[i])) ||
		    !is_name(to, sizeof(p->flags[i]) - 1, "_"))
			return (false);
		p->nflags = i + 1;
	}
	return (true);
}

/* "source": its members are kept as JSON text without the braces, as they will
 * stand in the record's "source" (doc/format-record.md). */
static bool
parse_source(json_t *v, struct sp_provenance *p)
{
	const char *key;
	json_t *member;
	struct sp_buf b;
	struct sp_json j;

	if (!json_is_object(v))
		return (false);
	sp_buf_init(&b, SP_RECORD_MAX);
	sp_json_init(&j, &b);
	json_object_foreach(v, key, member)
	{
		if (is_one_of(key, own_members, SP_COUNTOF(own_members))) {
			sp_buf_done(&b);
			return (false);
		}
		sp_json_value(&j, key, member);
	}
	if (sp_json_end(&j) != SP_OK) {
		sp_buf_done(&b);
		return (false);
	}
	p->members = sp_view_dup(sp_buf_view(&b));
	sp_buf_done(&b);
	return (true);
}

/* "origin_date": text of 20 to 40 bytes; what it says is the client's word. */
static bool
parse_date(const json_t *v, struct sp_provenance *p)
{
	if (!json_is_string(v) || json_string_length(v) < 20 ||
	    json_string_length(v) > 40)
		return (false);
	p->origin_date = sp_xstrdup(json_string_value(v));
	return (true);
}

/* Understand one member of the object of SOURCE; false: unknown, or not as it
 * must be. */
static bool
parse_member(const char *key, json_t *v, struct sp_provenance *p)
{
	if (strcmp(key, "via") == 0)
		return (parse_text(v, p->via, sizeof(p->via)) &&
			is_name(p->via, sizeof(p->via) - 1, "-"));
	if (strcmp(key, "grade") == 0)
		return (parse_text(v, p->grade, sizeof(p->grade)));
	if (strcmp(key, "flags") == 0)
		return (parse_flags(v, p));
	if (strcmp(key, "origin_date") == 0)
		return (parse_date(v, p));
	if (strcmp(key, "source") == 0)
		return (parse_source(v, p));
	if (strcmp(key, "envelope") == 0 && json_is_boolean(v)) {
		p->envelope = json_is_true(v);
		return (true);
	}
	return (false);
}

/* Understand the object of SOURCE into ${p}, and look whether the client may
 * deliver that grade.  Returns the refusal, or SP_REPLY_NONE. */
static enum sp_reply
parse_provenance(
    json_t *j, const struct sp_door_rights *may, struct sp_provenance *p)
{
	const char *key;
	json_t *v;

	p->envelope = true;
	p->via[0] = p->grade[0] = '\0';
	p->nflags = 0;
	json_object_foreach(j, key, v)
	{
		if (!parse_member(key, v, p))
			return (SP_REPLY_DOOR_ARG);
	}
	if (p->via[0] == '\0' ||
	    is_one_of(p->via, listener_vias, SP_COUNTOF(listener_vias)))
		return (SP_REPLY_DOOR_ARG);
	if (strcmp(p->grade, "imported") == 0)
		return (may->operates ? SP_REPLY_NONE : SP_REPLY_DENIED);
	if (strcmp(p->grade, "pulled") == 0)
		return (may->service ? SP_REPLY_NONE : SP_REPLY_DENIED);
	/* Only the network listeners witness. */
	return (strcmp(p->grade, "witnessed") == 0 ? SP_REPLY_DENIED
						   : SP_REPLY_DOOR_ARG);
}

/* Answer XSEALPOST SOURCE. */
static void
run_source(struct sp_session *s, json_t *j, struct sp_buf *out)
{
	enum sp_reply bad;

	sp_session_provenance_done(&s->door.provenance);
	bad = parse_provenance(j, &s->door.rights, &s->door.provenance);
	if (bad != SP_REPLY_NONE) {
		sp_session_provenance_done(&s->door.provenance);
		sp_session_reply(s, bad, out);
		return;
	}
	s->door.provenance.set = true;
	sp_session_reply(s, SP_REPLY_OK, out);
}

/* ---- EVENT ---------------------------------------------------------- */

/* Whether a client may append an event of that name. */
static bool
may_event(const struct sp_door_rights *may, const char *name)
{
	if (is_one_of(name, own_events, SP_COUNTOF(own_events)))
		return (false);
	if (is_one_of(name, operator_events, SP_COUNTOF(operator_events)))
		return (may->operates);
	if (may->operates || may->service)
		return (true);
	return (may->reader &&
		is_one_of(name, read_events, SP_COUNTOF(read_events)));
}

/* Whether "seqs" of "journal_accept" names entries, and not too many: numbers,
 * or pairs [first, last]. */
static bool
is_acceptance(const json_t *detail)
{
	const json_t *seqs = json_object_get(detail, "seqs"), *v;
	json_int_t n = 0;
	size_t i;

	if (!json_is_array(seqs))
		return (false);
	json_array_foreach(seqs, i, v)
	{
		const json_t *a = json_is_array(v) ? json_array_get(v, 0) : v;
		const json_t *b = json_is_array(v) ? json_array_get(v, 1) : v;
		json_int_t first = json_integer_value(a);
		json_int_t last = json_integer_value(b);

		if (!json_is_integer(a) || !json_is_integer(b) || first < 0 ||
		    last < first || last - first >= (json_int_t)ACCEPT_MAX ||
		    (json_is_array(v) && json_array_size(v) != 2))
			return (false);
		n += last - first + 1;
		if (n > (json_int_t)ACCEPT_MAX)
			return (false);
	}
	return (n > 0);
}

/* Understand {"event":NAME,"detail":{...}} and keep the name. */
static bool
parse_event(struct sp_session *s, json_t *j)
{
	json_t *detail = json_object_get(j, "detail");

	if (json_object_size(j) != 2 || !json_is_object(detail))
		return (false);
	return (
	    parse_text(json_object_get(j, "event"), s->door.event_name,
		sizeof(s->door.event_name)) &&
	    is_name(s->door.event_name, sizeof(s->door.event_name) - 1, "_-"));
}

/* The detail of an event as it will stand in the record, malloc'ed; NULL: more
 * than a record holds. */
static char *
detail_text(json_t *detail)
{
	struct sp_buf b;
	struct sp_json w;

	sp_buf_init(&b, SP_RECORD_MAX);
	sp_json_init(&w, &b);
	sp_json_value(&w, NULL, detail);
	if (sp_json_end(&w) == SP_OK)
		return (sp_buf_take(&b, NULL));
	sp_buf_done(&b);
	return (NULL);
}

/* Whether the owner takes an event of ${bytes} of this client now; else it is
 * answered. */
static bool
has_room_for_event(struct sp_session *s, uint64_t bytes, struct sp_buf *out)
{
	enum sp_code rc = s->env->may_event == NULL
			      ? SP_OK
			      : s->env->may_event(s->env->ctx, &s->door.rights,
				    s->door.uid, bytes);

	if (rc == SP_OK)
		return (true);
	sp_session_reply(s,
	    rc == SP_ENOSPC   ? SP_REPLY_EVENT_DISK
	    : rc == SP_ELIMIT ? SP_REPLY_EVENT_SIZE
			      : SP_REPLY_EVENT_RATE,
	    out);
	return (false);
}

/* Answer XSEALPOST EVENT: refuse it, or let the owner commit the event. */
static void
run_event(struct sp_session *s, json_t *j, struct sp_buf *out)
{
	if (!parse_event(s, j)) {
		sp_session_reply(s, SP_REPLY_DOOR_ARG, out);
		return;
	}
	if (!may_event(&s->door.rights, s->door.event_name)) {
		sp_session_reply(s, SP_REPLY_DENIED, out);
		return;
	}
	free(s->door.event_detail);
	s->door.event_detail = NULL;
	if (strcmp(s->door.event_name, "journal_accept") != 0 ||
	    is_acceptance(json_object_get(j, "detail")))
		s->door.event_detail =
		    detail_text(json_object_get(j, "detail"));
	if (s->door.event_detail == NULL) {
		sp_session_reply(s, SP_REPLY_DOOR_ARG, out);
		return;
	}
	if (!has_room_for_event(s, strlen(s->door.event_detail), out)) {
		free(s->door.event_detail);
		s->door.event_detail = NULL;
		return;
	}
	s->door.event = (struct sp_event){
		.name = s->door.event_name,
		.actor = sp_view_str(s->door.actor),
		.detail = sp_view_str(s->door.event_detail),
	};
	s->entry.item =
	    (struct sp_append_item){ .event = &s->door.event, .fd = -1 };
	s->mode = SP_MODE_COMMIT;
}

/* An event is refused while the log is on hold; whether there is room for it
 * is the owner's to say. */
void
sp_session_xsealpost(
    struct sp_session *s, struct sp_view arg, struct sp_buf *out)
{
	struct sp_view rest = arg, what = sp_view_cut(&rest, ' ');
	bool is_event = sp_view_ieq_str(what, "EVENT");
	const char *why = NULL;
	json_t *j;

	if (!s->env->door) {
		sp_session_reply(s, SP_REPLY_UNKNOWN, out);
		return;
	}
	if (s->phase != SP_PHASE_READY) {
		sp_session_reply(s,
		    s->phase == SP_PHASE_GREETED ? SP_REPLY_NEED_HELO
						 : SP_REPLY_IN_MAIL,
		    out);
		return;
	}
	if (sp_view_ieq_str(what, "SETTLED")) {
		if (s->env->settled == NULL || s->env->settled(s->env->ctx))
			sp_session_reply(s, SP_REPLY_OK, out);
		else
			sp_session_reply_format(s, out,
			    "450 4.5.0 A client that has gone left something in work; ask again");
		return;
	}
	if (is_event && s->env->may_begin != NULL &&
	    s->env->may_begin(s->env->ctx, 0, &why) == SP_EAGAIN) {
		sp_session_reply_format(s, out, "451 4.3.0 %s", why);
		return;
	}
	j = is_event || sp_view_ieq_str(what, "SOURCE")
		? decode_json(sp_view_trim(rest))
		: NULL;
	if (j == NULL)
		sp_session_reply(s, SP_REPLY_DOOR_ARG, out);
	else if (is_event)
		run_event(s, j, out);
	else
		run_source(s, j, out);
	json_decref(j);
}
