/*
 * SQLite's default VFS with a fault: the Nth write, truncation or sync of
 * the process fails.  Registered as the default, so that no code under test
 * knows.
 */
#ifndef SP_TESTS_INDEX_FAULTVFS_H
#define SP_TESTS_INDEX_FAULTVFS_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_EIO, /* the call fails, once */
	FAULT_FULL, /* a write finds no room, and so do all after it */
	FAULT_SHORT, /* half of the bytes are written, then it fails */
	FAULT_SYNC, /* the next sync from there on fails */
	FAULT_DIE /* the process ends there */
};

void faultvfs_register(void);
/* Fail at call ${at} (from 1) counted from now. */
void faultvfs_arm(enum fault_kind kind, uint64_t at);
bool faultvfs_fired(void);
/* Calls since faultvfs_arm. */
uint64_t faultvfs_calls(void);

#endif
