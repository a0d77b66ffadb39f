#include "journal/log/append_clock_priv.h"

#include <sys/timex.h>

/* Slewing may add up to two seconds an hour: forget it after so long, or
 * an honest clock would seem to step after a day and a half. */
#define PAIR_AGE (3600 * SP_SECOND)

void
sp_append_clock_look(struct sp_append_clock *c, int64_t wall, int64_t boot,
    bool synchronised, struct sp_clock_look *out)
{
	struct sp_clock_look l = { .wall = wall, .boot = boot };
	int64_t step;

	if (c->running)
		l.expected = c->wall + (boot - c->boot);
	else
		l.expected = c->last == 0 ? wall : c->last;
	step = wall - l.expected;
	if (step > SP_CLOCK_LEAP_MAX) {
		l.synchronised = synchronised;
		l.word = synchronised || c->accepted ? SP_CLOCK_ACCEPTED
						     : SP_CLOCK_REFUSED;
	} else if (step < -SP_CLOCK_STEP_MAX ||
		   (c->running && step > SP_CLOCK_STEP_MAX)) {
		l.word = SP_CLOCK_STEPPED;
	}
	l.news = l.word == SP_CLOCK_REFUSED && !c->leapt;
	c->leapt = l.word == SP_CLOCK_REFUSED;
	*out = l;
}

void
sp_append_clock_take(struct sp_append_clock *c, const struct sp_clock_look *l)
{
	if (!c->running || l->word != SP_CLOCK_FINE ||
	    l->boot - c->boot > PAIR_AGE) {
		c->wall = l->wall;
		c->boot = l->boot;
		c->running = true;
	}
	/* The operator spoke of the clock as he saw it, not of a later leap. */
	c->accepted = false;
}

bool
sp_append_clock_synchronised(int64_t wall)
{
	struct timex t = { .modes = 0 };
	int64_t apart;
	int state = ntp_adjtime(&t);

	if (state == -1 || state == TIME_ERROR)
		return (false);
	/* Its word does not count for another clock (that of a test). */
	apart = (int64_t)t.time.tv_sec - wall / SP_SECOND;
	return (apart >= -2 && apart <= 2);
}
