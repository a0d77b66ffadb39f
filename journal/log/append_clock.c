/*
 * The clock rules as a pure state machine (append_clock_priv.h has its states):
 * append.c looks at the clocks, asks for a verdict before each batch, and
 * reports back once the batch is durable.  That way a failed write never moves
 * the rules on.
 */
#include "base/clock.h"
#include "journal/log/append_clock_priv.h"

#include <stddef.h>
#include <sys/timex.h>

/* The pair of clocks is renewed after so long.  A time service that slews may
 * move the wall clock by two seconds an hour: kept for a day and a half, that
 * would look like a step of a minute. */
#define PAIR_AGE (3600 * SP_SECOND)

/* Whether the clock was evidently unset before this look, and ${wall} is no
 * further ahead than a clock that is set may be. */
static bool
was_unset(const struct sp_append_clock *c, int64_t expected, int64_t wall)
{
	if (expected >= SP_CLOCK_EPOCH && !c->behind)
		return (false);
	if (c->last >= SP_CLOCK_EPOCH)
		return (wall - c->last <= SP_CLOCK_SET_LAST);
	return (wall - SP_CLOCK_EPOCH <= SP_CLOCK_SET_EPOCH);
}

/* Why a leap to ${wall} is accepted; NULL: it is not. */
static const char *
why_accepted(const struct sp_append_clock *c, int64_t expected, int64_t wall,
    bool synchronised)
{
	if (was_unset(c, expected, wall))
		return ("unset");
	if (synchronised)
		return ("synchronised");
	return (c->accepted ? "operator" : NULL);
}

/* Whether ${wall} is where the clock was before it went back, or would be by
 * now: it was set right again, and did not leap. */
static bool
is_back(const struct sp_append_clock *c, int64_t wall, int64_t boot)
{
	return (c->running && wall - (c->ahead_wall + (boot - c->ahead_boot)) <=
				  SP_CLOCK_STEP_MAX);
}

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
	if (step > SP_CLOCK_LEAP_MAX && is_back(c, wall, boot)) {
		reading.verdict = SP_CLOCK_STEPPED;
	} else if (step > SP_CLOCK_LEAP_MAX) {
		reading.accepted =
		    why_accepted(c, reading.expected, wall, synchronised);
		reading.verdict = reading.accepted != NULL ? SP_CLOCK_ACCEPTED
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
	c->behind = reading->wall < c->last - SP_CLOCK_STEP_MAX &&
		    (c->behind || !c->running);
	if (!c->running ||
	    reading->wall >= c->ahead_wall + (reading->boot - c->ahead_boot)) {
		c->ahead_wall = reading->wall;
		c->ahead_boot = reading->boot;
	}
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
