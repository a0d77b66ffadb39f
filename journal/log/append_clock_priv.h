/*
 * The clock rules (DESIGN section 4, Time).  Pure: instants come in.  Private
 * to append*.c.
 *
 * START -- first check --> RUNNING <--> LEAPT (refusing)
 *
 * RUNNING compares the wall clock with the boot clock.  START has no boot
 * clock to compare with, only the time of the last entry.
 */
#ifndef SP_LOG_APPEND_CLOCK_PRIV_H
#define SP_LOG_APPEND_CLOCK_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define SP_CLOCK_STEP_MAX (60 * SP_SECOND) /* larger ones are logged */
#define SP_CLOCK_LEAP_MAX (86400 * SP_SECOND) /* larger ones are refused */

struct sp_append_clock {
	int64_t last; /* received of the last entry; 0: none */
	bool running; /* wall and boot are a pair of one instant */
	int64_t wall, boot;
	bool leapt; /* refusing */
	bool accepted; /* by an operator, for the leap that comes next */
};

enum sp_clock_word {
	SP_CLOCK_FINE,
	SP_CLOCK_STEPPED, /* log it, then sp_append_clock_take */
	SP_CLOCK_ACCEPTED, /* a leap, accepted: log it, then take */
	SP_CLOCK_REFUSED /* a leap, not accepted */
};

struct sp_clock_look {
	enum sp_clock_word word;
	int64_t wall, boot;
	int64_t expected; /* what the wall clock should be */
	bool synchronised; /* why it was accepted; else the operator */
	bool news; /* REFUSED: for the first time */
};

/* Judge the instant; changes nothing but c->leapt. */
void sp_append_clock_look(struct sp_append_clock *c, int64_t wall, int64_t boot,
    bool synchronised, struct sp_clock_look *out);
/* The instant was taken into the log: judge from here from now on. */
void sp_append_clock_take(
    struct sp_append_clock *c, const struct sp_clock_look *l);
/* Whether the kernel says that its clock is synchronised, and ${wall} is that
 * clock. */
bool sp_append_clock_synchronised(int64_t wall);

#endif
