/*
 * Crash tests: a piece of work is interrupted at every one of its mutating
 * calls in every way that base/io.h can simulate, and must come out right.
 * doc/testing.md describes the kinds.  Each run is a process of its own.
 *
 * After each fault the harness asserts that
 *   1. the fault fired, or its kind does not apply to that call;
 *   2. everything acknowledged is there;
 *   3. what is there is a prefix of the undisturbed run (or a subset);
 *   4. the work, started again, comes to the undisturbed end;
 *   5. another start changes nothing on disk.
 */
#ifndef SP_TESTS_CRASH_HARNESS_H
#define SP_TESTS_CRASH_HARNESS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct crash_scenario {
	const char *name;
	/* Fill ${dir}; all of it counts as durable.  Abort on failure. */
	void (*setup)(const char *dir);
	/*
	 * The work, from whatever ${dir} holds to the end.  Calls crash_ack()
	 * for each fact that it would tell a peer.  A failing call may end it
	 * with that code, or it goes on as the real caller would.
	 */
	enum sp_code (*work)(const char *dir, struct sp_err *err);
	/*
	 * A start that does no work: recovers and stops.  What is there is
	 * looked at before and after it; what was acknowledged must be there
	 * after it.  NULL: there is no recovery.
	 */
	enum sp_code (*start)(const char *dir, struct sp_err *err);
	/*
	 * What is there, one line each, in the order in which the work makes
	 * it.  A line acknowledged is one of these lines.  Read only.  Fails
	 * where what is there contradicts itself.
	 */
	enum sp_code (*state)(
	    const char *dir, struct sp_buf *out, struct sp_err *err);
	/* Files that a start may change (lock files ...); NULL: none. */
	bool (*may_change)(const char *name);
	/* Lines may be missing anywhere, not only at the end. */
	bool subset;
	/* What is made can be made again: nothing is acknowledged. */
	bool derived;
	/* In CI every so many-th call is tried (0: every one). */
	unsigned stride;
	/* --long: second faults of a kind tried for each first one (0: 16);
	 * with 1 only for every fourth. */
	unsigned nested;
};

/* In work(): the peer has been told.  One line, without its newline. */
void crash_ack(const char *fmt, ...) SP_PRINTF(1, 2);

/*
 * NAME [--long] [--stride N] [--only KIND:N] [--keep]
 * --long (or SP_LONG=1 in the environment): every call, and a second fault in
 * the recovery from the first.
 * Returns the exit status.
 */
int crash_main(int argc, char **argv, const struct crash_scenario *s);

#endif
