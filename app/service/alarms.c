/*
 * The register of alarms (alarms.h): raising, clearing, repeating,
 * acknowledging, and the notices that come of it.  Its form on disk is
 * alarms_state.c.
 */
#include "app/service/alarms.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/time_text.h"

#define HOLD	    (10 * SP_SECOND) /* between cleared and ended */
#define HOLD_MAX    (3600 * SP_SECOND)
#define RETURN_TIME (3600 * SP_SECOND) /* back within it: it flickers */
#define DAY	    (86400 * SP_SECOND)
#define NOTICES_MAX 512 /* that wait; beyond it the oldest go */
#define NOTICE_MAX  (32u << 10) /* bytes of one notice's JSON */

/* Causes of which nobody sees the end, by their beginning: they end after so
 * many seconds without a report. */
static const struct {
	const char *cause;
	int64_t quiet;
} quiet_ends[] = {
	{ "worker_restart:", 600 },
	{ "service_down", 3600 },
	{ "clock_step", 3600 },
	{ "index_damaged", 3600 },
	{ "pull_lost:", 3600 },
	{ "many", 600 },
};

/* Seconds of quiet after which ${cause} ends by itself; 0: it does not. */
static int64_t
quiet_seconds(const char *cause)
{
	for (size_t i = 0; i < SP_COUNTOF(quiet_ends); i++) {
		if (strncmp(cause, quiet_ends[i].cause,
			strlen(quiet_ends[i].cause)) == 0)
			return (quiet_ends[i].quiet);
	}
	return (0);
}

/* ---- texts --------------------------------------------------------------- */

/* How many bytes of ${v} at ${i} are one character that may stand as it is; 0
 * if the byte there must be escaped. */
static size_t
printable(struct sp_view v, size_t i)
{
	const unsigned char c = (unsigned char)v.p[i];
	const size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

	if (c < 0x20 || c == 0x7f || n > v.n - i ||
	    !sp_view_is_utf8(sp_view_mem(v.p + i, n)))
		return (0);
	/* C1 controls act on terminals too. */
	return (c == 0xc2 && (unsigned char)v.p[i + 1] < 0xa0 ? 0 : n);
}

/* ${text} as UTF-8 without control bytes: any other byte becomes \xNN.  What is
 * beyond the limit is cut off, and how much is said. */
static char *
clean_text(struct sp_view text)
{
	struct sp_buf b;
	size_t i = 0;
	char *clean;

	sp_buf_init(&b, SP_ALARMS_TEXT_MAX + 64);
	while (i < text.n && b.n + 4 <= SP_ALARMS_TEXT_MAX) {
		const size_t n = printable(text, i);

		if (n > 0)
			(void)!sp_buf_add(&b, text.p + i, n);
		else
			(void)!sp_buf_addf(
			    &b, "\\x%02x", (unsigned char)text.p[i]);
		i += n > 0 ? n : 1;
	}
	if (i < text.n)
		(void)!sp_buf_addf(&b, "... (%zu bytes more)", text.n - i);
	clean = sp_view_dup(sp_buf_view(&b));
	sp_buf_done(&b);
	return (clean);
}

/* A cause is one word of printable ASCII: names in it may be anything. */
static void
clean_cause(struct sp_view cause, char out[SP_ALARMS_CAUSE_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < cause.n && n + 1 < SP_ALARMS_CAUSE_MAX; i++) {
		const unsigned char c = (unsigned char)cause.p[i];

		out[n++] = c <= 0x20 || c >= 0x7f || c == '"' || c == '\\'
			       ? '_'
			       : (char)c;
	}
	out[n] = '\0';
}

/* ---- notices ------------------------------------------------------------- */

void
sp_alarms_write_time(struct sp_json *j, const char *key, int64_t us)
{
	char text[SP_TIME_LEN + 1];

	if (us == 0)
		return;
	sp_time_format(us, text);
	sp_json_cstr(j, key, text);
}

/* The members that entry, mail and command have alike. */
static void
write_alarm(struct sp_json *j, const struct sp_alarm *x, const char *state)
{
	sp_json_cstr(j, "state", state);
	sp_json_cstr(j, "cause", x->cause);
	sp_json_u64(j, "id", x->id);
	sp_alarms_write_time(j, "since", x->begun);
	sp_alarms_write_time(j, "last", x->last);
	sp_alarms_write_time(j, "ended", x->ended);
	sp_json_u64(j, "count", x->count);
}

/* The JSON object of a notice: for people if ${archive}, else the entry's. */
static char *
notice_json(const struct sp_alarm *x, const char *state, const char *archive,
    int64_t wall)
{
	struct sp_json j;
	struct sp_buf b;
	char *text;

	sp_buf_init(&b, NOTICE_MAX);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	if (archive != NULL) {
		sp_alarms_write_time(&j, "time", wall);
		sp_json_cstr(&j, "worker", x->worker);
		sp_json_cstr(&j, "archive", archive);
		sp_json_cstr(&j, "alarm", x->text);
	}
	write_alarm(&j, x, state);
	if (archive == NULL) {
		sp_json_cstr(&j, "worker", x->worker);
		sp_json_cstr(&j, "text", x->text);
	}
	sp_json_obj_end(&j);
	text = sp_json_end(&j) == SP_OK ? sp_view_dup(sp_buf_view(&b))
					: sp_xstrdup("{}");
	sp_buf_done(&b);
	return (text);
}

static void
free_notice(struct sp_alarm_notice *n)
{
	free(n->entry);
	free(n->mail);
	free(n);
}

/* Where too many wait (a disk that stays full for weeks), the oldest that is
 * not in work is given up: the alarm itself is still in the list. */
static void
limit_notices(struct sp_alarms *a)
{
	struct sp_alarm_notice **at = &a->notices, *n;
	size_t count = 0;

	for (n = a->notices; n != NULL; n = n->next)
		count++;
	while (*at != NULL && count > NOTICES_MAX) {
		n = *at;
		if (n->entry_request != 0 || n->mail_request != 0) {
			at = &n->next;
			continue;
		}
		*at = n->next;
		free_notice(n);
		count--;
	}
}

/* Tell that ${x} is in ${state} now: a log line, an entry, a mail. */
static void
notify(struct sp_alarms *a, struct sp_alarm *x, const char *state, int64_t wall)
{
	struct sp_alarm_notice *n = sp_xcalloc(1, sizeof(*n)), **at;

	*n = (struct sp_alarm_notice){ .entry =
					   notice_json(x, state, NULL, wall),
		.mail = notice_json(x, state, a->archive, wall),
		.entry_due = true,
		.mail_due = true,
		.way = "all" };
	for (at = &a->notices; *at != NULL; at = &(*at)->next)
		;
	*at = n;
	limit_notices(a);
	x->told = wall;
	a->changed = true;
	if (a->log != NULL)
		a->log(x, state);
}

void
sp_alarms_forget_done(struct sp_alarms *a)
{
	struct sp_alarm_notice **at = &a->notices, *n;

	while ((n = *at) != NULL) {
		if (n->entry_due || n->mail_due) {
			at = &n->next;
			continue;
		}
		*at = n->next;
		free_notice(n);
		a->changed = true;
	}
}

/* ---- alarms -------------------------------------------------------------- */

struct sp_alarms *
sp_alarms_new(const char *dir)
{
	struct sp_alarms *a = sp_xcalloc(1, sizeof(*a));

	a->archive = sp_xstrdup(dir);
	return (a);
}

static void
free_alarm(struct sp_alarm *x)
{
	free(x->worker);
	free(x->text);
	free(x->by);
	free(x->note);
	free(x);
}

void
sp_alarms_free(struct sp_alarms *a)
{
	struct sp_alarm *x;
	struct sp_alarm_notice *n;

	if (a == NULL)
		return;
	while ((x = a->open) != NULL) {
		a->open = x->next;
		free_alarm(x);
	}
	while ((x = a->ended) != NULL) {
		a->ended = x->next;
		free_alarm(x);
	}
	while ((n = a->notices) != NULL) {
		a->notices = n->next;
		free_notice(n);
	}
	free(a->archive);
	free(a);
}

struct sp_alarm *
sp_alarms_find(const struct sp_alarms *a, struct sp_view key)
{
	uint64_t id = 0;
	const bool number = sp_view_u64(key, &id);

	for (struct sp_alarm *x = a->open; x != NULL; x = x->next) {
		if (sp_view_eq_str(key, x->cause) || (number && x->id == id))
			return (x);
	}
	return (NULL);
}

/* How often ${cause} has come back, each time within an hour of its last end:
 * it was open at ${wall} less an hour or later. */
static unsigned
count_returns(const struct sp_alarms *a, const char *cause, int64_t wall)
{
	for (const struct sp_alarm *x = a->ended; x != NULL; x = x->next) {
		if (strcmp(x->cause, cause) == 0)
			return (
			    x->ended > wall - RETURN_TIME ? x->returns + 1 : 0);
	}
	return (0);
}

static size_t
count_open(const struct sp_alarms *a)
{
	size_t n = 0;

	for (const struct sp_alarm *x = a->open; x != NULL; x = x->next)
		n++;
	return (n);
}

/* The text of the last report is kept, since it says how things are now. */
void
sp_alarms_raise(struct sp_alarms *a, const char *worker, struct sp_view cause,
    uint64_t n, struct sp_view text, int64_t wall, int64_t boot)
{
	char name[SP_ALARMS_CAUSE_MAX];
	struct sp_alarm *x;
	bool fresh;

	clean_cause(cause, name);
	x = sp_alarms_find(a, sp_view_str(name));
	if (x == NULL && count_open(a) >= SP_ALARMS_OPEN_MAX) {
		(void)snprintf(name, sizeof(name), "%s", "many");
		text = sp_view_str(
		    "more alarms are open than are kept apart; see the log lines of the service");
		x = sp_alarms_find(a, sp_view_str(name));
	}
	fresh = x == NULL;
	if (fresh) {
		x = sp_xcalloc(1, sizeof(*x));
		x->id = ++a->last_id;
		memcpy(x->cause, name, sizeof(x->cause));
		x->begun = wall;
		x->returns = count_returns(a, name, wall);
		x->next = a->open;
		a->open = x;
		a->begun++;
	}
	free(x->worker);
	free(x->text);
	x->worker = sp_xstrdup(worker);
	x->text = clean_text(text);
	x->count += n > 0 ? n : 1;
	x->last = wall;
	x->raised = boot;
	x->cleared = 0;
	a->counted = true;
	if (fresh)
		notify(a, x, "begin", wall);
}

void
sp_alarms_clear(struct sp_alarms *a, struct sp_view cause, struct sp_view text,
    int64_t boot)
{
	char name[SP_ALARMS_CAUSE_MAX];
	struct sp_alarm *x;

	clean_cause(cause, name);
	for (x = a->open; x != NULL; x = x->next) {
		if (strcmp(x->cause, name) != 0 || x->cleared != 0)
			continue;
		x->cleared = boot > 0 ? boot : 1;
		if (text.n > 0) {
			free(x->text);
			x->text = clean_text(text);
		}
	}
}

/* Whether the open alarm is over at ${boot}. */
static bool
is_over(const struct sp_alarm *x, int64_t boot)
{
	const int64_t quiet = quiet_seconds(x->cause) * SP_SECOND;
	int64_t hold = HOLD;

	for (unsigned i = 0; i < x->returns && hold < HOLD_MAX; i++)
		hold *= 2;
	hold = hold < HOLD_MAX ? hold : HOLD_MAX;
	if (x->cleared != 0)
		return (boot - x->cleared >= hold);
	return (quiet > 0 && boot - x->raised >= quiet);
}

/* Only the newest of the ended ones are kept. */
static void
limit_ended(struct sp_alarms *a)
{
	struct sp_alarm **at = &a->ended, *x;

	for (size_t i = 0; *at != NULL && i < SP_ALARMS_ENDED_MAX; i++)
		at = &(*at)->next;
	while ((x = *at) != NULL) {
		*at = x->next;
		free_alarm(x);
	}
}

/* An alarm that was cleared and waits for its end is not repeated. */
void
sp_alarms_tick(struct sp_alarms *a, int64_t wall, int64_t boot)
{
	struct sp_alarm **at = &a->open, *x;

	while ((x = *at) != NULL) {
		/* Of one that is older than the last restart nobody knows yet
		 * when it was raised last: its quiet begins now. */
		if (x->raised == 0)
			x->raised = boot > 0 ? boot : 1;
		if (is_over(x, boot)) {
			*at = x->next;
			x->ended = wall > x->begun ? wall : x->begun;
			x->next = a->ended;
			a->ended = x;
			notify(a, x, "ended", wall);
			continue;
		}
		/* The wall clock may have been set back. */
		if (x->told > wall)
			x->told = wall;
		if (!x->acknowledged && x->cleared == 0 &&
		    wall - x->told >= DAY)
			notify(a, x, "repeat", wall);
		at = &x->next;
	}
	limit_ended(a);
}

void
sp_alarms_acknowledge(struct sp_alarms *a, struct sp_alarm *alarm,
    struct sp_view by, struct sp_view note, int64_t wall)
{
	free(alarm->by);
	free(alarm->note);
	alarm->by = clean_text(by);
	alarm->note = note.n > 0 ? clean_text(note) : NULL;
	alarm->acknowledged = true;
	alarm->acknowledged_at = wall;
	a->changed = true;
}
