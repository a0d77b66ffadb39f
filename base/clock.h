/*
 * The clocks.  Nothing else in the program asks the system for the time, so
 * that tests can set it.  Instants are int64_t microseconds since
 * 1970-01-01T00:00:00Z (UTC, no leap seconds); as text: base/time_text.h.
 */
#ifndef SP_BASE_CLOCK_H
#define SP_BASE_CLOCK_H

#include <stdint.h>

#define SP_SECOND INT64_C(1000000) /* microseconds */

/* The wall clock (UTC).  It may step either way when it is set. */
int64_t sp_clock_wall(void);
/* Microseconds since the machine started, sleep included (CLOCK_BOOTTIME): it
 * never steps, and measures how long something took. */
int64_t sp_clock_boot(void);
/*
 * Tests only: the wall clock stands at ${us} and advances by ${step} with each
 * reading; ${us} below 0 goes back to the real clock.  In builds with SP_FAULTS
 * the environment SP_TEST_CLOCK="US[:STEP]" does the same for a whole program.
 */
void sp_clock_set_for_test(int64_t us, int64_t step);

#endif
