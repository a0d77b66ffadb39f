/* The verdict, for a person or as JSON Lines. */
#include "app/cmd/verify_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/time_text.h"

#define LINE_MAX_JSON 16384u
#define QUIET_FOR     SP_SECOND /* before progress is shown */

void
sp_verify_print_init(struct sp_verify_print *p, const char *program,
    const char *path, bool json, bool quiet)
{
	memset(p, 0, sizeof(*p));
	p->program = program;
	p->path = path;
	p->json = json;
	p->quiet = quiet;
	p->since = sp_clock_boot();
}

enum sp_code
sp_verify_print_vkey(const char *text, struct sp_vkey *out, struct sp_err *err)
{
	if (sp_vkey_parse(sp_view_str(text), out, NULL) == SP_OK)
		return (SP_OK);
	if (sp_io_exists(text))
		return (sp_vkey_load(text, out, err));
	return (sp_err_set(err, SP_EUSAGE, 0,
	    "--vkey %s: neither a verification key (NAME+ID+KEY, as `sealpost key show` prints it) nor a file",
	    text));
}

/* ---- as it goes ---- */

static void
wipe(struct sp_verify_print *p)
{
	if (p->shown)
		(void)fprintf(stderr, "\r\033[K");
	p->shown = false;
}

static void
emit(struct sp_json *j, struct sp_buf *b)
{
	if (sp_json_end(j) == SP_OK && sp_buf_addc(b, '\n') == SP_OK)
		(void)fwrite(b->p, 1, b->n, stdout);
	sp_buf_done(b);
}

static void
finding(void *ctx, const char *kind, const char *where, const char *why)
{
	struct sp_verify_print *p = ctx;
	struct sp_json j;
	struct sp_buf b;

	wipe(p);
	if (!p->json) {
		(void)printf("FINDING  %s: %s: %s\n", kind, where, why);
		return;
	}
	sp_buf_init(&b, LINE_MAX_JSON);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "finding", kind);
	sp_json_str(&j, "where", sp_view_str(where));
	sp_json_str(&j, "why", sp_view_str(why));
	sp_json_obj_end(&j);
	emit(&j, &b);
}

static bool
progress(void *ctx, uint64_t done, uint64_t total)
{
	struct sp_verify_print *p = ctx;
	int64_t now = sp_clock_boot();

	if (p->quiet || now - p->since < QUIET_FOR ||
	    now - p->last < SP_SECOND / 5 || isatty(STDERR_FILENO) == 0)
		return (true);
	p->last = now;
	p->shown = true;
	(void)fprintf(stderr,
	    "\rverifying %" PRIu64 " of %" PRIu64 " MiB\033[K", done >> 20,
	    total >> 20);
	return (true);
}

void
sp_verify_print_hook(struct sp_verify_print *p, struct sp_verify_opts *o)
{
	o->finding = finding;
	o->progress = progress;
	o->ctx = p;
}

/* ---- the verdict ---- */

static int
status_of(const struct sp_verify_print *p, const struct sp_verdict *v)
{
	if (v->findings > 0)
		return (1);
	return (v->trust != SP_TRUST_NONE || p->own ? 0 : 2);
}

static const char *
trust_name(enum sp_trust t)
{
	switch (t) {
	case SP_TRUST_NONE:
		break;
	case SP_TRUST_EMBEDDED:
		return ("embedded-key");
	case SP_TRUST_GUARD:
		return ("guard");
	case SP_TRUST_VKEY:
		return ("vkey");
	case SP_TRUST_CHECKPOINT:
		return ("checkpoint");
	}
	return ("none");
}

/* INT64_MIN is the beginning of the log. */
static const char *
instant(int64_t us, char out[SP_TIME_LEN + 1])
{
	if (us == INT64_MIN)
		return ("the beginning of the log");
	sp_time_format(us, out);
	return (out);
}

static void
text_bag(const struct sp_verdict *v)
{
	char a[SP_TIME_LEN + 1], b[SP_TIME_LEN + 1];

	if (v->range_first < v->range_end)
		(void)printf("run       entries %" PRIu64 " to %" PRIu64 "\n",
		    v->range_first, v->range_end - 1);
	else
		(void)printf("run       no entry\n");
	(void)printf("proven    all that was received from %s on, before %s\n",
	    instant(v->range_since, a), instant(v->range_until, b));
	(void)printf("given     %" PRIu64 " of %" PRIu64 " messages", v->given,
	    v->range_messages);
	if (v->filtered > 0)
		(void)printf(
		    ", %" PRIu64 " left out by the query", v->filtered);
	if (v->purged + v->erased > 0)
		(void)printf(", %" PRIu64 " destroyed, proven by the log",
		    v->purged + v->erased);
	(void)printf("\n");
	if (v->findings > 0)
		return;
	if (v->complete)
		(void)printf("COMPLETE  every message of this time is here%s\n",
		    v->purged + v->erased > 0 ? ", or provably destroyed" : "");
	else
		(void)printf(
		    "SELECTION the choice is the producer's statement, and not proven\n");
}

static void
text_archive(const struct sp_verify_opts *o, const struct sp_verdict *v)
{
	(void)printf("looked at %" PRIu64 " entries, %" PRIu64
		     " messages, %" PRIu64 " segments%s, %" PRIu64
		     " entries not sealed yet\n",
	    v->entries, v->messages, v->segments,
	    o->quick ? " (signatures and tables only)" : "", v->unsealed);
	if (v->purged + v->erased > 0)
		(void)printf("destroyed %" PRIu64 " messages, %" PRIu64
			     " records, as purge events of the log say\n",
		    v->purged, v->erased);
}

static void
text(const struct sp_verify_print *p, const struct sp_verify_opts *o,
    const struct sp_verdict *v)
{
	char time[SP_TIME_LEN + 1];

	if (p->quiet && v->findings == 0)
		return;
	(void)printf("origin    %s\n", v->origin);
	if (v->vkey[0] != '\0')
		(void)printf("key       %s\n          fingerprint %s\n",
		    v->vkey, v->fingerprint);
	sp_time_format(v->time, time);
	(void)printf("signed    %" PRIu64 " entries; %s %s\n", v->size,
	    v->bag ? "exported" : "last received", time);
	if (v->bag)
		text_bag(v);
	else
		text_archive(o, v);
	(void)printf("rests on  %s\n", v->rests_on);
	if (v->findings > 0)
		(void)printf("FAILED    %" PRIu64 " finding%s\n", v->findings,
		    v->findings == 1 ? "" : "s");
	else if (v->trust == SP_TRUST_NONE)
		(void)printf(
		    "UNSIGNED  consistent with itself; signer not authenticated\n");
	else
		(void)printf("OK        everything fits\n");
}

static void
json(const struct sp_verdict *v, int status)
{
	char time[SP_TIME_LEN + 1];
	struct sp_json j;
	struct sp_buf b;

	sp_buf_init(&b, LINE_MAX_JSON);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_cstr(&j, "verdict",
	    status == 0	  ? "ok"
	    : status == 1 ? "failed"
			  : "unauthenticated");
	sp_json_u64(&j, "findings", v->findings);
	sp_json_cstr(&j, "kind", v->bag ? "export" : "archive");
	sp_json_cstr(&j, "origin", v->origin);
	sp_json_cstr(&j, "vkey", v->vkey);
	sp_json_cstr(&j, "fingerprint", v->fingerprint);
	sp_json_u64(&j, "size", v->size);
	sp_time_format(v->time, time);
	sp_json_cstr(&j, "time", time);
	sp_json_cstr(&j, "trust", trust_name(v->trust));
	sp_json_cstr(&j, "rests_on", v->rests_on);
	sp_json_u64(&j, "entries", v->entries);
	sp_json_u64(&j, "messages", v->messages);
	sp_json_u64(&j, "segments", v->segments);
	sp_json_u64(&j, "unsealed", v->unsealed);
	sp_json_u64(&j, "bytes", v->bytes);
	sp_json_u64(&j, "purged", v->purged);
	sp_json_u64(&j, "erased", v->erased);
	if (v->bag) {
		sp_json_bool(&j, "complete", v->complete);
		sp_json_u64(&j, "first", v->range_first);
		sp_json_u64(&j, "end", v->range_end);
		sp_json_u64(&j, "given", v->given);
		sp_json_u64(&j, "filtered", v->filtered);
		if (v->range_since == INT64_MIN) {
			sp_json_null(&j, "proven_since");
		} else {
			sp_time_format(v->range_since, time);
			sp_json_cstr(&j, "proven_since", time);
		}
		if (v->range_until == INT64_MIN) {
			sp_json_null(&j, "proven_until");
		} else {
			sp_time_format(v->range_until, time);
			sp_json_cstr(&j, "proven_until", time);
		}
	}
	sp_json_obj_end(&j);
	emit(&j, &b);
}

int
sp_verify_print_verdict(struct sp_verify_print *p,
    const struct sp_verify_opts *o, const struct sp_verdict *v, enum sp_code rc,
    const struct sp_err *err)
{
	int status;

	wipe(p);
	if (rc != SP_OK) {
		(void)fflush(stdout);
		(void)fprintf(stderr, "%s: %s\n", p->program, err->msg);
		return (2);
	}
	status = status_of(p, v);
	if (p->json)
		json(v, status);
	else
		text(p, o, v);
	return (status);
}
