/*
 * From the log to documents, in order of seq, parsed ahead by threads of its
 * own where there is much to do.  index.c opens one for each run over the log
 * and puts what it gives.  The reader is used under a lock; the documents that
 * wait are bounded in number and bytes.
 */
#ifndef SP_INDEX_PIPE_H
#define SP_INDEX_PIPE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/line.h"
#include "base/sha256.h"
#include "index/doc.h"
#include "journal/log/reader.h"

#define SP_PIPE_SLOTS	128u /* documents made ahead */
#define SP_PIPE_BYTES	((size_t)96 << 20) /* and the bytes they hold */
#define SP_PIPE_THREADS 4u

struct sp_pipe;

struct sp_pipe_opts {
	struct sp_mail_opts mail;
	uint64_t first, end; /* entries [first, end) */
	unsigned threads; /* 0: no thread, each document when it is asked for */
	/* Called right before an entry is parsed (in the caller's thread where
	 * threads is 0): whether to parse it.  NULL: always. */
	enum sp_doc_parse (*before_parse)(void *ctx, uint64_t seq);
	/* Whether event ${*event} accepts this entry as a journal report; in any
	 * thread.  NULL: none does. */
	bool (*accepted)(void *ctx, uint64_t seq, uint64_t *event);
	/* Gives the entry line and leaf hash of an entry whose record was
	 * erased; in any thread, but one call at a time. */
	enum sp_code (*erased_line)(void *ctx, uint64_t seq,
	    struct sp_line *line, uint8_t leaf[SP_SHA256_LEN],
	    struct sp_err *err);
	void *ctx;
};

/* Begin to read; *out is for sp_pipe_close(), and until then nobody else may
 * use ${r}. */
SP_CHECK enum sp_code sp_pipe_open(struct sp_reader *r,
    const struct sp_pipe_opts *o, struct sp_pipe **out, struct sp_err *err);
/* The next document, the caller's until the next call.  SP_EEND at the end;
 * SP_EAGAIN for an entry that cannot be read now, SP_EFORMAT for one that is
 * not what it should be, other errors of the reader. */
SP_CHECK enum sp_code sp_pipe_next(
    struct sp_pipe *p, const struct sp_doc **out, struct sp_err *err);
/* Ends the threads; NULL is fine. */
void sp_pipe_close(struct sp_pipe *p);

#endif
