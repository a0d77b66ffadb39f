/*
 * The clock rules of the single writer (doc/architecture.md, "Time").  Pure:
 * instants come in, a verdict comes out.  Private to append*.c.
 *
 *   START -- look taken --> RUNNING
 *     |                       |  ^
 *     | leap             leap |  | clock back, synchronised or accepted
 *     |                       v  |
 *     +-------------------> LEAPT
 *
 * RUNNING compares the wall clock with the boot clock, which nobody sets.
 * START has no boot clock to compare with, only the time of the last entry.
 * In LEAPT nothing may be appended.
 *
 * A clock that was evidently unset says nothing about the clock that comes
 * after it: one before SP_CLOCK_EPOCH, or one that was found behind the last
 * entry at start.  From there a leap is taken as the clock being set, within
 * limits that a broken clock does not keep.  No entry is spoiled by that, since
 * `received` never goes back, and goes no further than the clock.
 */
#ifndef SP_LOG_APPEND_CLOCK_PRIV_H
#define SP_LOG_APPEND_CLOCK_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* Microseconds, as all times here. */
#define SP_CLOCK_STEP_MAX (60 * SP_SECOND) /* larger ones are logged */
#define SP_CLOCK_LEAP_MAX (86400 * SP_SECOND) /* larger ones are refused */
/* 2026-11-01T00:00:00Z: no build of this program is older, so a clock that says
 * less is unset.  To be raised with releases; a constant, so that builds can be
 * reproduced. */
#define SP_CLOCK_EPOCH (INT64_C(1793491200) * SP_SECOND)
/* How far an unset clock may be set without the word of an operator: beyond the
 * last entry, or beyond the epoch where no entry is younger than that. */
#define SP_CLOCK_SET_LAST  (366 * SP_CLOCK_LEAP_MAX)
#define SP_CLOCK_SET_EPOCH (3653 * SP_CLOCK_LEAP_MAX)

struct sp_append_clock {
	int64_t last; /* received of the last entry; 0: none */
	bool running; /* wall and boot are a pair of one instant */
	int64_t wall, boot;
	bool behind; /* since start the wall clock is behind the last entry */
	/* The pair that was furthest ahead: where the clock would be had it not
	 * gone back since. */
	int64_t ahead_wall, ahead_boot;
	bool leapt; /* refusing */
	bool accepted; /* by an operator; until sp_append_clock_advance */
};

enum sp_append_clock_verdict {
	SP_CLOCK_FINE = 0, /* what sp_append_clock_judge begins with */
	SP_CLOCK_STEPPED, /* log it, then sp_append_clock_advance */
	SP_CLOCK_ACCEPTED, /* a leap, accepted: the same */
	SP_CLOCK_REFUSED /* a leap, not accepted */
};

/* One look at the clocks, and what the rules say of it. */
struct sp_append_clock_reading {
	enum sp_append_clock_verdict verdict;
	int64_t wall, boot;
	int64_t expected; /* what the wall clock should be */
	/* ACCEPTED: why, "synchronised", "operator", or "unset" for a clock
	 * that had not been set before; else NULL.  Static. */
	const char *accepted;
	bool first_refusal; /* REFUSED, and the look before was not */
};

/* Judge one instant of both clocks; ${synchronised}: a leap is accepted because
 * the kernel calls its clock synchronised.  Changes nothing but c->leapt. */
void sp_append_clock_judge(struct sp_append_clock *c, int64_t wall,
    int64_t boot, bool synchronised, struct sp_append_clock_reading *out);
/* ${reading} was acted upon (its entries are durable): judge from it from now
 * on. */
void sp_append_clock_advance(
    struct sp_append_clock *c, const struct sp_append_clock_reading *reading);
/* Whether the kernel says that its clock is synchronised, and ${wall} is that
 * clock. */
bool sp_append_clock_synchronised(int64_t wall);

#endif
