/*
 * Shared by base/io*.c, which make the mutating calls, and base/fault.c and
 * base/power.c, which let tests make them fail.
 */
#ifndef SP_BASE_IO_PRIV_H
#define SP_BASE_IO_PRIV_H

#include <stdint.h>

/* In place of an offset: the write goes to the file position. */
#define SP_FAULT_HERE UINT64_MAX

/* What a mutating call does; decides which faults apply to it. */
enum sp_op {
	SP_OP_CREATE, /* open with O_CREAT or O_TRUNC, unnamed files */
	SP_OP_WRITE,
	SP_OP_TRUNCATE,
	SP_OP_SYNC,
	SP_OP_SYNCDIR,
	SP_OP_RENAME,
	SP_OP_UNLINK,
	SP_OP_MKDIR
};

/* Count a mutating call for sp_io_calls and sp_io_syncs. */
void sp_io_count(enum sp_op op);

#endif
