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

#define STATE_MAX   (1u << 20)
#define SOURCES_MAX 2048u

static const char *const kinds[] = { "listener", "account", "sender domain" };

/* What could fall silent. */
struct source {
	enum sp_traffic_kind kind;
	char *name;
	uint64_t n; /* messages in the time learned from */
	int64_t last;
};

/* A silence that was told; its end is awaited. */
struct told {
	struct told *next;
	enum sp_traffic_kind kind;
	char *name;
	int64_t since; /* the last message before it */
};

struct sp_silence_watch {
	const struct sp_app *app;
	void (*say)(void *ctx, const char *text);
	void *ctx;
	char *path; /* state/silence */
	int64_t started; /* wall clock */
	int64_t next; /* when to look again; 0: at once */
	struct told *told;
	struct source *v;
	size_t n;
	enum sp_traffic_kind kind; /* of the names that are read just now */
	struct sp_rhythm rhythm;
};

/* ---- what was told already ---------------------------------------------- */

static struct told **
find_told(
    struct sp_silence_watch *w, enum sp_traffic_kind kind, struct sp_view name)
{
	struct told **at = &w->told;

	while (*at != NULL &&
	       ((*at)->kind != kind || !sp_view_eq_str(name, (*at)->name)))
		at = &(*at)->next;
	return (at);
}

static void
add_told(struct sp_silence_watch *w, enum sp_traffic_kind kind,
    struct sp_view name, int64_t since)
{
	struct told *t = sp_xcalloc(1, sizeof(*t));

	*t = (struct told){ w->told, kind, sp_view_dup(name), since };
	w->told = t;
}

static void
drop_told(struct told **at)
{
	struct told *t = *at;

	*at = t->next;
	free(t->name);
	free(t);
}

/* Lines of "KIND SINCE NAME". */
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
				add_told(w, (enum sp_traffic_kind)kind, line,
				    (int64_t)since);
		}
	}
	sp_buf_done(&b);
}

static enum sp_code
save(const struct sp_silence_watch *w, struct sp_err *err)
{
	struct sp_buf b;
	enum sp_code rc = SP_OK;

	sp_buf_init(&b, STATE_MAX);
	for (const struct told *t = w->told; rc == SP_OK && t != NULL;
	     t = t->next)
		rc = sp_buf_addf(
		    &b, "%d %" PRId64 " %s\n", (int)t->kind, t->since, t->name);
	if (rc == SP_OK)
		rc = sp_io_replace(w->path, b.p, b.n, 0640, err);
	sp_buf_done(&b);
	return (rc);
}

/* What fell silent before the time that is learned from is known no more. */
static void
forget_old(struct sp_silence_watch *w, int64_t now)
{
	const int64_t learn = (int64_t)w->app->cfg->watch_learn * SP_SECOND;
	struct told **at = &w->told;

	while (*at != NULL) {
		if ((*at)->since < now - learn)
			drop_told(at);
		else
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

/* A domain is what a sender wrote: no line end may get into the state, nor
 * anything else that is not seen. */
static bool
is_plain(struct sp_view name)
{
	for (size_t i = 0; i < name.n; i++) {
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
			return (false);
	}
	return (name.n > 0);
}

static void
on_sum(void *ctx, const struct sp_traffic_sum *sum)
{
	struct sp_silence_watch *w = ctx;
	struct source *s = NULL;

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
		*s = (struct source){ .kind = w->kind,
			.name = sp_view_dup(sum->name) };
	}
	s->n += sum->n;
	if (sum->last > s->last)
		s->last = sum->last;
}

/* A listener or account that the configuration no longer has is not missed. */
static bool
is_configured(const struct sp_config *cfg, const struct source *s)
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

	sp_rhythm_add(&w->rhythm, hour, n);
}

/* ---- looking ------------------------------------------------------------ */

static void
tell_back(struct sp_silence_watch *w, const struct source *s, struct told **at)
{
	char from[SP_TIME_LEN + 1], to[SP_TIME_LEN + 1], *text;

	sp_time_format((*at)->since, from);
	sp_time_format(s->last, to);
	text = sp_xasprintf(
	    "%s %s is back: nothing came from %s on; the last message is of %s",
	    kinds[s->kind], s->name, from, to);
	w->say(w->ctx, text);
	free(text);
	drop_told(at);
}

static void
tell_silent(struct sp_silence_watch *w, const struct source *s,
    const struct sp_silence *silence)
{
	char from[SP_TIME_LEN + 1], *text;

	sp_time_format(s->last, from);
	text = sp_xasprintf(
	    "nothing from %s %s since %s, where about %.0f messages should have come by the rhythm of the last %" PRIu64
	    " days (silences up to %.0f are usual)",
	    kinds[s->kind], s->name, from, silence->expected,
	    w->app->cfg->watch_learn / 86400, silence->usual);
	add_told(w, s->kind, sp_view_str(s->name), s->last);
	w->say(w->ctx, text);
	free(text);
}

static enum sp_code
judge(struct sp_silence_watch *w, const struct sp_traffic_view *t,
    const struct source *s, int64_t since, int64_t now, struct sp_err *err)
{
	const struct sp_config *cfg = w->app->cfg;
	struct told **at = find_told(w, s->kind, sp_view_str(s->name));
	struct sp_silence silence;
	enum sp_code rc;

	if (*at != NULL && s->last > (*at)->since)
		tell_back(w, s, at);
	else if (*at != NULL)
		return (SP_OK);
	if (!is_configured(cfg, s) ||
	    now - w->started < (int64_t)cfg->watch_least * SP_SECOND ||
	    now - s->last < (int64_t)cfg->watch_least * SP_SECOND)
		return (SP_OK);
	sp_rhythm_init(&w->rhythm, since, now);
	rc =
	    sp_traffic_hours(t, s->kind, sp_view_str(s->name), on_hour, w, err);
	if (rc != SP_OK)
		return (rc);
	sp_rhythm_judge(&w->rhythm, s->last, now, &silence);
	if (silence.unusual)
		tell_silent(w, s, &silence);
	return (SP_OK);
}

static enum sp_code
look(struct sp_silence_watch *w, int64_t now, struct sp_err *err)
{
	const struct sp_config *cfg = w->app->cfg;
	const int64_t since = now - (int64_t)cfg->watch_learn * SP_SECOND;
	const uint64_t most[] = { 256, 256, cfg->watch_domains };
	struct sp_traffic_view *t = NULL;
	enum sp_code rc = sp_traffic_open(w->app->dir, since, &t, err);

	for (unsigned k = 0; rc == SP_OK && k < SP_COUNTOF(most); k++) {
		w->kind = (enum sp_traffic_kind)k;
		rc = sp_traffic_busiest(t, w->kind, most[k], on_sum, w, err);
	}
	for (size_t i = 0; rc == SP_OK && i < w->n; i++)
		rc = judge(w, t, &w->v[i], since, now, err);
	forget_sources(w);
	sp_traffic_close(t);
	return (rc);
}

static size_t
count_told(const struct sp_silence_watch *w, int64_t *sum)
{
	size_t n = 0;

	*sum = 0;
	for (const struct told *t = w->told; t != NULL; t = t->next, n++)
		*sum += t->since;
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
	n = count_told(w, &before);
	forget_old(w, now_us);
	rc = look(w, now_us, err);
	if (n != count_told(w, &after) || before != after) {
		enum sp_code saved = save(w, rc == SP_OK ? err : NULL);

		rc = rc == SP_OK ? saved : rc;
	}
	return (rc);
}

struct sp_silence_watch *
sp_silence_watch_new(const struct sp_app *app, int64_t started_us,
    void (*say)(void *ctx, const char *text), void *ctx)
{
	struct sp_silence_watch *w = sp_xcalloc(1, sizeof(*w));

	w->app = app;
	w->started = started_us;
	w->say = say;
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
	while (w->told != NULL)
		drop_told(&w->told);
	forget_sources(w);
	free(w->path);
	free(w);
}
