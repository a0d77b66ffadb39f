/*
 * An IMAP session, between the files of the room:
 *
 *	imap.c		the order of things, and IDLE
 *	imap_talk.c	commands out, responses in
 *	imap_login.c	greeting, STARTTLS, credentials
 *	imap_box.c	which mailboxes, opening one, what vanished from it
 *	imap_list.c	which messages there are, which of them are wanted
 *	imap_fetch.c	fetching them
 *	imap_take.c	the content of a message on its way to the engine
 *	imap_after.c	deleting and moving what is durable
 */
#ifndef SP_PULL_IMAP_IMAP_PRIV_H
#define SP_PULL_IMAP_IMAP_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "journal/pull/imap/imap_parse.h"
#include "journal/pull/pull.h"

#define SP_IMAP_SLICE	       (4u << 20) /* a larger message comes in such */
#define SP_IMAP_LIST_MAX       10000 /* messages that are listed at once */
#define SP_IMAP_BATCH_MESSAGES 200 /* that one command asks for */
#define SP_IMAP_BATCH_BYTES    (8u << 20)
#define SP_IMAP_COMMAND_MAX    8000 /* bytes of a command (RFC 7162: 8192) */
#define SP_IMAP_FLIGHT	       3 /* commands on their way */
#define SP_IMAP_VANISHED_MAX   1000 /* ranges of one VANISHED that are kept */
#define SP_IMAP_BOXES_MAX      1000 /* mailboxes of an account */
#define SP_IMAP_SECRET_MAX     (128u << 10)
#define SP_IMAP_EXCEPT_MAX     60 /* of SP_IMAP_MEMO */
#define SP_IMAP_MEMO_MAX       1000
#define SP_IMAP_DATE_LEN       25 /* "1996-07-17T02:44:25-07:00" */
#define SP_IMAP_IDLE_SECONDS   540 /* an IDLE is renewed after that */

enum sp_imap_state {
	SP_IMAP_S_LISTED,
	SP_IMAP_S_ASKED,
	SP_IMAP_S_TAKEN, /* the engine has it */
	SP_IMAP_S_DURABLE, /* and the archive, too */
	SP_IMAP_S_KNOWN, /* the archive had it before */
	SP_IMAP_S_SKIPPED, /* cannot be taken */
	SP_IMAP_S_VANISHED
};

struct sp_imap_item {
	uint32_t uid;
	enum sp_imap_state state;
	bool deleted; /* has \Deleted */
	bool alone; /* is asked for by itself: for the second time */
	uint64_t size; /* as reported, or SP_PULL_SIZE_UNKNOWN */
	uint64_t first; /* bytes that came the first time */
	char date[SP_IMAP_DATE_LEN + 1]; /* INTERNALDATE, or "" */
};

struct sp_imap_range {
	uint32_t low, high;
};

/* A mailbox that was asked for. */
struct sp_imap_name {
	char *wire; /* as the server has it */
	char *utf8;
};

struct sp_imap_box { /* the one that is open */
	const struct sp_imap_name *name;
	bool open;
	uint64_t uidvalidity, uidnext, exists, modseq; /* 0: not said */
	bool read_only;
	bool keeps_deleted; /* \Deleted lasts */
	/* Of the last visit: */
	uint64_t last; /* every UID up to it is done, */
	uint32_t except[SP_IMAP_EXCEPT_MAX]; /* but these */
	size_t nexcept;
	uint64_t last_modseq;
	struct sp_imap_range vanished[SP_IMAP_VANISHED_MAX]; /* behind last */
	size_t nvanished;
};

/* The tagged answer to a command. */
struct sp_imap_done {
	unsigned tag; /* 0: unused */
	bool done;
	enum sp_imap_cond cond;
	enum sp_imap_code code;
	char text[240];
};

enum sp_imap_phase { SP_IMAP_P_NONE, SP_IMAP_P_LIST, SP_IMAP_P_FETCH };

/* The body that is coming in. */
struct sp_imap_taking {
	enum { DROP, HOLD, PASS } how;
	struct sp_imap_item *item;
	bool partial;
	uint64_t offset, got;
	struct sp_buf held; /* HOLD: the UID comes behind it */
};

struct sp_imap {
	struct sp_pull *pull;
	struct sp_stream *s;
	const struct sp_pull_conf *conf;
	struct sp_imap_events ev;
	struct sp_imap_parser *parser;
	struct sp_buf out; /* the command at hand */
	unsigned tags; /* commands so far */
	struct sp_imap_done done[SP_IMAP_FLIGHT];
	bool by_line; /* before STARTTLS: no byte beyond the line */

	bool greeted, preauth;
	bool bye, leaving;
	char bye_text[240];
	enum sp_imap_code bye_code;
	unsigned caps, enabled;
	bool has_caps;
	bool go_on; /* a continuation came */
	struct sp_buf go_on_text;
	bool utf8; /* names are UTF-8 */

	/* LIST */
	unsigned use; /* special use that is looked for */
	char *found;

	struct sp_imap_box box;
	bool news; /* EXISTS came */
	bool renumbered; /* UIDVALIDITY changed while it was open */
	bool sizes_wrong; /* RFC822.SIZE of this server is not exact */
	bool no_uidplus_said;

	enum sp_imap_phase phase;
	struct sp_imap_item *items; /* SP_IMAP_LIST_MAX of them, by UID */
	size_t nitems;
	bool overflow;
	uint64_t listed; /* of the mailbox, in this look */
	bool first_look; /* since it was opened, or since IDLE */
	bool been_round; /* all mailboxes were looked at in this session */
	uint32_t low, high; /* the UIDs that are listed */
	uint64_t width; /* of a window of UIDs */

	struct sp_imap_taking taking;
	bool begun; /* the engine has the beginning of a message */
	bool slicing; /* item by item, in slices */
	uint64_t slice_at, slice_got;
	bool slice_came;

	uint32_t search_uid; /* SEARCH: whether this one is there */
	bool search_hit;

	struct sp_imap_name target; /* of MOVE */
	uint32_t *doomed; /* durable: may go from the server */
	size_t ndoomed;
};

/* ---- imap_talk.c ---- */
/* Send a command, its tag before and CRLF behind it. */
SP_CHECK enum sp_code sp_imap_send(struct sp_imap *m, unsigned *tag,
    struct sp_err *err, const char *fmt, ...) SP_PRINTF(4, 5);
/* The same for the command in m->out; wiped where ${secret}. */
SP_CHECK enum sp_code sp_imap_send_out(
    struct sp_imap *m, bool secret, unsigned *tag, struct sp_err *err);
/* Read until the command is answered; it is forgotten then. */
SP_CHECK enum sp_code sp_imap_await(struct sp_imap *m, unsigned tag,
    struct sp_imap_done *out, struct sp_err *err);
/* Send, and read until it is answered. */
SP_CHECK enum sp_code sp_imap_do(struct sp_imap *m, struct sp_imap_done *out,
    struct sp_err *err, const char *fmt, ...) SP_PRINTF(4, 5);
/* Read what is there, at least a byte. */
SP_CHECK enum sp_code sp_imap_read(struct sp_imap *m, struct sp_err *err);
/* A command failed that should not: end the session as its answer demands. */
enum sp_code sp_imap_refused(struct sp_imap *m, const char *what,
    const struct sp_imap_done *d, struct sp_err *err);
enum sp_pull_trouble sp_imap_trouble(enum sp_imap_code code);

/* ---- imap_login.c ---- */
SP_CHECK enum sp_code sp_imap_login(struct sp_imap *m, struct sp_err *err);

/* ---- imap_box.c ---- */
/* The mailbox of ${text}, a name or "\All" and the like. */
SP_CHECK enum sp_code sp_imap_find(struct sp_imap *m, const char *text,
    struct sp_imap_name *out, struct sp_err *err);
void sp_imap_found(struct sp_imap *m, const struct sp_imap_list *l);
SP_CHECK enum sp_code sp_imap_open(struct sp_imap *m,
    const struct sp_imap_name *name, bool change, struct sp_err *err);
/* ${earlier}: before this session. */
void sp_imap_vanished(struct sp_imap *m, struct sp_view set, bool earlier);
/* Tell of UIDs that came and went without being fetched. */
void sp_imap_tell_vanished(struct sp_imap *m);
void sp_imap_remember(struct sp_imap *m);
/* ${m}->out is an astring of the name. */
SP_CHECK enum sp_code sp_imap_put_name(
    struct sp_imap *m, const char *wire, struct sp_err *err);

/* ---- imap_list.c ---- */
void sp_imap_listed(struct sp_imap *m, const struct sp_imap_fetch *f);
/* All messages of the open mailbox: list, fetch, delete. */
SP_CHECK enum sp_code sp_imap_work(struct sp_imap *m, struct sp_err *err);
struct sp_imap_item *sp_imap_item(struct sp_imap *m, uint32_t uid);
/* "17-Jul-1996 02:44:25 -0700" in RFC 3339; false: it is none. */
bool sp_imap_date(struct sp_view v, char out[SP_IMAP_DATE_LEN + 1]);
/* What the engine is told of a message. */
struct sp_imap_meta {
	struct sp_pull_meta meta;
	char uid[12];
};
void sp_imap_meta(const struct sp_imap *m, const struct sp_imap_item *it,
    struct sp_imap_meta *out);

/* ---- imap_fetch.c ---- */
/* All items that are only listed. */
SP_CHECK enum sp_code sp_imap_fetch_items(
    struct sp_imap *m, struct sp_err *err);

/* ---- imap_take.c ---- */
SP_CHECK enum sp_code sp_imap_take_body(struct sp_imap *m,
    const struct sp_imap_fetch *head, bool partial, uint64_t offset,
    uint64_t size, struct sp_err *err);
SP_CHECK enum sp_code sp_imap_take_data(
    struct sp_imap *m, const char *p, size_t n, struct sp_err *err);
/* The message is whole, or must be forgotten. */
SP_CHECK enum sp_code sp_imap_take_done(struct sp_imap *m, struct sp_err *err);
void sp_imap_take_abort(struct sp_imap *m);
/* The FETCH is complete. */
SP_CHECK enum sp_code sp_imap_take_end(
    struct sp_imap *m, const struct sp_imap_fetch *f, struct sp_err *err);

/* ---- imap_after.c ---- */
/* Note what became durable; it may be deleted. */
void sp_imap_durable(struct sp_imap *m);
SP_CHECK enum sp_code sp_imap_after(struct sp_imap *m, struct sp_err *err);
/* UIDs from ${at} on as a set of at most ${room} bytes; returns how many. */
size_t sp_imap_set_put(
    struct sp_buf *out, const uint32_t *uid, size_t n, size_t room);

#endif
