/*
 * Messages of an account that were announced and are not captured: what came
 * is not whole (whole.h), or the session broke at them.  One entry a message,
 * by its key (ids.h), with what is needed to judge the next fetch and to know
 * when to ask again.  Written with the table of what the log has, into
 * state/pull/NAME, as lines "doubt ..."; doc/pull.md has their form.
 *
 * It may be lost at any time: then everything is fetched again, the hour that a
 * short message has to wait begins anew, and the log's records with their flags
 * still say what is no capture.  One thread.
 */
#ifndef SP_PULL_DOUBTS_H
#define SP_PULL_DOUBTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/view.h"
#include "journal/pull/ids.h"
#include "journal/pull/whole.h"

#define SP_DOUBTS_MAX	  65536 /* of one account */
#define SP_DOUBTS_NAME	  160 /* bytes of a name, with its NUL */
#define SP_DOUBTS_UNNAMED "without a UIDL of its own" /* begins such a name */
#define SP_DOUBTS_CONTENT 16 /* bytes of a SHA-256 that stand for a content */

/* Why a message is not captured.  The first are the verdicts of whole.h. */
enum sp_doubt_why {
	SP_DOUBT_AGAIN = SP_WHOLE_AGAIN, /* to be fetched a second time */
	SP_DOUBT_SHORT = SP_WHOLE_SHORT,
	SP_DOUBT_EMPTY = SP_WHOLE_EMPTY,
	SP_DOUBT_SUBSTITUTE = SP_WHOLE_SUBSTITUTE,
	SP_DOUBT_INCONSISTENT = SP_WHOLE_INCONSISTENT,
	SP_DOUBT_BROKE, /* sessions broke at it */
	SP_DOUBT_MISSING, /* the server answered without it */
	SP_DOUBT_REFUSED /* the server refused to give it */
};

struct sp_doubt {
	uint8_t key[SP_IDS_KEY];
	/* For people: "UIDL x", cut; empty as long as only the log has told of
	 * it, which knows keys, not names. */
	char name[SP_DOUBTS_NAME];

	/* What came. */
	enum sp_doubt_why why; /* of the last fetch */
	struct sp_whole_past past;
	uint64_t announced; /* at the last fetch */

	/* The evidence in the log: the content that was stored last. */
	bool stored;
	uint8_t content[SP_DOUBTS_CONTENT];

	/* When to ask again. */
	uint32_t failures; /* fetches in a row that were no capture */
	int64_t next; /* not before this time, wall clock, us; 0: now */

	/* The present visit: not written to the file. */
	bool seen; /* listed in the present session */
	bool gone; /* the last complete listing was without it */
	bool told; /* named in the present visit */
	uint32_t tries; /* fetches in the present visit */
};

/* For a person: "it is shorter than the server announces". */
const char *sp_doubts_text(enum sp_doubt_why why);

struct sp_doubts;

/* An empty table.  Never NULL. */
struct sp_doubts *sp_doubts_new(void);
void sp_doubts_free(struct sp_doubts *d); /* NULL is fine */
/* Forget everything. */
void sp_doubts_clear(struct sp_doubts *d);

/* The entry of a key; NULL: there is none.  Borrowed until the next call that
 * adds or drops. */
struct sp_doubt *sp_doubts_find(
    const struct sp_doubts *d, const uint8_t key[SP_IDS_KEY]);
/* The same, made where there is none; NULL: the table is full.  It is called
 * ${name} if it had no name. */
struct sp_doubt *sp_doubts_add(
    struct sp_doubts *d, const uint8_t key[SP_IDS_KEY], const char *name);
/* The message is captured, or nothing is in doubt any more. */
void sp_doubts_drop(struct sp_doubts *d, const uint8_t key[SP_IDS_KEY]);
/* Append the entry to the list ${out} of ${size} bytes as "NAME (why)", behind
 * ", " unless it is the ${first}.  What does not fit is "...", once. */
void sp_doubts_add_name(
    const struct sp_doubt *one, char *out, size_t size, bool first);
/* Such a list of all, as far as there is room. */
void sp_doubts_names(const struct sp_doubts *d, char *out, size_t size);
/* Whether the log has evidence of this content, of whichever message. */
bool sp_doubts_stored(
    const struct sp_doubts *d, const uint8_t content[SP_DOUBTS_CONTENT]);
/* How many there are, and the one at place ${i}, in no order that matters. */
size_t sp_doubts_count(const struct sp_doubts *d);
struct sp_doubt *sp_doubts_at(const struct sp_doubts *d, size_t i);

/* A fetch at ${now} was no capture: count it and put off the next one: to the
 * next visit, then 1 minute, doubling, a day at most; in the same visit twice
 * is one failure more, not two. */
void sp_doubts_put_off(struct sp_doubt *one, int64_t now);
/* Whether it may be asked for at ${now}.  A clock that was set back does not
 * keep it waiting for longer than the pause was. */
bool sp_doubts_due(const struct sp_doubt *one, int64_t now);

/* A session begins: nothing is seen yet.  A visit begins: nothing is told. */
void sp_doubts_session(struct sp_doubts *d);
void sp_doubts_visit(struct sp_doubts *d);
/* The listing of this session was complete: entries that were not seen are
 * gone, since the server does not announce them any more. */
void sp_doubts_listing_complete(struct sp_doubts *d);
/* A message of ${announced} bytes is captured: it may be one that is gone since
 * it had no name then and has one now. */
void sp_doubts_settle_unnamed(struct sp_doubts *d, uint64_t announced);
/* Whether ${one}, which is gone and had no name, may be another entry now: its
 * place among those of its size has changed. */
bool sp_doubts_moved(const struct sp_doubts *d, const struct sp_doubt *one);
/* Drop what is gone. */
void sp_doubts_drop_gone(struct sp_doubts *d);

/* Whether there is something that the file does not have. */
bool sp_doubts_changed(const struct sp_doubts *d);
void sp_doubts_saved(struct sp_doubts *d);
void sp_doubts_touch(struct sp_doubts *d); /* an entry was changed */
/* Append the lines of all entries to ${out}.  SP_ELIMIT: it is full. */
SP_CHECK enum sp_code sp_doubts_format(
    const struct sp_doubts *d, struct sp_buf *out);
/* Add the entry of the line behind "doubt "; false: it is none. */
bool sp_doubts_parse(struct sp_doubts *d, struct sp_view line);

#endif
