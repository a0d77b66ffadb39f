/*
 * CPU time of the calling thread, in microseconds: what a test of cost
 * measures, since it does not grow because the machine is busy.
 */
#ifndef SP_TESTS_LIB_CPUTIME_H
#define SP_TESTS_LIB_CPUTIME_H

#include <stdint.h>
#include <time.h>

/* CPU time that this thread has used so far, in microseconds. */
static inline int64_t
sp_cputime(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0)
		return (0);
	return ((int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
}

#endif
