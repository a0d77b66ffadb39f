/*
 * SQLite's mutating calls under the faults of base/io.h, for the crash tests of
 * the index.
 */
#ifndef SP_TESTS_CRASH_VFS_H
#define SP_TESTS_CRASH_VFS_H

/* Make every connection opened from now on go through the faults. */
void crash_vfs_install(void);

#endif
