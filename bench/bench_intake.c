/*
 * How fast the intake log takes batches: batches a second (each one write,
 * one sync, one mark) and CPU a message.  Not a test: run by hand or by the
 * bench script.
 *
 *   bench_intake DIR [SIZE [PER_BATCH [SECONDS]]]     the log alone
 *   bench_intake -a ARCHIVE [SIZE [PER_BATCH [SECONDS]]]  all of append.h
 *
 * DIR is an empty directory on the disk to measure.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/config/config.h"
#include "base/io.h"
#include "base/sha256.h"
#include "journal/log/append.h"
#include "journal/log/intake.h"

#define RECORD_LEN  700 /* of a typical record */
#define BATCH_MAX   4096
#define SIZE_MAX_   (64u << 20)
#define BATCHES_MAX 1000000

struct bench {
	size_t size, per_batch;
	uint64_t seconds;
	char *msg;
	uint8_t sha256[SP_SHA256_LEN];
	struct sp_intake *in;
	struct sp_append *append;
	int64_t *took; /* of each batch, us */
	uint64_t batches;
};

static struct sp_err err;

static _Noreturn void
quit(void)
{
	(void)fprintf(stderr, "bench_intake: %s\n", err.msg);
	exit(2);
}

static int64_t
cpu_us(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) != 0)
		abort();
	return ((int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * SP_SECOND +
		u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static enum sp_code
log_batch(struct bench *b)
{
	static struct sp_intake_entry e[BATCH_MAX];
	static char record[RECORD_LEN];

	memset(record, 'r', sizeof(record));
	for (size_t i = 0; i < b->per_batch; i++)
		e[i] = (struct sp_intake_entry){
			.seq = sp_intake_next_seq(b->in) + i,
			.record = sp_view_mem(record, sizeof(record)),
			.has_message = true,
			.msg = sp_view_mem(b->msg, b->size),
			.fd = -1,
		};
	return (sp_intake_commit(b->in, e, b->per_batch, &err));
}

static enum sp_code
append_batch(struct bench *b)
{
	static struct sp_append_item items[BATCH_MAX];
	static const struct sp_view params[] = { { "BODY=8BITMIME", 13 } };
	const struct sp_rcpt to = {
		.addr = SP_VIEW_LIT("journal@archive.example"),
	};
	const struct sp_facts facts = {
		.from = SP_VIEW_LIT("alice@corp.example"),
		.has_envelope = true,
		.from_params = params,
		.nfrom_params = 1,
		.to = &to,
		.nto = 1,
		.source = SP_VIEW_LIT(
		    "\"via\":\"smtp\",\"grade\":\"witnessed\",\"listener\":\"mta\",\"peer\":\"192.0.2.7:51234\",\"local\":\"192.0.2.1:25\",\"helo\":\"mx1.corp.example\",\"proto\":\"ESMTP\",\"session\":\"f31a77\",\"transaction\":3"),
	};

	for (size_t i = 0; i < b->per_batch; i++) {
		items[i] = (struct sp_append_item){
			.facts = &facts,
			.msg = sp_view_mem(b->msg, b->size),
			.fd = -1,
		};
		memcpy(items[i].sha256, b->sha256, sizeof(b->sha256));
	}
	return (sp_append_commit(b->append, items, b->per_batch, &err));
}

static int
by_time(const void *pa, const void *pb)
{
	const int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;

	return (a < b ? -1 : a > b);
}

static void
run(struct bench *b)
{
	const int64_t start = sp_clock_boot(), cpu = cpu_us();
	const int64_t end = start + (int64_t)b->seconds * SP_SECOND;
	int64_t now = start, wall, used;
	double messages;

	while (now < end && b->batches < BATCHES_MAX) {
		const int64_t before = now;
		enum sp_code rc =
		    b->append != NULL ? append_batch(b) : log_batch(b);

		if (rc == SP_OK && b->in != NULL &&
		    sp_intake_file_bytes(b->in) > (256u << 20))
			rc = sp_intake_rotate(b->in, &err);
		if (rc != SP_OK)
			quit();
		now = sp_clock_boot();
		b->took[b->batches++] = now - before;
	}
	wall = now - start;
	used = cpu_us() - cpu;
	messages = (double)b->batches * (double)b->per_batch;
	qsort(b->took, b->batches, sizeof(*b->took), by_time);
	(void)printf(
	    "%zu bytes, %zu a batch: %.0f batches/s, %.0f messages/s, %.1f us CPU a message, sync p50 %" PRId64
	    " us p99 %" PRId64 " us\n",
	    b->size, b->per_batch, (double)b->batches * 1e6 / (double)wall,
	    messages * 1e6 / (double)wall, (double)used / messages,
	    b->took[b->batches / 2], b->took[b->batches * 99 / 100]);
}

static uint64_t
argument(int argc, char **argv, int i, uint64_t otherwise, uint64_t max)
{
	uint64_t n;

	if (i >= argc)
		return (otherwise);
	if (!sp_view_u64(sp_view_str(argv[i]), &n) || n == 0 || n > max) {
		(void)fprintf(stderr, "bench_intake: bad number %s\n", argv[i]);
		exit(2);
	}
	return (n);
}

int
main(int argc, char **argv)
{
	const bool all = argc > 1 && strcmp(argv[1], "-a") == 0;
	const int at = all ? 2 : 1;
	const struct sp_append_opts opts = { .by = "sealpost bench" };
	struct sp_config *cfg = sp_config_default();
	struct sp_intake_found found;
	struct bench b = { 0 };
	char *path;

	if (argc <= at) {
		(void)fprintf(stderr,
		    "usage: bench_intake [-a] DIR [SIZE [PER_BATCH [SECONDS]]]\n");
		return (2);
	}
	b.size = (size_t)argument(argc, argv, at + 1, 4096, SIZE_MAX_);
	b.per_batch = (size_t)argument(argc, argv, at + 2, 1, BATCH_MAX);
	b.seconds = argument(argc, argv, at + 3, 5, 3600);
	b.msg = sp_xmalloc(b.size);
	memset(b.msg, 'm', b.size);
	sp_sha256_once(b.msg, b.size, b.sha256);
	b.took = sp_xcalloc(BATCHES_MAX, sizeof(*b.took));
	if (all) {
		if (sp_append_open(
			argv[at], cfg, &opts, &b.append, &found, &err) != SP_OK)
			quit();
	} else {
		path = sp_xasprintf("%s/intake", argv[at]);
		if (sp_io_mkdir(path, 0750, &err) != SP_OK ||
		    sp_intake_open(argv[at], "bench.example", 0, &b.in, &found,
			&err) != SP_OK)
			quit();
		free(path);
	}
	run(&b);
	sp_append_close(b.append);
	sp_intake_close(b.in);
	sp_config_free(cfg);
	free(b.took);
	free(b.msg);
	return (0);
}
