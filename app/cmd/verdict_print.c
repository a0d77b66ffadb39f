/*
 * The wording of verdicts: what a user reads of a verification, and the exit
 * status that a script reads.
 *
 *	FINDING   KIND: WHERE: WHY                  print_finding()
 *	origin, key, signed, looked at | run ...    print_text()
 *	COMPLETE | SELECTION                        print_bag(), of an export
 *	rests on ...                                worded by verify_identity.c
 *	FAILED | UNSIGNED | OK                      print_text()
 *
 * Of the findings, the first of each kind is printed; the others are only
 * counted.  The same as JSON Lines: print_finding(), print_json_verdict().
 * KIND, and the labels and words in capitals, are interface: scripts look for
 * them.  A finding's WHY is worded where it is found, in journal/verify.
 * Called by sealpost-verify (app/verify_main.c) and `sealpost verify`
 * (cmd_verify.c).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/cmd/verdict_print.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/time_text.h"

#define LINE_MAX_JSON 16384u /* bytes */
#define QUIET_FOR     SP_SECOND /* before progress is shown, */
#define SHOW_EVERY    (SP_SECOND / 5) /* and then at most so often */

void
sp_verdict_print_init(
    struct sp_verdict_print *p, const char *program, bool json, bool quiet)
{
	memset(p, 0, sizeof(*p));
	p->program = program;
	p->json = json;
	p->quiet = quiet;
	p->started = sp_clock_boot();
}

enum sp_code
sp_verdict_parse_vkey(const char *text, struct sp_vkey *out, struct sp_err *err)
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

/* Clear the progress line, before anything else is printed. */
static void
clear_progress(struct sp_verdict_print *p)
{
	if (p->shown)
		(void)fprintf(stderr, "\r\033[K");
	p->shown = false;
}

/* Print the JSON object as one line and release it. */
static void
print_json(struct sp_json *j, struct sp_buf *b)
{
	if (sp_json_end(j) == SP_OK && sp_buf_addc(b, '\n') == SP_OK)
		(void)fwrite(b->p, 1, b->n, stdout);
	sp_buf_done(b);
}

/* A finding (callback of sp_verify()). */
static void
print_finding(void *ctx, const char *kind, const char *where, const char *why)
{
	struct sp_verdict_print *p = ctx;
	struct sp_json j;
	struct sp_buf b;

	clear_progress(p);
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
	print_json(&j, &b);
}

/*
 * Show how far it is (callback of sp_verify()), on a terminal and once it takes
 * more than a second.  Never ends the verification.
 */
static bool
print_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct sp_verdict_print *p = ctx;
	int64_t now = sp_clock_boot();

	if (p->quiet || now - p->started < QUIET_FOR ||
	    now - p->shown_at < SHOW_EVERY || isatty(STDERR_FILENO) == 0)
		return (true);
	p->shown_at = now;
	p->shown = true;
	(void)fprintf(stderr,
	    "\rverifying %" PRIu64 " of %" PRIu64 " MiB\033[K", done >> 20,
	    total >> 20);
	return (true);
}

void
sp_verdict_print_hook(struct sp_verdict_print *p, struct sp_verify_opts *o)
{
	o->finding = print_finding;
	o->progress = print_progress;
	o->ctx = p;
}

/* ---- the verdict ---- */

/* As the manual page says.  The archive at hand (${p}->own) may well have no
 * trusted key, without a guard copy: that is status 0, and "ok" in JSON, while
 * the text still says UNSIGNED, and "trust" in JSON "none". */
static int
exit_status(const struct sp_verdict_print *p, const struct sp_verdict *v)
{
	if (v->findings > 0)
		return (1);
	return (v->trust != SP_TRUST_NONE || p->own ? 0 : 2);
}

/* What the verdict rests on, as JSON names it. */
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

/* A time, or words where INT64_MIN stands for the beginning of the log. */
static const char *
format_instant(int64_t us, char out[SP_TIME_LEN + 1])
{
	if (us == INT64_MIN)
		return ("the beginning of the log");
	sp_time_format(us, out);
	return (out);
}

/*
 * What an export proves: the run, the time that it covers, how many of its
 * messages are given; and COMPLETE or SELECTION, if nothing was found.
 */
static void
print_bag(const struct sp_verdict *v)
{
	char a[SP_TIME_LEN + 1], b[SP_TIME_LEN + 1];

	if (v->range_first < v->range_end)
		(void)printf("run       entries %" PRIu64 " to %" PRIu64 "\n",
		    v->range_first, v->range_end - 1);
	else
		(void)printf("run       no entry\n");
	(void)printf("proven    all that was received from %s on, before %s\n",
	    format_instant(v->range_since, a),
	    format_instant(v->range_until, b));
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

/* How much of an archive was looked at, and what is destroyed. */
static void
print_archive(const struct sp_verify_opts *o, const struct sp_verdict *v)
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

/* The verdict as text: labels of ten columns, the last line its sum. */
static void
print_text(const struct sp_verdict_print *p, const struct sp_verify_opts *o,
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
		print_bag(v);
	else
		print_archive(o, v);
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

/*
 * The verdict as one JSON object; an export has more members than an archive.
 */
static void
print_json_verdict(const struct sp_verdict *v, int status)
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
	print_json(&j, &b);
}

/*
 * An error is not a verdict: it goes to standard error, behind what was
 * printed.
 */
int
sp_verdict_print_result(struct sp_verdict_print *p,
    const struct sp_verify_opts *o, const struct sp_verdict *v, enum sp_code rc,
    const struct sp_err *err)
{
	int status;

	clear_progress(p);
	if (rc != SP_OK) {
		(void)fflush(stdout);
		(void)fprintf(stderr, "%s: %s\n", p->program, err->msg);
		return (2);
	}
	status = exit_status(p, v);
	if (p->json)
		print_json_verdict(v, status);
	else
		print_text(p, o, v);
	return (status);
}
