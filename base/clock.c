/*
 * Reads the clocks of the system, or in tests the one that the test set.  All
 * instants of records, checkpoints and logs come from sp_clock_wall(); the
 * clock rules of the archive (what a step means) are journal/log/append_clock.
 */
#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/view.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* The wall clock of a test in microseconds, and what each reading adds to it;
 * below 0: the real clock. */
static int64_t frozen = -1, step;

#ifdef SP_FAULTS
/* Let SP_TEST_CLOCK="US[:STEP]" set the clock of a whole program, once; a value
 * of another form is ignored.  The lock is held. */
static void
read_environment(void)
{
	static bool looked;
	const char *text;
	struct sp_view rest, head;
	uint64_t us, by = 0;

	if (looked)
		return;
	looked = true;
	text = getenv("SP_TEST_CLOCK");
	if (text == NULL)
		return;
	rest = sp_view_str(text);
	head = sp_view_cut(&rest, ':');
	if (!sp_view_u64(head, &us) || us > INT64_MAX)
		return;
	if (rest.n > 0 && (!sp_view_u64(rest, &by) || by > INT64_MAX))
		return;
	frozen = (int64_t)us;
	step = (int64_t)by;
}
#endif

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		abort();
	return ((int64_t)ts.tv_sec * SP_SECOND + ts.tv_nsec / 1000);
}

int64_t
sp_clock_wall(void)
{
	int64_t now;

	(void)pthread_mutex_lock(&lock);
#ifdef SP_FAULTS
	read_environment();
#endif
	now = frozen;
	if (frozen >= 0)
		frozen += step;
	(void)pthread_mutex_unlock(&lock);
	return (now >= 0 ? now : read_clock(CLOCK_REALTIME));
}

int64_t
sp_clock_boot(void)
{
	return (read_clock(CLOCK_BOOTTIME));
}

void
sp_clock_set_for_test(int64_t us, int64_t by)
{
	(void)pthread_mutex_lock(&lock);
	frozen = us;
	step = by;
	(void)pthread_mutex_unlock(&lock);
}
