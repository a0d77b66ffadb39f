/*
 * The supervisor's part of alarms (supervisor_alarms_priv.h).  Workers report
 * causes over their channels, here they become alarms; each notice goes to
 * receive, which appends it to the log, and to pull, which tells people:
 *
 *	worker --alarm, clear--> register --notice--> receive --> the log
 *	                             |   '----------> pull ----> command, mail
 *	                             '--> state/alarms
 *
 * A worker that is down, a full disk, a log that is on hold: what could not be
 * done is tried again, and the two ways do not wait for each other.  So an alarm
 * that says that the disk is full is told at once, and is entered into the log
 * when there is room.  A failure of ours raises no alarm.
 */
#include "app/service/supervisor_alarms_priv.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "app/common/account.h"
#include "app/host/verified.h"
#include "app/service/alarms.h"
#include "app/service/child_priv.h"
#include "app/service/serving.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/layout.h"
#include "base/log.h"
#include "base/time_text.h"

#define ENTRY_RETRY (5 * SP_SECOND) /* the log did not take an entry */
#define MAIL_RETRY  (30 * SP_SECOND) /* command or mail failed */
#define SAVE_RETRY  (30 * SP_SECOND) /* state/alarms was not written */
#define SAVE_COUNTS (60 * SP_SECOND) /* where only counts have changed */
#define ALIVE	    (60 * SP_SECOND) /* state/serving is written so often */
#define STUCK	    (300 * SP_SECOND) /* a worker that says nothing */
#define STUCK_INDEX (1800 * SP_SECOND) /* a round of it may take long */
#define AWAY	    (60 * SP_SECOND) /* between two turns of our loop */
#define VERIFY_LOOK (10 * SP_SECOND) /* the note of the last verify */
#define LIST_TEXT   700 /* bytes of a text in the reply to `alarms` */

/* The log line of an alarm.  A worker writes none: the same cause would have
 * one for each report. */
static void
log_alarm(const struct sp_alarm *x, const char *state)
{
	char quoted[SP_ALARMS_TEXT_MAX];
	const bool ended = strcmp(state, "ended") == 0;

	(void)sp_log_quote(sp_view_str(x->text), quoted, sizeof(quoted));
	if (ended)
		sp_log(SP_LOG_INFO, "alarm_ended",
		    "cause=%s count=%" PRIu64 " text=%s", x->cause, x->count,
		    quoted);
	else
		sp_log(SP_LOG_ERROR, "alarm",
		    "state=%s cause=%s by=%s count=%" PRIu64 " text=%s", state,
		    x->cause, x->worker, x->count, quoted);
}

void
sp_supervisor_alarms_raise(struct sp_supervisor *s, const char *who,
    struct sp_view cause, uint64_t n, struct sp_view text)
{
	sp_alarms_raise(
	    s->alarms, who, cause, n, text, sp_clock_wall(), sp_clock_boot());
}

void
sp_supervisor_alarms_begin(
    struct sp_supervisor *s, const char *cause, const char *text)
{
	sp_supervisor_alarms_raise(
	    s, "supervisor", sp_view_str(cause), 1, sp_view_str(text));
}

void
sp_supervisor_alarms_end(struct sp_supervisor *s, const char *cause)
{
	sp_alarms_clear(
	    s->alarms, sp_view_str(cause), sp_view_str(""), sp_clock_boot());
}

/* ---- files --------------------------------------------------------------- */

/* Act as the archive's account, whose files these are; false: it is not known,
 * and nothing is written. */
static bool
enter_account(const struct sp_supervisor *s, struct sp_account *acct)
{
	if (sp_account_find(s->app->dir, s->app->cfg, acct, NULL) != SP_OK)
		return (false);
	sp_account_enter(acct);
	return (true);
}

/* Write state/serving, saying that we run. */
static void
note_running(struct sp_supervisor *s)
{
	const struct sp_serving now = { .state = SP_SERVING_RUNNING,
		.since = s->since,
		.alive = sp_clock_wall() };
	struct sp_account acct;

	s->alive_at = sp_clock_boot() + ALIVE;
	if (!enter_account(s, &acct))
		return;
	(void)!sp_serving_write(s->app->dir, &now, NULL);
	sp_account_leave(&acct);
}

/* Write state/alarms.  A failure is logged once until it succeeds. */
static void
save(struct sp_supervisor *s)
{
	char *path = sp_layout_path(s->app->dir, "state/alarms");
	struct sp_account acct;
	struct sp_buf b;
	struct sp_err err = { .msg = "no account" };
	enum sp_code rc = SP_EIO;

	sp_buf_init(&b, SP_ALARMS_STATE_MAX);
	if (enter_account(s, &acct)) {
		rc = sp_alarms_save(s->alarms, &b);
		if (rc == SP_OK)
			rc = sp_io_replace(path, b.p, b.n, 0640, &err);
		sp_account_leave(&acct);
	}
	if (rc == SP_OK) {
		s->alarms->changed = s->alarms->counted = false;
		s->save_failed = false;
		s->save_at = sp_clock_boot() + SAVE_COUNTS;
	} else {
		if (!s->save_failed)
			sp_worker_log_err(
			    SP_LOG_WARN, "alarms_not_saved", &err);
		s->save_failed = true;
		s->save_at = sp_clock_boot() + SAVE_RETRY;
	}
	sp_buf_done(&b);
	free(path);
}

/* Read state/alarms; a missing file is an empty register. */
static void
load(struct sp_supervisor *s)
{
	char *path = sp_layout_path(s->app->dir, "state/alarms");
	struct sp_buf b;
	struct sp_err err;
	enum sp_code rc;

	sp_buf_init(&b, SP_ALARMS_STATE_MAX);
	rc = sp_io_read_file(path, SP_ALARMS_STATE_MAX, &b, &err);
	if (rc == SP_OK)
		rc = sp_alarms_load(s->alarms, sp_buf_view(&b), &err);
	if (rc != SP_OK && rc != SP_ENOTFOUND)
		sp_worker_log_err(SP_LOG_WARN, "alarms_not_loaded", &err);
	sp_buf_done(&b);
	free(path);
}

/* Raise the alarm of a service that ended other than by order. */
static void
look_at_last_end(struct sp_supervisor *s)
{
	char alive[SP_TIME_LEN + 1], since[SP_TIME_LEN + 1], *text;
	struct sp_serving last;

	sp_serving_read(s->app->dir, &last);
	if (last.state != SP_SERVING_RUNNING)
		return;
	sp_time_format(last.since, since);
	sp_time_format(last.alive, alive);
	text = sp_xasprintf(
	    "the service that started at %s ended other than by order (a crash, a kill, a power cut) within a minute after %s; from then until this start nothing was taken in",
	    since, alive);
	sp_supervisor_alarms_begin(s, "service_down", text);
	free(text);
}

void
sp_supervisor_alarms_open(struct sp_supervisor *s)
{
	s->alarms = sp_alarms_new(s->app->dir);
	s->alarms->log = log_alarm;
	s->since = sp_clock_wall();
	load(s);
	look_at_last_end(s);
	sp_supervisor_alarms_configured(s);
}

/* Notices that are left go into the file, for the next start. */
void
sp_supervisor_alarms_close(struct sp_supervisor *s, bool ok, const char *reason)
{
	struct sp_serving now = { .state = ok ? SP_SERVING_STOPPED
					      : SP_SERVING_FAILED,
		.since = sp_clock_wall() };
	struct sp_account acct;
	struct sp_serving last;

	if (s->alarms == NULL)
		return;
	(void)snprintf(now.reason, sizeof(now.reason), "%s", reason);
	if (enter_account(s, &acct)) {
		/* A start that failed does not hide how the one before
		 * ended. */
		sp_serving_read(s->app->dir, &last);
		if (ok || last.state != SP_SERVING_RUNNING)
			(void)!sp_serving_write(s->app->dir, &now, NULL);
		sp_account_leave(&acct);
	}
	if (ok)
		save(s);
	sp_alarms_free(s->alarms);
	s->alarms = NULL;
}

/* ---- notices ------------------------------------------------------------- */

/* Ask receive for the entry of the oldest notice that has none: one at a time,
 * so that they stand in the log in their order. */
static void
send_entry(struct sp_supervisor *s, int64_t boot)
{
	struct sp_alarm_notice *n = s->alarms->notices;
	char *line;

	while (n != NULL && !n->entry_due)
		n = n->next;
	if (n == NULL || n->entry_request != 0 || boot < n->entry_at)
		return;
	line = sp_xasprintf("alarm %s", n->entry);
	n->entry_at = boot + ENTRY_RETRY;
	if (sp_child_send(s, SP_WORKER_RECEIVE, s->last_id + 1, line))
		n->entry_request = ++s->last_id;
	free(line);
}

/* Give pull the oldest notice that waits for its turn: one at a time. */
static void
send_mail(struct sp_supervisor *s, int64_t boot)
{
	struct sp_alarm_notice *next = NULL;
	char *line;

	for (struct sp_alarm_notice *n = s->alarms->notices; n != NULL;
	     n = n->next) {
		if (n->mail_request != 0)
			return;
		if (next == NULL && n->mail_due && boot >= n->mail_at)
			next = n;
	}
	if (next == NULL)
		return;
	line = sp_xasprintf("alarm %s %s", next->way, next->mail);
	next->mail_at = boot + SP_SECOND;
	if (sp_child_send(s, SP_WORKER_PULL, s->last_id + 1, line))
		next->mail_request = ++s->last_id;
	free(line);
}

/* What is left to do of a mail, as pull's refusal says: its first word. */
static const char *
way_left(const char *now, const char *text)
{
	static const char *const ways[] = { "command", "mail" };

	for (size_t i = 0; i < SP_COUNTOF(ways); i++) {
		if (strncmp(text, ways[i], strlen(ways[i])) == 0 &&
		    text[strlen(ways[i])] == ' ')
			return (ways[i]);
	}
	return (now);
}

/* What failed stays due, and is sent again after a pause. */
bool
sp_supervisor_alarms_answer(
    struct sp_supervisor *s, uint64_t id, struct sp_view text)
{
	struct sp_alarm_notice *n = s->alarms->notices;
	struct sp_err err = { .msg = "" };
	struct sp_buf body;
	bool ok;

	while (n != NULL && n->entry_request != id && n->mail_request != id)
		n = n->next;
	if (n == NULL)
		return (false);
	sp_buf_init(&body, SP_CONTROL_MAX);
	ok = sp_control_parse(text, &body, &err) == SP_OK;
	sp_buf_done(&body);
	if (n->entry_request == id) {
		n->entry_request = 0;
		n->entry_due = !ok;
	} else {
		n->mail_request = 0;
		n->mail_due = !ok;
		if (!ok) {
			n->way = way_left(n->way, err.msg);
			n->mail_at = sp_clock_boot() + MAIL_RETRY;
		}
	}
	sp_alarms_forget_done(s->alarms);
	return (true);
}

void
sp_supervisor_alarms_fail(struct sp_supervisor *s, enum sp_worker_role role)
{
	for (struct sp_alarm_notice *n = s->alarms->notices; n != NULL;
	     n = n->next) {
		if (role == SP_WORKER_RECEIVE)
			n->entry_request = 0;
		if (role == SP_WORKER_PULL)
			n->mail_request = 0;
	}
}

/* ---- workers that say nothing -------------------------------------------- */

/* The index has its own cause, which it also raises itself. */
static void
write_stuck_cause(enum sp_worker_role role, char out[64])
{
	if (role == SP_WORKER_INDEX)
		(void)snprintf(out, 64, "index_stuck");
	else
		(void)snprintf(
		    out, 64, "worker_stuck:%s", sp_worker_names[role]);
}

void
sp_supervisor_alarms_alive(struct sp_supervisor *s, enum sp_worker_role role)
{
	char cause[64];

	s->child[role].alive = sp_clock_boot();
	if (!s->child[role].stuck)
		return;
	s->child[role].stuck = false;
	write_stuck_cause(role, cause);
	sp_supervisor_alarms_end(s, cause);
}

/* Microseconds of silence after which a worker is stuck.  Tests shorten it. */
static int64_t
stuck_after(enum sp_worker_role role)
{
#ifdef SP_FAULTS
	const char *text = getenv("SP_STUCK_SECONDS");
	uint64_t seconds;

	if (text != NULL && sp_view_u64(sp_view_str(text), &seconds))
		return ((int64_t)seconds * SP_SECOND);
#endif
	return (role == SP_WORKER_INDEX ? STUCK_INDEX : STUCK);
}

/* Raise the alarm of a worker that is up and has said nothing for too long: a
 * disk or a file system that hangs, a message that takes for ever, a process
 * that was stopped.  Where we were not running ourselves (a suspended machine),
 * nobody could have been heard. */
static void
look_for_stuck(struct sp_supervisor *s, int64_t boot)
{
	const bool away = boot - s->step_at > AWAY;
	char cause[64], text[300];

	s->step_at = boot;
	for (enum sp_worker_role r = 0; r < SP_WORKERS; r++) {
		struct sp_child *c = &s->child[r];

		if (away)
			c->alive = boot;
		if (c->pid == 0 || c->stuck || boot - c->alive < stuck_after(r))
			continue;
		c->stuck = true;
		write_stuck_cause(r, cause);
		(void)snprintf(text, sizeof(text),
		    "the %s worker (pid %d) has not gone on for %" PRId64
		    " s: look whether its process is stopped or its disk hangs%s",
		    sp_worker_names[r], (int)c->pid,
		    (boot - c->alive) / SP_SECOND,
		    r == SP_WORKER_INDEX
			? ", or one message takes so long; mail is received and kept, searches lack it"
			: "");
		sp_supervisor_alarms_begin(s, cause, text);
	}
}

/* ---- verify -------------------------------------------------------------- */

/* Judge the note that the last `sealpost verify` of the archive left: each note
 * once, also over a restart of ours, so that the count is that of the runs. */
static void
look_at_verify(struct sp_supervisor *s, int64_t boot)
{
	const struct sp_alarm *open;
	char at[SP_TIME_LEN + 1], *text;
	struct sp_verified v;

	if (boot < s->verify_at)
		return;
	s->verify_at = boot + VERIFY_LOOK;
	sp_verified_read(s->app->dir, &v);
	if (v.at == 0 || v.at == s->verified)
		return;
	s->verified = v.at;
	if (v.status == 0) {
		sp_supervisor_alarms_end(s, "verify");
		return;
	}
	open = sp_alarms_find(s->alarms, sp_view_str("verify"));
	if (open != NULL && open->last >= v.at)
		return;
	sp_time_format(v.at, at);
	text = sp_xasprintf("%s by the verification of %s: %s; %s",
	    v.status == 1 ? "findings" : "the archive was not verified", at,
	    v.words,
	    v.status == 1
		? "run `sealpost verify` to see each, and keep the archive as it is until they are understood"
		: "run `sealpost verify` again when it can look");
	sp_supervisor_alarms_begin(s, "verify", text);
	free(text);
}

void
sp_supervisor_alarms_step(struct sp_supervisor *s)
{
	const int64_t boot = sp_clock_boot();

	look_for_stuck(s, boot);
	look_at_verify(s, boot);
	sp_alarms_tick(s->alarms, sp_clock_wall(), boot);
	send_entry(s, boot);
	send_mail(s, boot);
	if ((s->alarms->changed && (!s->save_failed || boot >= s->save_at)) ||
	    (s->alarms->counted && boot >= s->save_at))
		save(s);
	if (boot >= s->alive_at)
		note_running(s);
}

/* ---- the configuration --------------------------------------------------- */

/* Whether the configuration has the account, and it is visited. */
static bool
has_account(const struct sp_config *cfg, const char *name)
{
	for (size_t i = 0; i < cfg->npull; i++) {
		if (strcmp(cfg->pull[i].name, name) == 0)
			return (cfg->pull[i].active);
	}
	return (false);
}

static bool
has_listener(const struct sp_config *cfg, const char *name)
{
	for (size_t i = 0; i < cfg->nlisten; i++) {
		if (strcmp(cfg->listen[i].name, name) == 0)
			return (true);
	}
	return (false);
}

/* The name behind ${prefix} in ${cause}; NULL: it begins otherwise. */
static const char *
name_behind(const char *cause, const char *prefix)
{
	return (strncmp(cause, prefix, strlen(prefix)) == 0
		    ? cause + strlen(prefix)
		    : NULL);
}

/* The account that a cause is of; NULL: of none. */
static const char *
account_of(const char *cause)
{
	static const char *const of[] = {
		"pull_stuck:", "pull_doubtful:", "pull_lost:"
	};
	const char *name = NULL;

	for (size_t i = 0; i < SP_COUNTOF(of) && name == NULL; i++)
		name = name_behind(cause, of[i]);
	return (name);
}

void
sp_supervisor_alarms_configured(struct sp_supervisor *s)
{
	const struct sp_config *cfg = s->app->cfg;

	for (const struct sp_alarm *x = s->alarms->open; x != NULL;
	     x = x->next) {
		const char *account = account_of(x->cause);
		const char *listener = name_behind(x->cause, "users:");

		if ((account != NULL && !has_account(cfg, account)) ||
		    (listener != NULL && !has_listener(cfg, listener)) ||
		    (strcmp(x->cause, "canary") == 0 &&
			cfg->canary_address == NULL) ||
		    (strncmp(x->cause, "silence:", 8) == 0 &&
			!cfg->watch_silence))
			sp_supervisor_alarms_end(s, x->cause);
	}
}

/* ---- requests ------------------------------------------------------------ */

void
sp_supervisor_alarms_list(const struct sp_supervisor *s, struct sp_buf *out)
{
	struct sp_json j;

	sp_json_init(&j, out);
	sp_json_obj(&j, NULL);
	sp_alarms_write_lists(s->alarms, &j, LIST_TEXT);
	sp_json_obj_end(&j);
	if (sp_json_end(&j) == SP_OK)
		return;
	/* Too many: the open ones alone, with less of each. */
	sp_buf_clear(out);
	sp_json_init(&j, out);
	sp_json_obj(&j, NULL);
	sp_alarms_write_open(s->alarms, &j, LIST_TEXT / 2);
	sp_json_obj_end(&j);
	(void)!sp_json_end(&j);
}

enum sp_code
sp_supervisor_alarms_acknowledge(
    struct sp_supervisor *s, const char *args, uid_t uid, struct sp_err *err)
{
	struct sp_view note = sp_view_str(args);
	struct sp_view key = sp_view_cut(&note, ' ');
	struct sp_alarm *x = sp_alarms_find(s->alarms, key);
	const struct passwd *pw = getpwuid(uid);
	char number[32];

	if (x == NULL)
		return (sp_err_set(err, SP_ENOTFOUND, 0,
		    "no alarm \"%.*s\" is open; `sealpost alarms list` shows those that are",
		    (int)key.n, key.p));
	(void)snprintf(number, sizeof(number), "uid %u", (unsigned)uid);
	sp_alarms_acknowledge(s->alarms, x,
	    sp_view_str(pw != NULL ? pw->pw_name : number), note,
	    sp_clock_wall());
	return (SP_OK);
}
