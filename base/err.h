/*
 * Errors.  A function that can fail returns an enum sp_code and fills the
 * caller's struct sp_err; the message says what, where, why, and what to do.
 * It is set once, where the cause is known; at most one prefix is added per
 * folder crossed.  A function returns an error or logs it, never both.
 */
#ifndef SP_BASE_ERR_H
#define SP_BASE_ERR_H

#include "base/attr.h"

enum sp_code {
	SP_OK = 0,
	SP_EUSAGE, /* a wrong option or argument */
	SP_ECONFIG, /* the configuration: file, line, what was expected */
	SP_EIO, /* a system call failed */
	SP_ENOSPC, /* disk or quota full (ENOSPC, EDQUOT) */
	SP_ESYNC, /* a sync failed: the descriptor must not be used again */
	SP_ELIMIT, /* a named limit was reached */
	SP_EFORMAT, /* bytes do not follow their format; damage */
	SP_EVERSION, /* a format newer than this program */
	SP_ENOTFOUND, /* no such entry, file, account */
	SP_EEXISTS, /* is there already */
	SP_ELOCKED, /* another process holds the role */
	SP_EPERM, /* the peer or user may not */
	SP_EKEY, /* a key is missing, unreadable or the wrong one */
	SP_ECRYPTO, /* OpenSSL failed */
	SP_ECLOCK, /* the clock leapt and was not accepted */
	SP_EROLLBACK, /* the archive is older than what was signed */
	SP_EMISMATCH, /* a digest, proof or signature does not match */
	SP_EINTERRUPT, /* interrupted by the user */
	SP_EEND, /* no more (iterators only; not a failure) */
	SP_EAGAIN /* not now; try again (transient) */
};

#define SP_ERR_MAX 768

struct sp_err {
	enum sp_code code;
	int errnum; /* errno, or 0 */
	char msg[SP_ERR_MAX]; /* one line, no newline at its end */
};

/*
 * Fill ${err} (NULL is fine) and return ${code}.  With ${errnum} not 0,
 * ": strerror" is appended.  Control bytes in the text become '?'.
 */
enum sp_code sp_err_set(struct sp_err *err, enum sp_code code, int errnum,
    const char *fmt, ...) SP_PRINTF(4, 5);

/* Put "prefix: " before the message; return err->code (SP_EIO if NULL). */
enum sp_code sp_err_prefix(struct sp_err *err, const char *fmt, ...)
    SP_PRINTF(2, 3);

/* SP_ENOSPC for ENOSPC and EDQUOT, else SP_EIO (a failed system call). */
enum sp_code sp_err_code_of_errno(int errnum);

/* The program's exit status for a code: 0 for SP_OK, 1 for SP_EMISMATCH, else 2. */
int sp_err_exit_status(enum sp_code code);

/* A short stable name ("limit", "format"), for logs. */
const char *sp_err_name(enum sp_code code);

#endif
