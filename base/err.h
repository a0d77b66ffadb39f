/*
 * Errors.  A function that can fail returns an enum sp_code and fills the
 * caller's struct sp_err; the message says what failed, where, why, and what
 * to do.  It is set once, where the cause is known; at most one prefix is added
 * per folder crossed.  A function returns an error or logs it, never both.
 *
 * In every function of this program that takes a struct sp_err *err, ${err} may
 * be NULL: the caller then learns the code and no message.
 */
#ifndef SP_BASE_ERR_H
#define SP_BASE_ERR_H

#include "base/attr.h"

enum sp_code {
	SP_OK = 0,
	SP_EUSAGE, /* a wrong option or argument of a command */
	SP_ECONFIG, /* a mistake in the configuration */
	SP_EIO, /* a system call failed */
	SP_ENOSPC, /* disk or quota full (ENOSPC, EDQUOT) */
	SP_ESYNC, /* a sync failed: the descriptor must not be used again */
	SP_ELIMIT, /* a named limit was reached */
	SP_EFORMAT, /* bytes do not follow their format; damage */
	SP_EVERSION, /* a format that is newer than this program */
	SP_ENOTFOUND, /* no such entry, file or account */
	SP_EEXISTS, /* it exists already */
	SP_ELOCKED, /* another process holds the lock of the role */
	SP_EPERM, /* the peer or user may not do this */
	SP_EKEY, /* a key or secret is missing, unreadable or the wrong one */
	SP_ECRYPTO, /* OpenSSL failed */
	SP_ECLOCK, /* the clock stepped further than is accepted */
	SP_EROLLBACK, /* the archive is older than what was signed */
	SP_EMISMATCH, /* a digest, proof or signature does not match */
	SP_EINTERRUPT, /* interrupted by the user */
	SP_EEND, /* no more (iterators only; not a failure) */
	SP_EAGAIN /* not possible now; the same may work later */
};

#define SP_ERR_MAX 768 /* bytes of a message and its NUL */

struct sp_err {
	enum sp_code code;
	int errnum; /* errno, or 0 */
	char msg[SP_ERR_MAX]; /* one line, no newline at its end */
};

/*
 * Fill ${err} and return ${code}.  With ${errnum} not 0, ": " and what
 * strerror(3) says is appended.  Control characters but line ends, and bytes
 * that are no UTF-8, become '?', since a message may repeat what a peer sent; of
 * a message that is too long the middle is left out ("... " stands for it).
 */
enum sp_code sp_err_set(struct sp_err *err, enum sp_code code, int errnum,
    const char *fmt, ...) SP_PRINTF(4, 5);

/* Put "prefix: " before the message of ${err}.  Returns its code, or SP_EIO
 * without ${err}: where that may be, return the code at hand instead. */
enum sp_code sp_err_prefix(struct sp_err *err, const char *fmt, ...)
    SP_PRINTF(2, 3);

/* The code of a failed system call: SP_ENOSPC for ENOSPC and EDQUOT, SP_EIO for
 * every other errno. */
enum sp_code sp_err_code_of_errno(int errnum);

/* The program's exit status: 0 for SP_OK, 1 for SP_EMISMATCH (what was verified
 * is not what it should be), 2 for every other code. */
int sp_err_exit_status(enum sp_code code);

/* A short name of the code ("limit", "format"), for messages of tests. */
const char *sp_err_name(enum sp_code code);

/* Make a line harmless for a terminal, in place: what is no UTF-8 and every
 * control character (C0, DEL, C1) become '?', byte by byte. */
void sp_err_tame(char *text);

#endif
