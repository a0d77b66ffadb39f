/*
 * Looking for silence that is unusual (doc/watch.md).  The index worker calls
 * sp_silence_watch_look() after each round of indexing that reached the end of
 * the log; it looks every watch.check: which sources sent in the time learned
 * from (the index counts them), how each one's silence is judged
 * (journal/watch/silence.c), and what of that is new.
 *
 *	SENDS -(silence is unusual)-> ANNOUNCED -(a message came)-> SENDS
 *
 * state/silence has the sources in state ANNOUNCED, a line "KIND SINCE NAME"
 * each, so that a restart repeats nothing.  It is derived; where it is lost an
 * announcement may come twice.
 */
#include "app/service/silence_watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/time_text.h"
#include "index/traffic.h"
#include "journal/watch/silence.h"

#define STATE_MAX   (1u << 20) /* bytes of state/silence */
#define SOURCES_MAX 2048u /* that are looked at; more are left out */

/* By enum sp_traffic_kind, in announcements. */
static const char *const kinds[] = { "listener", "account", "sender domain" };
/* The same in causes; a listener's is its name alone. */
static const char *const cause_kinds[] = { "", "account:", "domain:" };

/* A source of mail that could fall silent, with its traffic in the time that is
 * learned from. */
struct traffic_source {
	enum sp_traffic_kind kind;
	char *name;
	uint64_t n; /* messages */
	int64_t last; /* the last of them, wall clock, us */
};

/* A silence that was announced, until its source sends again. */
struct announced_silence {
	struct announced_silence *next;
	enum sp_traffic_kind kind;
	char *name;
	int64_t since; /* the last message before it, wall clock, us */
};

struct sp_silence_watch {
	const struct sp_app *app;
	sp_silence_announce *announce;
	void *ctx;
	char *path; /* state/silence */
	int64_t started; /* the service; wall clock, us */
	int64_t next; /* when to look again; boot clock, us; 0: at once */
	struct announced_silence *announced;
	/* during one look */
	struct traffic_source *v;
	size_t n;
	enum sp_traffic_kind kind; /* of the names that the index gives now */
	struct sp_silence_rhythm rhythm; /* of the source that is judged */
};

/* ---- what was announced already ----------------------------------------- */

/* The link that points to the source's announced silence, or to NULL at the end
 * of the list. */
static struct announced_silence **
find_announced(
    struct sp_silence_watch *w, enum sp_traffic_kind kind, struct sp_view name)
{
	struct announced_silence **at = &w->announced;

	while (*at != NULL &&
	       ((*at)->kind != kind || !sp_view_eq_str(name, (*at)->name)))
		at = &(*at)->next;
	return (at);
}

static void
add_announced(struct sp_silence_watch *w, enum sp_traffic_kind kind,
    struct sp_view name, int64_t since)
{
	struct announced_silence *silence = sp_xcalloc(1, sizeof(*silence));

	*silence = (struct announced_silence){ w->announced, kind,
		sp_view_dup(name), since };
	w->announced = silence;
}

static void
drop_announced(struct announced_silence **at)
{
	struct announced_silence *silence = *at;

	*at = silence->next;
	free(silence->name);
	free(silence);
}

/* Read state/silence; a line that is none is left out, a missing file is no
 * announcement. */
static void
load(struct sp_silence_watch *w)
{
	struct sp_view rest;
	struct sp_buf b;

	sp_buf_init(&b, STATE_MAX);
	if (sp_io_read_file(w->path, STATE_MAX, &b, NULL) == SP_OK) {
		rest = sp_buf_view(&b);
		while (rest.n > 0) {
			struct sp_view line = sp_view_cut(&rest, '\n');
			uint64_t kind, since;

			if (sp_view_u64(sp_view_cut(&line, ' '), &kind) &&
			    kind < SP_COUNTOF(kinds) &&
			    sp_view_u64(sp_view_cut(&line, ' '), &since) &&
			    line.n > 0)
				add_announced(w, (enum sp_traffic_kind)kind,
				    line, (int64_t)since);
		}
	}
	sp_buf_done(&b);
}

/* Replace state/silence by what is announced now. */
static enum sp_code
save(const struct sp_silence_watch *w, struct sp_err *err)
{
	struct sp_buf b;
	enum sp_code rc = SP_OK;

	sp_buf_init(&b, STATE_MAX);
	for (const struct announced_silence *silence = w->announced;
	     rc == SP_OK && silence != NULL; silence = silence->next)
		rc = sp_buf_addf(&b, "%d %" PRId64 " %s\n", (int)silence->kind,
		    silence->since, silence->name);
	if (rc == SP_OK)
		rc = sp_io_replace(w->path, b.p, b.n, 0640, err);
	sp_buf_done(&b);
	return (rc);
}

/* Tell that the source fell silent, or is no longer. */
static void
tell(struct sp_silence_watch *w, enum sp_traffic_kind kind, const char *name,
    bool begins, const char *text)
{
	char *cause = sp_xasprintf("silence:%s%s", cause_kinds[kind], name);

	w->announce(w->ctx, cause, begins, text);
	free(cause);
}

/* Drop what fell silent before the time that is learned from: the index knows
 * nothing of its traffic any more. */
static void
forget_old(struct sp_silence_watch *w, int64_t now)
{
	const int64_t learn = (int64_t)w->app->cfg->watch_learn * SP_SECOND;
	struct announced_silence **at = &w->announced;

	while (*at != NULL) {
		if ((*at)->since < now - learn) {
			tell(w, (*at)->kind, (*at)->name, false, NULL);
			drop_announced(at);
		} else
			at = &(*at)->next;
	}
}

/* ---- sources ------------------------------------------------------------ */

static void
forget_sources(struct sp_silence_watch *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i].name);
	free(w->v);
	w->v = NULL;
	w->n = 0;
}

/* A domain is what a sender wrote: control bytes in it could be line ends in
 * state/silence, or names that look like others. */
static bool
is_plain(struct sp_view name)
{
	for (size_t i = 0; i < name.n; i++) {
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
			return (false);
	}
	return (name.n > 0);
}

/* The index found ${sum->n} messages of a name in one shard: add them to its
 * source.  Control bytes and sources beyond SOURCES_MAX are left out. */
static void
on_sum(void *ctx, const struct sp_traffic_sum *sum)
{
	struct sp_silence_watch *w = ctx;
	struct traffic_source *s = NULL;

	if (!is_plain(sum->name))
		return;
	for (size_t i = 0; s == NULL && i < w->n; i++) {
		if (w->v[i].kind == w->kind &&
		    sp_view_eq_str(sum->name, w->v[i].name))
			s = &w->v[i];
	}
	if (s == NULL) {
		if (w->n >= SOURCES_MAX)
			return;
		w->v = sp_xrealloc(w->v, (w->n + 1) * sizeof(*w->v));
		s = &w->v[w->n++];
		*s = (struct traffic_source){ .kind = w->kind,
			.name = sp_view_dup(sum->name) };
	}
	s->n += sum->n;
	if (sum->last > s->last)
		s->last = sum->last;
}

/* Whether the configuration still has the listener or account; a sender's
 * domain needs no section. */
static bool
is_configured(const struct sp_config *cfg, const struct traffic_source *s)
{
	for (size_t i = 0; i < cfg->nlisten; i++) {
		if (s->kind == SP_TRAFFIC_LISTENER &&
		    strcmp(cfg->listen[i].name, s->name) == 0)
			return (true);
	}
	for (size_t i = 0; i < cfg->npull; i++) {
		if (s->kind == SP_TRAFFIC_ACCOUNT && cfg->pull[i].active &&
		    strcmp(cfg->pull[i].name, s->name) == 0)
			return (true);
	}
	return (s->kind == SP_TRAFFIC_DOMAIN);
}

static void
on_hour(void *ctx, int64_t hour, uint64_t n)
{
	struct sp_silence_watch *w = ctx;

	sp_silence_rhythm_add(&w->rhythm, hour, n);
}

/* ---- looking ------------------------------------------------------------ */

/* Announce that the source of ${*at} sends again, and drop its silence. */
static void
announce_end(struct sp_silence_watch *w, const struct traffic_source *s,
    struct announced_silence **at)
{
	char from[SP_TIME_LEN + 1], to[SP_TIME_LEN + 1], *text;

	sp_time_format((*at)->since, from);
	sp_time_format(s->last, to);
	text = sp_xasprintf(
	    "%s %s is back: nothing came from %s on; the last message is of %s",
	    kinds[s->kind], s->name, from, to);
	tell(w, s->kind, s->name, false, text);
	free(text);
	drop_announced(at);
}

/* Announce that the source fell silent, and remember it until it sends
 * again. */
static void
announce_silence(struct sp_silence_watch *w, const struct traffic_source *s,
    const struct sp_silence *silence)
{
	char from[SP_TIME_LEN + 1], *text;

	sp_time_format(s->last, from);
	text = sp_xasprintf(
	    "nothing from %s %s since %s, where about %.0f messages should have come by the rhythm of the last %" PRIu64
	    " days (silences up to %.0f are usual)",
	    kinds[s->kind], s->name, from, silence->expected,
	    w->app->cfg->watch_learn / 86400, silence->usual);
	add_announced(w, s->kind, sp_view_str(s->name), s->last);
	tell(w, s->kind, s->name, true, text);
	free(text);
}

/* Announce a source that is back, or one whose silence is unusual now and was
 * not announced.  ${since}: the beginning of the time learned from, ${now}: the
 * wall clock. */
static enum sp_code
judge_source(struct sp_silence_watch *w, const struct sp_traffic_view *traffic,
    const struct traffic_source *s, int64_t since, int64_t now,
    struct sp_err *err)
{
	const struct sp_config *cfg = w->app->cfg;
	struct announced_silence **at =
	    find_announced(w, s->kind, sp_view_str(s->name));
	struct sp_silence silence;
	enum sp_code rc;

	if (*at != NULL && s->last > (*at)->since)
		announce_end(w, s, at);
	else if (*at != NULL)
		return (SP_OK);
	if (!is_configured(cfg, s) ||
	    now - w->started < (int64_t)cfg->watch_least * SP_SECOND ||
	    now - s->last < (int64_t)cfg->watch_least * SP_SECOND)
		return (SP_OK);
	sp_silence_rhythm_init(&w->rhythm, since, now);
	rc = sp_traffic_hours(
	    traffic, s->kind, sp_view_str(s->name), on_hour, w, err);
	if (rc != SP_OK)
		return (rc);
	sp_silence_judge(&w->rhythm, s->last, now, &silence);
	if (silence.unusual)
		announce_silence(w, s, &silence);
	return (SP_OK);
}

/* Read the traffic of all kinds from the index, then judge each source. */
static enum sp_code
look(struct sp_silence_watch *w, int64_t now, struct sp_err *err)
{
	const struct sp_config *cfg = w->app->cfg;
	const int64_t since = now - (int64_t)cfg->watch_learn * SP_SECOND;
	const uint64_t limits[] = { 256, 256, cfg->watch_domains };
	struct sp_traffic_view *traffic = NULL;
	enum sp_code rc = sp_traffic_open(w->app->dir, since, &traffic, err);

	for (unsigned k = 0; rc == SP_OK && k < SP_COUNTOF(limits); k++) {
		w->kind = (enum sp_traffic_kind)k;
		rc = sp_traffic_busiest(
		    traffic, w->kind, limits[k], on_sum, w, err);
	}
	for (size_t i = 0; rc == SP_OK && i < w->n; i++)
		rc = judge_source(w, traffic, &w->v[i], since, now, err);
	forget_sources(w);
	sp_traffic_close(traffic);
	return (rc);
}

/* How many silences are announced; with ${sum} of their beginnings, a cheap way
 * to see whether any changed. */
static size_t
count_announced(const struct sp_silence_watch *w, int64_t *sum)
{
	size_t n = 0;

	*sum = 0;
	for (const struct announced_silence *silence = w->announced;
	     silence != NULL; silence = silence->next, n++)
		*sum += silence->since;
	return (n);
}

enum sp_code
sp_silence_watch_look(
    struct sp_silence_watch *w, int64_t now_us, struct sp_err *err)
{
	const int64_t boot = sp_clock_boot();
	int64_t before, after;
	size_t n;
	enum sp_code rc;

	if (!w->app->cfg->watch_silence || boot < w->next)
		return (SP_OK);
	w->next = boot + (int64_t)w->app->cfg->watch_check * SP_SECOND;
	n = count_announced(w, &before);
	forget_old(w, now_us);
	rc = look(w, now_us, err);
	if (n != count_announced(w, &after) || before != after) {
		enum sp_code saved = save(w, rc == SP_OK ? err : NULL);

		rc = rc == SP_OK ? saved : rc;
	}
	return (rc);
}

struct sp_silence_watch *
sp_silence_watch_new(const struct sp_app *app, int64_t started_us,
    sp_silence_announce *announce, void *ctx)
{
	struct sp_silence_watch *w = sp_xcalloc(1, sizeof(*w));

	w->app = app;
	w->started = started_us;
	w->announce = announce;
	w->ctx = ctx;
	w->path = sp_xasprintf("%s/state/silence", app->dir);
	load(w);
	return (w);
}

void
sp_silence_watch_free(struct sp_silence_watch *w)
{
	if (w == NULL)
		return;
	while (w->announced != NULL)
		drop_announced(&w->announced);
	forget_sources(w);
	free(w->path);
	free(w);
}
