/*
 * The flag behind sp_interrupted(), set by the handler of SIGINT and SIGTERM.
 * It is the only state; it is never cleared, since a command that was
 * interrupted ends.
 */
#include "app/common/interrupt.h"

#include <signal.h>
#include <stddef.h>

#include "base/attr.h"

static volatile sig_atomic_t interrupted;

static void
on_signal(int sig SP_UNUSED)
{
	interrupted = 1;
}

void
sp_interrupt_catch(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	/* The second Ctrl-C ends the program: what is durable stays. */
	sa.sa_flags = (int)SA_RESETHAND;
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
}

bool
sp_interrupted(void)
{
	return (interrupted != 0);
}
