/*
 * Whether a message that came is the message that the server announced.  Bytes
 * in, a verdict out, no I/O and no clock.  The engine (pull_deliver.c) feeds
 * every message through sp_whole_scan on its way, whatever the protocol, and
 * asks sp_whole_judge() before it is handed over.  The rules, in words:
 * doc/pull.md, "A copy counts only when it is whole".
 *
 *	whole		captured: it may be deleted on the server
 *	again		not handed over; fetch it once more, now
 *	short, empty, substitute, inconsistent
 *			evidence: stored with a flag, never a reason to delete,
 *			fetched again at later visits
 */
#ifndef SP_PULL_WHOLE_H
#define SP_PULL_WHOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"
#include "base/view.h"

#define SP_WHOLE_SIZE_UNKNOWN UINT64_MAX
/* Bytes that servers are off by: a line end at the end of the message that is
 * counted or not, the dot that ends it in POP3. */
#define SP_WHOLE_FEW 5
/* How old the first fetch must be before a later one confirms bytes that are
 * too few, microseconds. */
#define SP_WHOLE_WAIT_US ((int64_t)3600 * 1000000)

enum sp_whole_verdict {
	SP_WHOLE,
	SP_WHOLE_AGAIN,
	SP_WHOLE_SHORT,
	SP_WHOLE_EMPTY,
	SP_WHOLE_SUBSTITUTE, /* a text of the server instead of the message */
	SP_WHOLE_INCONSISTENT /* not the size, and other bytes each time */
};

/* What is known of the bytes of one fetch. */
struct sp_whole_facts {
	uint64_t bytes;
	uint64_t crlf, bare_lf; /* line ends of each kind */
	uint8_t sha256[SP_SHA256_LEN];
	bool multipart; /* the header names a boundary */
	bool closed; /* ... and its closing delimiter came */
	bool substitute; /* it is a text known to stand for a message */

	/* The caller's. */
	uint64_t announced; /* LIST or RFC822.SIZE; or SP_WHOLE_SIZE_UNKNOWN */
	bool out_of_step; /* POP3: what came behind it was no reply */
	int64_t when; /* of the fetch, wall clock, microseconds */
	int64_t session; /* which one: any number of its own */
};

/* What is remembered of the fetches before. */
struct sp_whole_past {
	bool any; /* what follows is valid */
	uint64_t bytes;
	uint8_t sha256[SP_SHA256_LEN]; /* of the last fetch */
	int64_t since; /* when these bytes came first, wall clock, us */
	int64_t session; /* ... and in which session */
	bool second; /* the present fetch is the second one, right behind a
			first one of the same visit */
};

/*
 * The verdict over one fetch.
 *
 * Agreeing with what was announced: the same number of bytes, a few more or
 * less (SP_WHOLE_FEW), or that number with each line end counted as one byte
 * instead of two, or as two instead of one.
 */
enum sp_whole_verdict sp_whole_judge(
    const struct sp_whole_facts *now, const struct sp_whole_past *past);
/* Whether the number of bytes agrees with what was announced, as above; false
 * where it is not known. */
bool sp_whole_agrees(const struct sp_whole_facts *now);
/* The name of the flag that the record of such evidence has: "short",
 * "substitute", "inconsistent"; NULL: none (SP_WHOLE, SP_WHOLE_AGAIN). */
const char *sp_whole_flag(enum sp_whole_verdict v);
/* The verdict for a person: "the server sent an empty message". */
const char *sp_whole_text(enum sp_whole_verdict v);

/* ---- the bytes of a message, as they come ------------------------------ */

struct sp_whole_scan;

/* A scan that has seen nothing yet.  Never NULL. */
struct sp_whole_scan *sp_whole_scan_new(void);
void sp_whole_scan_free(struct sp_whole_scan *s); /* NULL is fine */
/* Forget what was seen: another message begins. */
void sp_whole_scan_reset(struct sp_whole_scan *s);
/* The next bytes. */
void sp_whole_scan_add(struct sp_whole_scan *s, struct sp_view bytes);
/* That was all: fill ${out}, whose members of the caller are left alone.  Reset
 * the scan before it is used again. */
void sp_whole_scan_end(struct sp_whole_scan *s, struct sp_whole_facts *out);

#endif
