/*
 * The intake log: batches, a message from a file, rotations, and going on
 * after a failed write or sync as the receiver does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/io.h"
#include "base/record.h"
#include "journal/log/intake.h"
#include "base/layout.h"
#include "base/sha256.h"
#include "journal/log/reader.h"
#include "tests/crash/harness.h"

#define ORIGIN	 "crash.example/journal"
#define ENTRIES	 17u
#define TRIES	 3 /* of one batch: a fault fires once, or for good */
#define IN_FILE	 5u /* this entry's message comes from a file */
#define RECEIVED INT64_C(1795451000000000)

/* First seq of each batch; the log is rotated before those marked. */
static const struct {
	uint64_t first;
	bool rotate;
} batches[] = { { 0, false }, { 1, false }, { 4, false }, { 6, true },
	{ 7, false }, { 12, true }, { 13, false }, { 15, true },
	{ ENTRIES, false } };

#define NBATCHES (SP_COUNTOF(batches) - 1)

static void
must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "crash_intake: %s\n", what);
	abort();
}

/* Sizes around a page and a sector, and no message at all. */
static size_t
message(uint64_t seq, char out[9000])
{
	static const size_t sizes[] = { 0, 100, 511, 512, 513, 4096, 9000 };
	const size_t n = sizes[seq % SP_COUNTOF(sizes)];

	for (size_t i = 0; i < n; i++)
		out[i] = (char)('!' + (seq * 31 + i * 7) % 90);
	return (n);
}

/* The same record in every run: its salts come from the seq. */
static void
record(uint64_t seq, const char *msg, size_t n, struct sp_buf *out)
{
	struct sp_stamp st = { .seq = seq,
		.received = RECEIVED + (int64_t)seq * SP_SECOND,
		.size = n,
		.by = "crash" };
	struct sp_facts f = { .has_envelope = true,
		.from = SP_VIEW_LIT("a@example.org"),
		.source =
		    SP_VIEW_LIT("\"via\":\"smtp\",\"grade\":\"witnessed\"") };

	st.clock = st.received;
	memset(st.salt, (int)seq + 1, sizeof(st.salt));
	memset(st.msalt, (int)seq + 2, sizeof(st.msalt));
	sp_sha256_once(msg, n, st.sha256);
	sp_buf_clear(out);
	must(sp_record_format_message(out, &st, &f) == SP_OK, "record");
}

static void
setup(const char *dir)
{
	static const char *const dirs[] = { "intake", "state", "archive",
		"tree" };

	for (size_t i = 0; i < SP_COUNTOF(dirs); i++) {
		char *path = sp_layout_path(dir, dirs[i]);

		must(sp_io_mkdir(path, 0700, NULL) == SP_OK, path);
		free(path);
	}
	must(sp_layout_write_format(dir, ORIGIN, NULL) == SP_OK, "FORMAT");
}

/* "entry SEQ SHA-256 of record and message", as acknowledged and as read. */
static void
line(uint64_t seq, struct sp_view rec, struct sp_view msg, char out[128])
{
	uint8_t sum[SP_SHA256_LEN];
	char hex[2 * SP_SHA256_LEN + 1];

	sp_sha256_two(rec.p, rec.n, msg.p, msg.n, sum);
	sp_hex_encode(sum, sizeof(sum), hex);
	(void)snprintf(out, 128, "entry %" PRIu64 " %s", seq, hex);
}

struct batch {
	struct sp_intake_entry e[8];
	struct sp_buf record[8];
	char msg[8][9000];
	size_t n;
};

static void
fill(struct batch *b, uint64_t first, uint64_t end)
{
	memset(b, 0, sizeof(*b));
	for (uint64_t seq = first; seq < end; seq++, b->n++) {
		struct sp_intake_entry *e = &b->e[b->n];
		const size_t n = message(seq, b->msg[b->n]);

		sp_buf_init(&b->record[b->n], SP_RECORD_MAX);
		record(seq, b->msg[b->n], n, &b->record[b->n]);
		e->seq = seq;
		e->record = sp_buf_view(&b->record[b->n]);
		e->has_message = true;
		e->msg = sp_view_mem(b->msg[b->n], n);
		e->fd = -1;
	}
}

static void
empty(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		sp_buf_done(&b->record[i]);
}

/* The message of one entry in an unnamed file, as a large one would be. */
static enum sp_code
spill(struct sp_intake_entry *e, const char *dir, int *fd, struct sp_err *err)
{
	char *state = sp_layout_path(dir, "state");
	enum sp_code rc;

	rc = sp_io_tmpfile(state, fd, err);
	if (rc == SP_OK)
		rc = sp_io_pwrite(*fd, e->msg.p, e->msg.n, 0, err);
	free(state);
	return (rc);
}

static enum sp_code
commit(
    struct sp_intake *in, const char *dir, struct batch *b, struct sp_err *err)
{
	enum sp_code rc = SP_OK;
	struct sp_view msg = { 0 };
	size_t k = IN_FILE - b->e[0].seq;
	bool large = b->e[0].seq <= IN_FILE && k < b->n;
	int fd = -1;

	if (large) {
		rc = spill(&b->e[k], dir, &fd, err);
		msg = b->e[k].msg;
		b->e[k].fd = fd;
		b->e[k].msg.p = NULL;
	}
	if (rc == SP_OK)
		rc = sp_intake_commit(in, b->e, b->n, err);
	if (large)
		b->e[k].msg = msg;
	(void)sp_io_close(fd, NULL);
	return (rc);
}

/* Commit the entries [first, end) as one batch, and try again after a failure,
 * as peers do. */
static enum sp_code
deliver(struct sp_intake *in, const char *dir, uint64_t first, uint64_t end,
    bool rotate, struct sp_err *err)
{
	static struct batch b;
	enum sp_code rc = SP_EIO;
	char text[128];

	fill(&b, first, end);
	for (int k = 0; k < TRIES && rc != SP_OK; k++) {
		/* A refused batch must not have happened. */
		must(sp_intake_next_seq(in) == first, "next seq");
		rc = SP_OK;
		if (rotate && sp_intake_file_bytes(in) > 0 && k == 0)
			rc = sp_intake_rotate(in, err);
		if (rc == SP_OK)
			rc = commit(in, dir, &b, err);
	}
	for (size_t k = 0; rc == SP_OK && k < b.n; k++) {
		line(b.e[k].seq, b.e[k].record, b.e[k].msg, text);
		crash_ack("%s", text);
	}
	empty(&b);
	return (rc);
}

/* Peers that come back after an interruption do not form the same batches:
 * then each entry is one.  The file tells state() about it. */
static bool
resumed(const char *dir, bool now)
{
	char *path = sp_layout_path(dir, "state/resumed");
	bool is;

	if (now)
		must(sp_io_publish(path, "", 0, 0600, NULL) == SP_OK, path);
	is = sp_io_exists(path);
	free(path);
	return (is);
}

static enum sp_code
work(const char *dir, struct sp_err *err)
{
	struct sp_intake_found found;
	struct sp_intake *in = NULL;
	enum sp_code rc;
	bool single = false;

	rc = sp_intake_open(dir, ORIGIN, 0, &in, &found, err);
	if (rc == SP_OK && found.next_seq < ENTRIES)
		single = resumed(dir, found.next_seq > 0);
	for (size_t i = 0; rc == SP_OK && i < NBATCHES; i++) {
		const uint64_t end = batches[i + 1].first;
		uint64_t seq;

		while (rc == SP_OK && (seq = sp_intake_next_seq(in)) < end)
			rc = deliver(in, dir, seq, single ? seq + 1 : end,
			    batches[i].rotate && seq == batches[i].first, err);
	}
	sp_intake_close(in);
	return (rc);
}

static enum sp_code
start(const char *dir, struct sp_err *err)
{
	struct sp_intake_found found;
	struct sp_intake *in = NULL;
	enum sp_code rc;

	rc = sp_intake_open(dir, ORIGIN, 0, &in, &found, err);
	sp_intake_close(in);
	return (rc);
}

static enum sp_code
state(const char *dir, struct sp_buf *out, struct sp_err *err)
{
	struct sp_reader *r = NULL;
	struct sp_entry e;
	uint64_t next = 0;
	enum sp_code rc;
	bool whole = resumed(dir, false);

	rc = sp_reader_open(dir, &r, err);
	while (rc == SP_OK) {
		char text[128];

		rc = sp_reader_next(r, &e, err);
		if (rc != SP_OK)
			break;
		line(e.seq, e.record, e.msg, text);
		rc = sp_buf_addf(out, "%s\n", text);
		next = e.seq + 1;
	}
	sp_reader_close(r);
	for (size_t i = 0; i <= NBATCHES; i++)
		whole = whole || batches[i].first == next;
	if (rc == SP_EEND && !whole)
		return (sp_err_set(err, SP_EFORMAT, 0,
		    "a batch is there in part: next seq %" PRIu64, next));
	return (rc == SP_EEND ? SP_OK : rc);
}

int
main(int argc, char **argv)
{
	const struct crash_scenario s = { .name = "intake",
		.setup = setup,
		.work = work,
		.start = start,
		.state = state };

	return (crash_main(argc, argv, &s));
}
