/*
 * What the files of the intake log share (intake*.c only): looking at batches
 * of an open file, recovering the newest one, making new ones, and writing a
 * batch.  intake.c puts them together.  Format: doc/format-intake.md.
 */
#ifndef SP_LOG_INTAKE_PRIV_H
#define SP_LOG_INTAKE_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/attr.h"
#include "base/err.h"
#include "journal/log/intake.h"
#include "journal/log/intake_format_priv.h"
#include "journal/log/intake_read.h"

#define SP_INTAKE_PIECE (256u << 10) /* bytes copied or looked at in one go */

/* ---- intake_probe.c ---------------------------------------------------- */

/* Read the batch header that should be at ${off} of file ${id}.  *valid is
 * false where the file ends inside it, or other bytes are there.  SP_EIO. */
SP_CHECK enum sp_code sp_intake_probe(int fd, const uint8_t id[16],
    uint64_t off, struct sp_intake_batch *b, bool *valid, struct sp_err *err);

enum sp_intake_tail {
	SP_INTAKE_TAIL_OPEN, /* nothing valid behind: being written, or torn */
	SP_INTAKE_TAIL_DAMAGE /* a valid header behind proves it was durable */
};

/*
 * Tell an end from damage: what the bytes from ${off} on are, where batch
 * ${number} should be but is not whole.  ${own} is its header if that is valid,
 * else NULL.  *where gets the offset of the header that proves damage; without
 * damage it is undefined.  SP_EIO.
 */
SP_CHECK enum sp_code sp_intake_tail(int fd, const uint8_t id[16], uint64_t off,
    uint64_t number, const struct sp_intake_batch *own,
    enum sp_intake_tail *out, uint64_t *where, struct sp_err *err);

/* ---- intake_dir.c ------------------------------------------------------- */

/* DIR/intake/NAME, or DIR/intake for an empty ${name}.  The caller frees it. */
char *sp_intake_path(const char *dir, const char *name);
/* Read the header of an open file.  SP_EFORMAT, SP_EVERSION without the file's
 * name in the message; SP_EIO. */
SP_CHECK enum sp_code sp_intake_head_read(
    int fd, struct sp_intake_head *h, struct sp_err *err);
/*
 * Make a new file with this header (length, id and created are filled in here)
 * durable under its name, and open it for reading and writing; ${fd} is the
 * caller's.
 * *named tells whether the name may exist although the call failed; then *h and
 * ${name} are filled all the same, and the file must be taken for existing.
 * SP_ENOSPC, SP_EIO, SP_ESYNC.
 */
SP_CHECK enum sp_code sp_intake_create(const char *dir,
    struct sp_intake_head *h, char name[64], int *fd, bool *named,
    struct sp_err *err);
/* Remove what a crash while making a file left (*.new).  SP_EIO. */
SP_CHECK enum sp_code sp_intake_sweep(const char *dir, struct sp_err *err);

/* ---- intake_recover.c --------------------------------------------------- */

/* Where writing in a file goes on. */
struct sp_intake_end {
	uint64_t end; /* offset of the next batch */
	uint64_t synced; /* end of the last batch with entries */
	uint64_t number; /* of the next batch */
	uint64_t next_seq;
	int64_t first_received; /* of the file's entries; 0: it has none */
	int64_t last_received;
	bool closed; /* for good: the next batch needs a new file */
};

/*
 * Check every byte of the newest file, cut a torn tail (its bytes are kept
 * beside), make what is whole durable again and mark it.  ${found} gets what
 * was cut.  SP_EFORMAT: damage, nothing was changed.  SP_ELIMIT: too many torn
 * tails lie beside it already.  SP_EIO, SP_ENOSPC, SP_ESYNC.
 */
SP_CHECK enum sp_code sp_intake_recover(const char *dir, const char *name,
    int fd, const struct sp_intake_head *h, struct sp_intake_end *end,
    struct sp_intake_found *found, struct sp_err *err);

/* ---- intake_read.c ------------------------------------------------------- */

/* The time of the last entry of a finished file; ${us} stays as it is if it has
 * none.  SP_ENOTFOUND: the file is gone; SP_EFORMAT, SP_EIO. */
SP_CHECK enum sp_code sp_intake_last_received(const char *dir,
    const struct sp_intake_info *i, int64_t *us, struct sp_err *err);

/* ---- intake_batch.c ------------------------------------------------------ */

/* The memory that writing a batch needs, kept for the next; all zero at
 * first. */
struct sp_intake_writer {
	struct iovec *iov;
	uint8_t *frames; /* entry headers */
	size_t cap; /* entries that both have room for */
	uint8_t *piece; /* of a message in a file; NULL until needed */
};

void sp_intake_writer_done(struct sp_intake_writer *w);
/* Bytes of the entries of a batch.  SP_ELIMIT: a limit of the format is
 * exceeded, and the message says which. */
SP_CHECK enum sp_code sp_intake_batch_size(uint64_t next_seq,
    const struct sp_intake_entry *e, size_t n, uint64_t *length,
    struct sp_err *err);
/* Write header and entries at at->end; neither syncs nor changes ${at}.  After
 * a failure (SP_ENOSPC, SP_EIO) any part of them may be in the file. */
SP_CHECK enum sp_code sp_intake_write(struct sp_intake_writer *w, int fd,
    const uint8_t id[16], const struct sp_intake_end *at,
    const struct sp_intake_entry *e, size_t n, uint64_t length,
    struct sp_err *err);
/* Write a mark at e->end, before entry ${seq}, and move ${e} past it.  It is
 * not synced.  After a failure ${e} is as it was. */
SP_CHECK enum sp_code sp_intake_mark(
    int fd, const uint8_t id[16], struct sp_intake_end *e, uint64_t seq);

#endif
