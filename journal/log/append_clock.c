/*
 * The clock rules as a pure state machine (append_clock_priv.h has its states):
 * append.c looks at the clocks, asks for a verdict before each batch, and
 * reports back once the batch is durable.  That way a failed write never moves
 * the rules on.
 */
#include "base/clock.h"
#include "journal/log/append_clock_priv.h"

#include <sys/timex.h>

/* The pair of clocks is renewed after so long.  A time service that slews may
 * move the wall clock by two seconds an hour: kept for a day and a half, that
 * would look like a step of a minute. */
#define PAIR_AGE (3600 * SP_SECOND)

/*
 * Before the first look there is no pair of clocks, only the time of the last
 * entry: up to a day ahead of that is taken for the pause in which nothing ran.
 */
void
sp_append_clock_judge(struct sp_append_clock *c, int64_t wall, int64_t boot,
    bool synchronised, struct sp_append_clock_reading *out)
{
	struct sp_append_clock_reading reading = { .wall = wall, .boot = boot };
	int64_t step;

	if (c->running)
		reading.expected = c->wall + (boot - c->boot);
	else
		reading.expected = c->last == 0 ? wall : c->last;
	step = wall - reading.expected;
	if (step > SP_CLOCK_LEAP_MAX) {
		reading.synchronised = synchronised;
		reading.verdict = synchronised || c->accepted
				      ? SP_CLOCK_ACCEPTED
				      : SP_CLOCK_REFUSED;
	} else if (step < -SP_CLOCK_STEP_MAX ||
		   (c->running && step > SP_CLOCK_STEP_MAX)) {
		reading.verdict = SP_CLOCK_STEPPED;
	}
	reading.first_refusal =
	    reading.verdict == SP_CLOCK_REFUSED && !c->leapt;
	c->leapt = reading.verdict == SP_CLOCK_REFUSED;
	*out = reading;
}

void
sp_append_clock_advance(
    struct sp_append_clock *c, const struct sp_append_clock_reading *reading)
{
	if (!c->running || reading->verdict != SP_CLOCK_FINE ||
	    reading->boot - c->boot > PAIR_AGE) {
		c->wall = reading->wall;
		c->boot = reading->boot;
		c->running = true;
	}
	/* The operator accepted the clock as it was, not a later leap. */
	c->accepted = false;
}

/* The kernel's word is about its own clock; where ${wall} comes from another
 * one (that of a test), it does not count. */
bool
sp_append_clock_synchronised(int64_t wall)
{
	struct timex t = { .modes = 0 };
	int64_t apart;
	int state = ntp_adjtime(&t);

	if (state == -1 || state == TIME_ERROR)
		return (false);
	apart = (int64_t)t.time.tv_sec - wall / SP_SECOND;
	return (apart >= -2 && apart <= 2);
}
