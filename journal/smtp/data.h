/*
 * The bytes of a message as they come over the wire: the end of DATA, dot
 * unstuffing (RFC 5321 section 4.5.2) and counts of what is odd in them.
 *
 *	BOL   '.' -> DOT (not with raw)   else -> MID
 *	DOT   CR -> DOTCR                 else the dot was stuffing -> MID
 *	DOTCR LF -> END                   else the CR is content -> CR
 *	CR    LF -> BOL     CR -> CR      else -> MID   (a bare CR)
 *	MID   CR -> CR      LF -> MID (a bare LF, kept) else -> MID
 *
 * Only CR LF . CR LF ends the data, where the first CR LF may be the end of
 * the command line.  A bare LF never starts a line, so a dot behind it stays.
 * Nothing is normalised: what comes out is what came in less the stuffing.
 */
#ifndef SP_SMTP_DATA_H
#define SP_SMTP_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sp_data_state {
	SP_DATA_BOL,
	SP_DATA_DOT,
	SP_DATA_DOTCR,
	SP_DATA_CR,
	SP_DATA_MID,
	SP_DATA_END
};

struct sp_data {
	enum sp_data_state state;
	bool raw; /* no dot stuffing, and no end of data */
	uint64_t bare_lf; /* LF without CR before it */
	uint64_t bare_cr; /* CR without LF behind it */
	uint64_t nul;
	uint64_t longest; /* bytes of the longest line with its CR LF */
	uint64_t column; /* bytes so far of the line that is coming in */
};

struct sp_data_run {
	bool cr; /* a CR of an earlier call comes first */
	const char *p; /* content, inside the bytes given */
	size_t n;
	size_t used; /* bytes taken; < n given only at the end */
	bool end; /* the end of data was seen */
};

/* Begin a message; ${raw}: its bytes come by BDAT or from a milter. */
void sp_data_init(struct sp_data *d, bool raw);
/*
 * Take ${n} bytes as they were sent; not after the end of data.  The content is
 * one run inside them, compacted in place where dots were dropped; ordinary
 * text is not moved.  Any split of the input gives the same content and
 * counts.
 */
void sp_data_feed(
    struct sp_data *d, char *p, size_t n, struct sp_data_run *out);
/* No more comes: counts the last, unfinished line and a CR at the very end. */
void sp_data_finish(struct sp_data *d);

#endif
