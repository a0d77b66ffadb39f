/*
 * The seal worker: extends the tree, signs a checkpoint each second while
 * something is new, and packs finished intake files into segments
 * (journal/seal/seal.h).  It uses the private keys and has no network; it holds
 * state/seal.lock.  On request it packs at once, keeps a checkpoint for good,
 * and signs the tag manifest of an export.
 *
 * A failure is an alarm, once, and is tried again after ten seconds: mail is
 * received and kept meanwhile.  The process has a low priority, since receiving
 * comes first.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "app/host/message_count.h"
#include "app/service/worker.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "base/record.h"
#include "base/sha256.h"
#include "journal/log/reader.h"
#include "journal/seal/scrub.h"
#include "journal/seal/seal.h"

#define RETRY (10 * SP_SECOND) /* after a failure */
/* The scrub: so many files a step, a step with each round, an hour between two
 * passes. */
#define SCRUB_FILES 500
#define SCRUB_PAUSE (3600 * SP_SECOND)
#define COUNT_PAUSE (60 * SP_SECOND) /* between two notes of the messages */

struct seal_worker {
	struct sp_worker *w;
	struct sp_seal *seal;
	int64_t due; /* the next checkpoint; boot clock, us */
	int64_t pack_due; /* not before: the next look for something to pack */
	uint64_t size; /* of the last checkpoint */
	/* what is done beside it */
	struct sp_scrub *scrub;
	int64_t scrub_due; /* the next step; boot clock, us */
	int64_t count_due; /* when the messages are counted again */
};

/* What journal/seal/seal.h reports: to the log. */
static void
on_report(void *ctx SP_UNUSED, const char *what, const char *text)
{
	sp_log(strcmp(what, "checkpoint") == 0 ? SP_LOG_DEBUG : SP_LOG_INFO,
	    what, "%s", text);
}

/* It says that ${cause} is there, or gone (${text} is NULL). */
static void
on_alarm(void *ctx, const char *cause, const char *text)
{
	const struct seal_worker *s = ctx;

	if (text != NULL)
		sp_worker_alarm(s->w, cause, text);
	else
		sp_worker_clear(s->w, cause);
}

/* Report a failure.  One about the bytes of the archive has the cause that
 * journal/seal gives it, another is ${own}. */
static void
report_failure(struct seal_worker *s, const char *own, struct sp_err *err)
{
	const char *bytes = sp_seal_cause(err);

	sp_worker_alarm(s->w,
	    bytes != NULL ? bytes : sp_worker_cause(s->w, err, own), err->msg);
}

/* Pack all finished intake files; false after a failure. */
static bool
pack_all(struct seal_worker *s)
{
	struct sp_err err;
	bool packed = true;

	while (packed) {
		sp_worker_alive(s->w);
		if (sp_seal_pack(s->seal, &packed, &err) != SP_OK) {
			(void)sp_err_prefix(&err, "segment");
			report_failure(s, "segment_failed", &err);
			s->pack_due = sp_clock_boot() + RETRY;
			return (false);
		}
	}
	sp_worker_clear(s->w, "segment_failed");
	return (true);
}

/* One round: a checkpoint over what is new, then what can be packed.  False if
 * something failed.  What cannot be packed does not keep what comes in from
 * being signed. */
static bool
checkpoint_and_pack(struct seal_worker *s)
{
	struct sp_err err;

	if (sp_seal_checkpoint(s->seal, &s->size, &err) != SP_OK) {
		(void)sp_err_prefix(&err, "checkpoint");
		report_failure(s, "checkpoint_failed", &err);
		s->due = sp_clock_boot() + RETRY;
		return (false);
	}
	s->due = sp_clock_boot() +
		 (int64_t)s->w->app->cfg->checkpoint_interval * 1000;
	sp_worker_clear(s->w, "checkpoint_failed");
	if (sp_clock_boot() < s->pack_due)
		return (true);
	if (!pack_all(s))
		return (false);
	/* The log was read to its end, and nothing is left to be packed. */
	sp_worker_clear(s->w, SP_SEAL_DAMAGED);
	sp_worker_clear(s->w, SP_SEAL_ROLLBACK);
	return (true);
}

/* Whether a signature that is asked for belongs to an export: entry ${seq} must
 * be the event of one, and covered by a checkpoint, so that no signature
 * outlives its trace. */
static enum sp_code
check_event(struct seal_worker *s, uint64_t seq, struct sp_err *err)
{
	struct sp_reader *r = NULL;
	struct sp_record rec;
	struct sp_entry e;
	enum sp_code rc;

	if (seq >= s->size)
		return (sp_err_set(err, SP_EUSAGE, 0,
		    "no checkpoint covers entry %" PRIu64 " yet", seq));
	rc = sp_reader_open(s->w->app->dir, &r, err);
	if (rc == SP_OK)
		rc = sp_reader_get(r, seq, &e, err);
	if (rc == SP_OK)
		rc = sp_record_parse(e.record, &rec, err);
	if (rc == SP_OK) {
		if (strcmp(rec.event, "export") != 0)
			rc = sp_err_set(err, SP_EUSAGE, 0,
			    "entry %" PRIu64 " is not the event of an export",
			    seq);
		sp_record_done(&rec);
	}
	sp_reader_close(r);
	return (rc);
}

/* What a reader of the archive may have signed is the tag manifest of a bag
 * (RFC 8493, three lines "HEX NAME") and nothing else, since the same key signs
 * segments. */
static bool
is_tagmanifest(struct sp_view v)
{
	static const char *const names[] = { "bag-info.txt", "bagit.txt",
		"manifest-sha256.txt" };
	uint8_t digest[SP_SHA256_LEN];

	for (size_t i = 0; i < SP_COUNTOF(names); i++) {
		struct sp_view line = sp_view_cut(&v, '\n');
		struct sp_view hex = sp_view_cut(&line, ' ');

		if (hex.n != 2 * sizeof(digest) ||
		    !sp_hex_decode(hex, digest, sizeof(digest)) || line.n < 1 ||
		    line.p[0] != ' ' ||
		    !sp_view_eq_str(
			sp_view_mem(line.p + 1, line.n - 1), names[i]))
			return (false);
	}
	return (v.n == 0);
}

/* `sign SEQ BASE64`: append to ${out} the CMS signature, base64, over the tag
 * manifest of the export of event SEQ. */
static enum sp_code
sign(struct seal_worker *s, const char *args, struct sp_buf *out,
    struct sp_err *err)
{
	struct sp_view rest = sp_view_str(args);
	struct sp_view word = sp_view_cut(&rest, ' ');
	uint8_t *data = sp_xmalloc(rest.n / 4 * 3 + 3);
	struct sp_buf p7s;
	enum sp_code rc;
	uint64_t seq;
	size_t n;

	sp_buf_init(&p7s, 32u << 10);
	if (!sp_view_u64(word, &seq) || !sp_b64_decode(rest, data, &n))
		rc = sp_err_set(err, SP_EUSAGE, 0, "sign SEQ BASE64");
	else if (!is_tagmanifest(sp_view_mem((char *)data, n)))
		rc = sp_err_set(err, SP_EPERM, 0,
		    "only the tag manifest of an export is signed");
	else
		rc = check_event(s, seq, err);
	if (rc == SP_OK)
		rc = sp_seal_sign(
		    s->seal, sp_view_mem((char *)data, n), &p7s, err);
	if (rc == SP_OK && (sp_b64_append(out, p7s.p, p7s.n) != SP_OK ||
			       sp_buf_cstr(out) == NULL))
		rc = sp_err_set(err, SP_ELIMIT, 0, "signature too long");
	sp_buf_done(&p7s);
	free(data);
	return (rc);
}

/* A request of the supervisor: pack, keep, sign. */
static void
answer(struct seal_worker *s, const struct sp_request *rq)
{
	struct sp_err err = { .msg = "" };
	struct sp_buf out;
	enum sp_code rc = SP_OK;
	uint64_t before = sp_seal_packed_end(s->seal);

	sp_buf_init(&out, SP_CONTROL_MAX);
	if (strcmp(rq->verb, "pack") == 0) {
		s->pack_due = 0;
		if (!checkpoint_and_pack(s))
			rc = sp_err_set(&err, SP_EIO, 0,
			    "sealing failed; see the alarms in the log");
		(void)!sp_buf_addf(&out, "%" PRIu64 " %" PRIu64 " %" PRIu64,
		    sp_seal_packed_end(s->seal) - before,
		    sp_seal_packed_end(s->seal), s->size);
	} else if (strcmp(rq->verb, "keep") == 0) {
		rc = sp_seal_keep_checkpoint(s->seal, &err);
	} else if (strcmp(rq->verb, "sign") == 0) {
		rc = sign(s, rq->args, &out, &err);
	} else {
		rc = sp_err_set(&err, SP_EUSAGE, 0, "no request %s", rq->verb);
	}
	sp_worker_reply(s->w, rq->id, rc,
	    rc != SP_OK ? err.msg
	    : out.n > 0 ? sp_buf_cstr(&out)
			: "");
	sp_buf_done(&out);
}

/* Microseconds between two steps of the scrub.  Tests shorten it. */
static int64_t
scrub_pause(void)
{
#ifdef SP_FAULTS
	const char *text = getenv("SP_SCRUB_SECONDS");
	uint64_t seconds;

	if (text != NULL && sp_view_u64(sp_view_str(text), &seconds))
		return ((int64_t)seconds * SP_SECOND);
#endif
	return (SCRUB_PAUSE);
}

/* Look at some files more; at the end of a pass, rest. */
static void
scrub(struct seal_worker *s)
{
	if (sp_clock_boot() >= s->scrub_due &&
	    sp_scrub_step(s->scrub, SCRUB_FILES, on_alarm, s))
		s->scrub_due = sp_clock_boot() + scrub_pause();
}

/* Keep the count of messages for `status` (app/host/message_count.h).  A
 * failure costs `status` the time to count them itself. */
static void
count_messages(struct seal_worker *s)
{
	struct sp_message_count count;

	if (sp_clock_boot() < s->count_due)
		return;
	s->count_due = sp_clock_boot() + COUNT_PAUSE;
	if (sp_message_count_sealed(s->w->app->dir, &count, NULL) == SP_OK)
		(void)!sp_message_count_save(s->w->app->dir, &count, NULL);
}

/* A full pass: what is missing is told before the opening may fail for it. */
static void
scrub_at_start(struct seal_worker *s)
{
	s->scrub = sp_scrub_new(s->w->app->dir);
	while (!sp_scrub_step(s->scrub, SCRUB_FILES, on_alarm, s))
		sp_worker_alive(s->w);
	s->scrub_due = sp_clock_boot() + scrub_pause();
}

/* Signs and packs once more at the end, when receive and pull are down. */
int
sp_worker_seal(struct sp_worker *w)
{
	static struct sp_request rq;
	struct seal_worker s = { .w = w };
	const struct sp_seal_report report = { on_report, on_alarm, &s };
	struct sp_err err;
	bool healthy;

	(void)setpriority(PRIO_PROCESS, 0, 5);
	scrub_at_start(&s);
	if (sp_seal_open(w->app->dir, w->app->cfg, SP_APP_LOCK_WAIT_MS, &report,
		&s.seal, &err) != SP_OK) {
		report_failure(&s, "worker_restart:seal", &err);
		return (1);
	}
	(void)checkpoint_and_pack(&s);
	while (!w->stop) {
		int64_t left = s.due - sp_clock_boot();

		sp_worker_alive(w);
		if (left <= 0) {
			(void)checkpoint_and_pack(&s);
			scrub(&s);
			count_messages(&s);
		} else if (sp_worker_wait(w, (int)(left / 1000) + 1, &rq))
			answer(&s, &rq);
	}
	healthy = checkpoint_and_pack(&s);
	s.count_due = 0;
	count_messages(&s);
	sp_scrub_free(s.scrub);
	sp_seal_close(s.seal);
	return (healthy ? 0 : 1);
}
