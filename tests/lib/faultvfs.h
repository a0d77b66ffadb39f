/*
 * SQLite's mutating calls under the faults of base/io.h: sp_fault_arm() and
 * SP_FAULT=kind:N count and fail them like our own.  Needs SP_FAULTS.
 */
#ifndef SP_TESTS_LIB_FAULTVFS_H
#define SP_TESTS_LIB_FAULTVFS_H

#include <stddef.h>
#include <stdint.h>

/* Make every connection opened from now on go through the faults; once in a
 * process. */
void faultvfs_install(void);
/* The numbers, by sp_io_calls(), of SQLite's sync calls so far, the first of
 * them; how many there are. */
size_t faultvfs_syncs(const uint64_t **at);

#endif
