/*
 * A file system layer for SQLite that meets a full disk with an error where the
 * default one is ended by SIGBUS: in the shared memory beside a write-ahead
 * log.  All else is as in the default layer.  Used by db.c for every database.
 */
#ifndef SP_INDEX_SHM_H
#define SP_INDEX_SHM_H

#include <sqlite3.h>
#include <stdbool.h>

#define SP_SHM_VFS "sealpost-shm"

/* The layer's name for sqlite3_open_v2(), registered on top of the default one
 * at the first call; NULL (the default) if that fails. */
const char *sp_shm_vfs(void);

#endif
