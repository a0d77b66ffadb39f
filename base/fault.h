/*
 * Faults on demand, for tests: make the Nth mutating call of base/io.h fail, or
 * end the process there as a crash or a power cut would.  Only in builds with
 * SP_FAULTS; in a release these functions do nothing.  The kinds, and the
 * environment SP_FAULT=KIND:N for whole programs: doc/testing.md.
 */
#ifndef SP_BASE_FAULT_H
#define SP_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* Let the fault ${kind} ("enospc", "eio", "crash" ...) act at mutating call
 * ${at}, counted from here on, from 1.  "eio+" and "enospc+" act at every call
 * from there on.  ${kind} NULL disarms. */
void sp_fault_arm(const char *kind, uint64_t at);
/* Whether the fault that was armed last has acted: not every kind applies to
 * every call. */
bool sp_fault_fired(void);

#endif
