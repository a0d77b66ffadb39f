/*
 * The one acceptance path (append.h): opening the log with its checks against
 * rollback, the clock rules, and one batch from facts to durable entries.
 *
 *   items -> clock looked at -> records formatted -> intake batch -> durable
 *
 * The lock state/receive.lock is held from open to close, so numbers and times
 * have one writer.  Entries that were committed here are read by journal/seal,
 * which puts them into the tree and signs them, and by the indexer.
 */
#include "journal/log/append.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/line.h"
#include "base/random.h"
#include "base/time_text.h"
#include "journal/log/append_clock_priv.h"
#include "journal/tree/guard.h"
#include "base/layout.h"
#include "journal/segment/segment_list.h"
#include "journal/tree/tree.h"

#define LOCK		 "state/receive.lock"
#define RECORDS_KEPT_MAX (4u << 20) /* bytes kept for the next batch */
#define ALARM_MAX	 512 /* bytes of an alarm, or of a clock event */

struct sp_append {
	/* from open to close */
	const struct sp_config *cfg; /* borrowed */
	int lock; /* descriptor of state/receive.lock */
	struct sp_intake *in;
	char *by;
	void (*alarm)(void *ctx, const char *cause, const char *text);
	void *ctx;
	/* time */
	struct sp_append_clock clock;
	int64_t idle_since; /* boot clock: when the last entry was made */
	bool rotation_alarmed; /* an alarm says that rotation fails */
	/* memory of one batch, kept for the next */
	struct sp_buf records;
	struct sp_intake_entry *entries;
	size_t *ends; /* of each record in records */
	size_t cap; /* entries that entries and ends have room for */
};

/* ---- opening ---------------------------------------------------------- */

/* Set ${end} to one past the last entry that a segment holds, 0 without
 * segments. */
static enum sp_code
find_packed_end(const char *dir, uint64_t *end, struct sp_err *err)
{
	struct sp_segment_file *files = NULL;
	enum sp_code rc;
	size_t n = 0;

	*end = 0;
	rc = sp_segment_list(dir, &files, &n, err);
	for (size_t i = 0; rc == SP_OK && i < n; i++) {
		if (files[i].name.last >= *end)
			*end = files[i].name.last + 1;
	}
	free(files);
	return (rc);
}

/* The time of the entry before ${next}, from the tree: where everything is
 * packed, the intake log has no entry that could tell it.  ${us} stays as it is
 * where the tree does not reach that far. */
static enum sp_code
last_received_in_tree(
    const char *dir, uint64_t next, int64_t *us, struct sp_err *err)
{
	struct sp_tree *t = NULL;
	struct sp_line line;
	struct sp_view v;
	enum sp_code rc;

	rc = sp_tree_open(dir, &t, err);
	if (rc == SP_OK && sp_tree_size(t) >= next) {
		rc = sp_tree_line(t, next - 1, &v, err);
		if (rc == SP_OK)
			rc = sp_line_parse(v, &line, err);
		if (rc == SP_OK)
			*us = line.received;
	}
	sp_tree_close(t);
	return (rc);
}

/* Open the intake log where the segments end, and refuse it (SP_EROLLBACK) if
 * tree or guard have seen more entries than it has. */
static enum sp_code
open_log(struct sp_append *a, const char *dir, const char *origin,
    struct sp_intake_found *found, struct sp_err *err)
{
	uint64_t floor;
	enum sp_code rc;

	rc = find_packed_end(dir, &floor, err);
	if (rc == SP_OK)
		rc = sp_intake_open(dir, origin, floor, &a->in, found, err);
	if (rc == SP_OK)
		rc = sp_guard_check(dir, a->cfg->guard, found->next_seq, err);
	if (rc == SP_OK && found->last_received == 0 && found->next_seq > 0)
		rc = last_received_in_tree(
		    dir, found->next_seq, &found->last_received, err);
	return (rc);
}

/* Start the clock rules at ${last}, the time of the last entry (0: none).  The
 * pause before the start counts as silence, for the heartbeat. */
static void
start_clock(struct sp_append *a, int64_t last, bool accepted)
{
	const int64_t wall = sp_clock_wall();

	a->clock.last = last;
	a->clock.accepted = accepted;
	a->idle_since = sp_clock_boot();
	if (last > 0 && wall > last)
		a->idle_since -= wall - last;
}

/* The lock comes before everything that reads the log: until it is held,
 * another process may be writing. */
enum sp_code
sp_append_open(const char *dir, const struct sp_config *cfg,
    const struct sp_append_opts *opts, struct sp_append **out,
    struct sp_intake_found *found, struct sp_err *err)
{
	struct sp_append *a = sp_xcalloc(1, sizeof(*a));
	struct sp_intake_found got = { 0 };
	char origin[SP_ORIGIN_MAX + 1];
	char *lock = sp_layout_path(dir, LOCK);
	enum sp_code rc;

	a->cfg = cfg;
	a->lock = -1;
	a->by = sp_xstrdup(opts->by);
	a->alarm = opts->alarm;
	a->ctx = opts->ctx;
	rc = sp_layout_read_format(dir, origin, err);
	if (rc == SP_OK)
		rc = sp_io_lock(lock, opts->lock_wait_ms, &a->lock, err);
	if (rc == SP_OK)
		rc = open_log(a, dir, origin, &got, err);
	if (rc == SP_OK) {
		start_clock(a, got.last_received, opts->accept_clock);
		*found = got;
		*out = a;
	} else
		sp_append_close(a);
	free(lock);
	return (rc);
}

void
sp_append_close(struct sp_append *a)
{
	if (a == NULL)
		return;
	sp_intake_close(a->in);
	/* Last: whoever waits for the role may write from here on. */
	(void)sp_io_close(a->lock, NULL);
	sp_buf_done(&a->records);
	free(a->entries);
	free(a->ends);
	free(a->by);
	free(a);
}

uint64_t
sp_append_next_seq(const struct sp_append *a)
{
	return (sp_intake_next_seq(a->in));
}

/* ---- the clock -------------------------------------------------------- */

void
sp_append_accept_clock(struct sp_append *a)
{
	a->clock.accepted = true;
}

static void
raise_alarm(struct sp_append *a, const char *cause, const char *text)
{
	if (a->alarm != NULL)
		a->alarm(a->ctx, cause, text);
}

/* Look at both clocks and judge them into ${reading}.  SP_ECLOCK: a leap that
 * nobody accepted, nothing may be appended now; the first time it raises the
 * alarm. */
static enum sp_code
check_clock(struct sp_append *a, struct sp_append_clock_reading *reading,
    struct sp_err *err)
{
	const int64_t wall = sp_clock_wall(), boot = sp_clock_boot();
	char now[SP_TIME_LEN + 1], then[SP_TIME_LEN + 1];
	struct sp_err e;
	bool first;

	sp_append_clock_judge(&a->clock, wall, boot, false, reading);
	if (reading->verdict != SP_CLOCK_REFUSED)
		return (SP_OK);
	first = reading->first_refusal;
	if (sp_append_clock_synchronised(wall)) {
		sp_append_clock_judge(&a->clock, wall, boot, true, reading);
		return (SP_OK);
	}
	sp_time_format(wall, now);
	sp_time_format(reading->expected, then);
	(void)sp_err_set(&e, SP_ECLOCK, 0,
	    "the clock leapt forward more than a day: it says %s, %s %s; nothing is accepted until it is back or synchronised (NTP); if it is right, say so once with `sealpost serve --accept-clock`",
	    now, a->clock.running ? "expected was" : "the last entry was at",
	    then);
	if (first)
		raise_alarm(a, "clock_leap", e.msg);
	if (err != NULL)
		*err = e;
	return (SP_ECLOCK);
}

/* Write the detail of a `clock` event, a JSON object, to ${out}. */
static enum sp_code
clock_detail(const struct sp_append *a,
    const struct sp_append_clock_reading *reading, struct sp_buf *out)
{
	char time[SP_TIME_LEN + 1];
	struct sp_json j;

	sp_json_init(&j, out);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "what",
	    reading->verdict == SP_CLOCK_ACCEPTED ? "leap" : "step");
	sp_json_cstr(
	    &j, "against", a->clock.running ? "boot clock" : "last entry");
	sp_time_format(reading->wall, time);
	sp_json_cstr(&j, "clock", time);
	sp_time_format(reading->expected, time);
	sp_json_cstr(&j, "expected", time);
	sp_json_i64(&j, "step_us", reading->wall - reading->expected);
	if (reading->verdict == SP_CLOCK_ACCEPTED)
		sp_json_cstr(&j, "accepted", reading->accepted);
	sp_json_obj_end(&j);
	return (sp_json_end(&j));
}

/* Raise the alarm for a step or an accepted leap, once it is in the log. */
static void
clock_alarm(struct sp_append *a, const struct sp_append_clock_reading *reading)
{
	char text[ALARM_MAX], time[SP_TIME_LEN + 1];
	const char *why = "";

	if (reading->accepted != NULL && reading->accepted[0] == 's')
		why = " (accepted: synchronised)";
	else if (reading->accepted != NULL && reading->accepted[0] == 'u')
		why = " (accepted: it had not been set before)";
	else if (reading->accepted != NULL)
		why = " (accepted by an operator)";
	sp_time_format(reading->wall, time);
	(void)snprintf(text, sizeof(text),
	    "the clock stepped by %" PRId64
	    " seconds to %s%s; it is logged as a clock event: look at the time service of this host",
	    (reading->wall - reading->expected) / SP_SECOND, time, why);
	raise_alarm(a, "clock_step", text);
}

/* ---- one batch -------------------------------------------------------- */

/* Make room for ${n} entries; the memory of the batch before is used again. */
static void
make_room(struct sp_append *a, size_t n)
{
	sp_buf_clear(&a->records);
	a->records.max = n * (size_t)SP_RECORD_MAX;
	if (n <= a->cap)
		return;
	a->entries = sp_xrealloc(a->entries, n * sizeof(*a->entries));
	a->ends = sp_xrealloc(a->ends, n * sizeof(*a->ends));
	a->cap = n;
}

/* Append the record of one item to a->records, with fresh salts, under the
 * number and time in ${st}.  SP_ELIMIT: it is over SP_RECORD_MAX. */
static enum sp_code
format_item(struct sp_append *a, struct sp_stamp *st,
    const struct sp_append_item *item, struct sp_err *err)
{
	const size_t from = a->records.n;
	enum sp_code rc;

	assert((item->facts == NULL) != (item->event == NULL));
	sp_random(st->salt, sizeof(st->salt));
	if (item->facts != NULL) {
		sp_random(st->msalt, sizeof(st->msalt));
		st->size = item->msg.n;
		memcpy(st->sha256, item->sha256, sizeof(st->sha256));
		rc = sp_record_format_message(&a->records, st, item->facts);
	} else
		rc = sp_record_format_event(&a->records, st, item->event);
	if (rc != SP_OK || a->records.n - from > SP_RECORD_MAX)
		return (sp_err_set(err, SP_ELIMIT, 0,
		    "the record of an entry is over the limit of %u bytes",
		    SP_RECORD_MAX));
	return (SP_OK);
}

/* Fill ${e} for the intake log, all but the record. */
static void
fill_entry(
    struct sp_intake_entry *e, uint64_t seq, const struct sp_append_item *item)
{
	*e = (struct sp_intake_entry){ .seq = seq, .fd = -1 };
	if (item->facts == NULL)
		return;
	e->has_message = true;
	e->msg = item->msg;
	e->fd = item->fd;
}

/* Format the records of ${first} (NULL: none) and the ${n} items behind it, and
 * fill a->entries with them, ready for sp_intake_commit.  All get the same
 * time. */
static enum sp_code
prepare(struct sp_append *a, const struct sp_append_clock_reading *reading,
    int64_t received, const struct sp_append_item *first,
    const struct sp_append_item *items, size_t n, struct sp_err *err)
{
	struct sp_stamp st = {
		.seq = sp_intake_next_seq(a->in),
		.received = received,
		.clock = reading->wall,
		.by = a->by,
	};
	const size_t extra = first != NULL, total = n + extra;
	enum sp_code rc;
	size_t from = 0;

	make_room(a, total);
	for (size_t i = 0; i < total; i++, st.seq++) {
		const struct sp_append_item *item =
		    i < extra ? first : &items[i - extra];

		rc = format_item(a, &st, item, err);
		if (rc != SP_OK)
			return (rc);
		fill_entry(&a->entries[i], st.seq, item);
		a->ends[i] = a->records.n;
	}
	/* Only now: the buffer may have moved while it grew. */
	for (size_t i = 0; i < total; i++) {
		a->entries[i].record =
		    sp_view_mem(a->records.p + from, a->ends[i] - from);
		from = a->ends[i];
	}
	return (SP_OK);
}

/* Finish the intake file if it has reached the configured size, so that it can
 * be packed.  A failure raises an alarm once, and stops nothing: a large file
 * does no harm. */
static void
rotate_if_large(struct sp_append *a)
{
	struct sp_err e;

	if (a->cfg->seal_size == 0 ||
	    sp_intake_file_bytes(a->in) < a->cfg->seal_size)
		return;
	if (sp_intake_rotate(a->in, &e) == SP_OK) {
		/* Always: the failure may have been that of a process before
		 * this. */
		raise_alarm(a, "intake_rotation", NULL);
		a->rotation_alarmed = false;
		return;
	}
	if (!a->rotation_alarmed)
		raise_alarm(a, "intake_rotation", e.msg);
	a->rotation_alarmed = true;
}

/* Append ${n} items (0 is fine) as one batch, with a `clock` event in front
 * where ${reading}, the look at the clock, calls for one.  Only a batch that is
 * durable moves the clock rules on. */
static enum sp_code
commit_batch(struct sp_append *a, const struct sp_append_clock_reading *reading,
    struct sp_append_item *items, size_t n, struct sp_err *err)
{
	const int64_t received =
	    reading->wall > a->clock.last ? reading->wall : a->clock.last;
	const uint64_t seq = sp_intake_next_seq(a->in);
	struct sp_event event = { .name = "clock" };
	struct sp_append_item clock = { .event = &event, .fd = -1 };
	const bool extra = reading->verdict != SP_CLOCK_FINE;
	struct sp_buf detail, self;
	enum sp_code rc = SP_OK;

	sp_buf_init(&detail, ALARM_MAX);
	sp_buf_init(&self, ALARM_MAX);
	if (extra && (clock_detail(a, reading, &detail) != SP_OK ||
			 sp_append_actor(&self) != SP_OK))
		abort();
	event.detail = sp_buf_view(&detail);
	event.actor = sp_buf_view(&self);
	rotate_if_large(a);
	if (n + extra > 0)
		rc = prepare(
		    a, reading, received, extra ? &clock : NULL, items, n, err);
	if (rc == SP_OK && n + extra > 0)
		rc = sp_intake_commit(a->in, a->entries, n + extra, err);
	if (rc == SP_OK) {
		for (size_t i = 0; i < n; i++) {
			items[i].seq = seq + extra + i;
			items[i].received = received;
		}
		if (extra)
			clock_alarm(a, reading);
		sp_append_clock_advance(&a->clock, reading);
		if (n + extra > 0) {
			a->clock.last = received;
			a->idle_since = reading->boot;
		}
	}
	if (a->records.cap > RECORDS_KEPT_MAX)
		sp_buf_done(&a->records);
	sp_buf_done(&detail);
	sp_buf_done(&self);
	return (rc);
}

enum sp_code
sp_append_commit(struct sp_append *a, struct sp_append_item *items, size_t n,
    struct sp_err *err)
{
	struct sp_append_clock_reading reading;
	enum sp_code rc;

	assert(n > 0);
	rc = check_clock(a, &reading, err);
	if (rc == SP_OK)
		rc = commit_batch(a, &reading, items, n, err);
	return (rc);
}

enum sp_code
sp_append_event(struct sp_append *a, const char *name, struct sp_view detail,
    uint64_t *seq, struct sp_err *err)
{
	struct sp_event event = { .name = name, .detail = detail };
	struct sp_append_item item = { .event = &event, .fd = -1 };
	struct sp_buf self;
	enum sp_code rc;

	sp_buf_init(&self, ALARM_MAX);
	if (sp_append_actor(&self) != SP_OK)
		abort();
	event.actor = sp_buf_view(&self);
	rc = sp_append_commit(a, &item, 1, err);
	if (rc == SP_OK && seq != NULL)
		*seq = item.seq;
	sp_buf_done(&self);
	return (rc);
}

/* ---- housekeeping ----------------------------------------------------- */

/* Whether the first entry of the intake file is as old as the configuration
 * lets it become before the file is finished. */
static bool
is_old(const struct sp_append *a, int64_t wall)
{
	const int64_t since = sp_intake_file_since(a->in);

	return (a->cfg->seal_age > 0 && since > 0 && wall > since &&
		(uint64_t)(wall - since) / SP_SECOND >= a->cfg->seal_age);
}

enum sp_code
sp_append_tick(struct sp_append *a, struct sp_err *err)
{
	struct sp_append_clock_reading reading;
	enum sp_code rc = SP_OK;

	if (check_clock(a, &reading, NULL) != SP_OK)
		return (SP_OK);
	if (reading.verdict == SP_CLOCK_FINE)
		sp_append_clock_advance(&a->clock, &reading);
	else
		rc = commit_batch(a, &reading, NULL, 0, err);
	if (rc == SP_OK && is_old(a, reading.wall))
		rc = sp_intake_rotate(a->in, err);
	rotate_if_large(a);
	if (rc == SP_OK && a->cfg->heartbeat > 0 &&
	    reading.boot > a->idle_since &&
	    (uint64_t)(reading.boot - a->idle_since) / SP_SECOND >=
		a->cfg->heartbeat)
		rc = sp_append_event(
		    a, "heartbeat", SP_VIEW_LIT("{}"), NULL, err);
	return (rc);
}

enum sp_code
sp_append_rotate(struct sp_append *a, struct sp_err *err)
{
	return (sp_intake_rotate(a->in, err));
}
