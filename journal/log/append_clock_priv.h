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
 */
#ifndef SP_LOG_APPEND_CLOCK_PRIV_H
#define SP_LOG_APPEND_CLOCK_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* Microseconds, as all times here. */
#define SP_CLOCK_STEP_MAX (60 * SP_SECOND) /* larger ones are logged */
#define SP_CLOCK_LEAP_MAX (86400 * SP_SECOND) /* larger ones are refused */

struct sp_append_clock {
	int64_t last; /* received of the last entry; 0: none */
	bool running; /* wall and boot are a pair of one instant */
	int64_t wall, boot;
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
	bool synchronised; /* ACCEPTED: by this; else by the operator */
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
