/*
 * `sealpost reconcile --maillog`: the log of a mail server against the archive
 * (doc/watch.md has the cases). journal/watch/delivered.h reads the log and
 * says what became of each delivery; here each case is looked up in the
 * archive, a receipt by its entry and SHA-256, any other by its Message-ID, and
 * what is missing is printed, for a person or as JSON Lines.  The summary goes
 * to standard error.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/cmd/reconcile.h"
#include "app/common/app.h"
#include "app/common/cell.h"
#include "app/common/human.h"
#include "app/common/interrupt.h"
#include "app/common/json_line.h"
#include "app/common/progress.h"
#include "base/enc.h"
#include "base/io.h"
#include "base/json.h"
#include "base/record.h"
#include "base/sha256.h"
#include "index/search.h"
#include "journal/log/reader.h"
#include "journal/watch/delivered.h"

#define CHUNK	    (256u << 10) /* bytes read at once */
#define FINDING_MAX (64u << 10) /* bytes of a finding as JSON */

struct maillog_check {
	const struct sp_reconcile *r;
	struct sp_reader *reader;
	struct sp_progress progress;
	/* counted, for the summary */
	uint64_t acknowledged; /* receipts of ours in the log */
	uint64_t archived; /* of them in the archive, as they should be */
	uint64_t other_way; /* not sent to us, but archived by another way */
	uint64_t notices; /* without a sender: a server's own, not copied */
	uint64_t cut; /* deliveries that begin before the log */
	uint64_t missing;
};

/* The names of findings; part of the output, see doc/watch.md. */
static const char *const case_names[] = {
	[SP_DELIVERED_RECEIPT] = "lost",
	[SP_DELIVERED_UNCONFIRMED] = "unconfirmed",
	[SP_DELIVERED_REFUSED] = "refused",
	[SP_DELIVERED_WAITING] = "waiting",
	[SP_DELIVERED_ELSEWHERE] = "not-journaled",
};

/* The same in words. */
static const char *const case_meanings[] = {
	[SP_DELIVERED_RECEIPT] = "acknowledged by us",
	[SP_DELIVERED_UNCONFIRMED] = "taken by our address without a receipt",
	[SP_DELIVERED_REFUSED] = "refused by us, and given up",
	[SP_DELIVERED_WAITING] = "still in the queue of the mail server",
	[SP_DELIVERED_ELSEWHERE] = "delivered, but no copy was sent to us",
};

/* " NAME=VALUE" of a finding. */
static void
field(const char *name, struct sp_view v)
{
	char *text = sp_view_dup(v);

	printf(" %s=", name);
	sp_cell_print(text, 0, true);
	free(text);
}

static void
print_text(const struct sp_delivered_case *c, const char *why)
{
	char *time = sp_view_dup(c->time);

	printf("%-13s ", case_names[c->what]);
	sp_cell_print(time, 0, true);
	free(time);
	field("id", c->id);
	if (c->msgid.n > 0)
		field("message-id", c->msgid);
	if (c->has_from)
		field("from", c->from.n == 0 ? SP_VIEW_LIT("<>") : c->from);
	if (c->what == SP_DELIVERED_RECEIPT)
		printf(" seq=%" PRIu64, c->receipt.seq);
	if (c->to.n > 0)
		field("to", c->to);
	if (c->relay.n > 0)
		field("relay", c->relay);
	printf(": %s; %s\n", case_meanings[c->what], why);
}

/* A finding as a line of JSON; ${why} is what the archive says. */
static void
print_json(const struct sp_delivered_case *c, const char *why)
{
	struct sp_json_line line;
	struct sp_json *j = sp_json_line_begin(&line, FINDING_MAX);

	sp_json_cstr(j, "finding", case_names[c->what]);
	sp_json_str(j, "time", c->time);
	sp_json_str(j, "queue_id", c->id);
	if (c->msgid.n > 0)
		sp_json_str(j, "message_id", c->msgid);
	if (c->has_from)
		sp_json_str(j, "from", c->from);
	if (c->to.n > 0)
		sp_json_str(j, "to", c->to);
	if (c->relay.n > 0)
		sp_json_str(j, "relay", c->relay);
	if (c->reply.n > 0)
		sp_json_str(j, "reply", c->reply);
	if (c->what == SP_DELIVERED_RECEIPT) {
		sp_json_u64(j, "seq", c->receipt.seq);
		sp_json_hex(j, "sha256", c->receipt.sha256, SP_SHA256_LEN);
	}
	sp_json_cstr(j, "why", why);
	sp_json_line_print(&line);
}

/* A message that the archive should have and has not. */
static void
print_finding(
    struct maillog_check *k, const struct sp_delivered_case *c, const char *why)
{
	k->missing++;
	if (k->r->json)
		print_json(c, why);
	else
		print_text(c, why);
}

/* Whether the entry that the receipt names is that message; if not, ${why} says
 * so, else it is NULL. */
static enum sp_code
compare(struct maillog_check *k, const struct sp_maillog_receipt *r,
    const char **why, struct sp_err *err)
{
	struct sp_record rec;
	struct sp_entry e;
	enum sp_code rc = sp_reader_get(k->reader, r->seq, &e, err);

	*why = NULL;
	if (rc == SP_ENOTFOUND) {
		*why = "the archive has no such entry";
		return (SP_OK);
	}
	/* An erased entry was there, and its destruction is in the log. */
	if (rc != SP_OK || !e.has_record)
		return (rc);
	rc = sp_record_parse(e.record, &rec, err);
	if (rc != SP_OK)
		return (
		    sp_err_prefix(err, "%s: entry %" PRIu64, e.where, r->seq));
	if (!rec.has_message ||
	    memcmp(rec.sha256, r->sha256, sizeof(rec.sha256)) != 0)
		*why = "the archive has another message there";
	sp_record_done(&rec);
	return (SP_OK);
}

/* A delivery that this archive acknowledged. */
static enum sp_code
on_receipt(struct maillog_check *k, const struct sp_delivered_case *c,
    struct sp_err *err)
{
	const char *why;
	enum sp_code rc = compare(k, &c->receipt, &why, err);

	if (rc != SP_OK)
		return (rc);
	k->acknowledged++;
	if (why == NULL)
		k->archived++;
	else
		print_finding(k, c, why);
	return (SP_OK);
}

/* Whether any entry has this Message-ID. */
static enum sp_code
has_msgid(const struct maillog_check *k, struct sp_view msgid, bool *has,
    struct sp_err *err)
{
	struct sp_search_opts o = { .limit = 1, .no_total = true };
	struct sp_search_result result = { 0 };
	char *query;
	enum sp_code rc;

	*has = false;
	if (msgid.n == 0 || memchr(msgid.p, '"', msgid.n) != NULL)
		return (SP_OK);
	query = sp_xasprintf("msgid:\"%.*s\"", (int)msgid.n, msgid.p);
	o.query = query;
	o.count_only = true;
	rc = sp_search(k->r->app->dir, &o, NULL, NULL, &result, err);
	free(query);
	*has = rc == SP_OK && result.total > 0;
	/* What the query language does not take as a Message-ID, no entry
	 * has. */
	return (rc == SP_EUSAGE ? SP_OK : rc);
}

/* What became of one delivery, looked up in the archive. */
static enum sp_code
on_case(void *ctx, const struct sp_delivered_case *c, struct sp_err *err)
{
	struct maillog_check *k = ctx;
	bool has = false;
	enum sp_code rc = SP_OK;

	if (c->what == SP_DELIVERED_RECEIPT)
		return (on_receipt(k, c, err));
	if (c->what == SP_DELIVERED_CUT) {
		k->cut++;
		return (SP_OK);
	}
	rc = has_msgid(k, c->msgid, &has, err);
	if (rc != SP_OK)
		return (rc);
	if (has)
		k->other_way++;
	else if (c->what == SP_DELIVERED_ELSEWHERE && c->has_from &&
		 c->from.n == 0)
		k->notices++;
	else
		print_finding(k, c, "the archive does not have it");
	return (SP_OK);
}

/* Give the whole lines of ${b} to ${d}; what is left is moved to its front.  At
 * the ${end} the rest is a line, too. */
static enum sp_code
feed_lines(
    struct sp_delivered *d, struct sp_buf *b, bool end, struct sp_err *err)
{
	size_t at = 0;
	enum sp_code rc = SP_OK;

	while (rc == SP_OK && at < b->n) {
		const char *nl = memchr(b->p + at, '\n', b->n - at);
		size_t n = nl != NULL ? (size_t)(nl - b->p) - at : b->n - at;

		/* A line longer than the limit is cut, not collected. */
		if (nl == NULL && !end && n < SP_MAILLOG_LINE_MAX)
			break;
		rc = sp_delivered_line(d, sp_view_mem(b->p + at, n), err);
		at += n + (nl != NULL);
	}
	sp_buf_consume(b, at);
	return (rc);
}

/* Read the next bytes of ${fd} to the end of ${b}; ${got} is 0 at the end.
 * Ctrl-C ends a read that waits. */
static enum sp_code
read_some(
    int fd, const char *path, struct sp_buf *b, size_t *got, struct sp_err *err)
{
	char *at = sp_buf_reserve(b, CHUNK);
	ssize_t n;

	if (at == NULL)
		return (sp_err_set(err, SP_ELIMIT, 0, "%s: no memory", path));
	do
		n = read(fd, at, CHUNK);
	while (n < 0 && errno == EINTR && !sp_interrupt_caught());
	if (n < 0)
		return (sp_err_set(err, errno == EINTR ? SP_EINTERRUPT : SP_EIO,
		    errno, "%s: cannot be read", path));
	b->n += (size_t)n;
	*got = (size_t)n;
	return (SP_OK);
}

/* Read the log to its end and have every delivery judged; SP_EUSAGE for a file
 * that is compressed. */
static enum sp_code
read_log(struct maillog_check *k, struct sp_delivered *d, int fd,
    const char *path, struct sp_err *err)
{
	uint64_t done = 0, size = 0;
	struct stat st;
	struct sp_buf b;
	size_t got = 1;
	enum sp_code rc = SP_OK;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		size = (uint64_t)st.st_size;
	sp_buf_init(&b, 2 * CHUNK + SP_MAILLOG_LINE_MAX);
	while (rc == SP_OK && got > 0) {
		rc = read_some(fd, path, &b, &got, err);
		if (rc == SP_OK && done == 0 && b.n >= 2 &&
		    memcmp(b.p, "\x1f\x8b", 2) == 0)
			rc = sp_err_set(err, SP_EUSAGE, 0,
			    "%s is compressed; write `zcat %s | sealpost reconcile --maillog -`",
			    path, path);
		done += got;
		if (rc == SP_OK)
			rc = feed_lines(d, &b, got == 0, err);
		if (rc == SP_OK && !sp_progress_step(&k->progress, done,
				       size > done ? size : done))
			rc = sp_err_set(err, SP_EINTERRUPT, 0, "interrupted");
	}
	if (rc == SP_OK)
		rc = sp_delivered_finish(d, err);
	sp_buf_done(&b);
	return (rc);
}

/* Open the log ${path} and read it.  SP_EFORMAT: it has no line of a mail
 * server that is known. */
static enum sp_code
check_log(struct maillog_check *k, const char *path, struct sp_err *err)
{
	const char *relays[1] = { k->r->relay };
	const struct sp_delivered_opts opts = { .relays = relays,
		.nrelays = k->r->relay != NULL,
		.fn = on_case,
		.ctx = k };
	struct sp_delivered *d = sp_delivered_new(&opts);
	int fd = STDIN_FILENO;
	enum sp_code rc = SP_OK;

	if (strcmp(path, "-") != 0)
		rc = sp_io_open(path, O_RDONLY, 0, &fd, err);
	if (rc == SP_OK)
		rc = read_log(k, d, fd, path, err);
	if (rc == SP_OK && sp_delivered_lines(d) == 0)
		rc = sp_err_set(err, SP_EFORMAT, 0,
		    "%s: no line of a Postfix or Exim log is in it; expected the log that names deliveries (mail.log, mainlog)",
		    path);
	if (rc == SP_OK && !sp_delivered_knows_us(d))
		(void)fprintf(stderr,
		    "sealpost: note: %s has no delivery that this archive acknowledged; name the archive by --relay HOST:PORT if the mail server sends to it\n",
		    path);
	if (fd > STDIN_FILENO)
		(void)sp_io_close(fd, NULL);
	sp_delivered_free(d);
	return (rc);
}

static void
print_summary(const struct maillog_check *k, const char *path)
{
	char a[32], b[32], c[32], d[32], e[32], f[32];

	(void)fprintf(stderr,
	    "sealpost: %s: %s acknowledged, %s of them in the archive; %s there by another way, %s notices without sender, %s that begin before this log; %s missing\n",
	    path, sp_human_count(k->acknowledged, a),
	    sp_human_count(k->archived, b), sp_human_count(k->other_way, c),
	    sp_human_count(k->notices, d), sp_human_count(k->cut, e),
	    sp_human_count(k->missing, f));
}

enum sp_code
sp_reconcile_maillog(const struct sp_reconcile *r, const char *path,
    uint64_t *missing, struct sp_err *err)
{
	struct maillog_check k = { .r = r };
	enum sp_code rc = sp_reader_open(r->app->dir, &k.reader, err);

	sp_interrupt_catch();
	sp_progress_init(&k.progress, r->app, "reading", "bytes");
	if (rc == SP_OK)
		rc = check_log(&k, path, err);
	sp_progress_end(&k.progress);
	sp_reader_close(k.reader);
	if (rc == SP_OK && !r->app->quiet)
		print_summary(&k, path);
	if (rc == SP_OK)
		*missing += k.missing;
	return (rc);
}
