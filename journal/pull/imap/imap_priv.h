/*
 * An IMAP session (RFC 3501, 9051), shared by the files of the room only.  A
 * session belongs to one thread.  The files, in the order of a session:
 *
 *	imap.c		the order of things, and IDLE
 *	imap_login.c	greeting, STARTTLS, credentials, ENABLE
 *	imap_mailbox.c	which mailboxes, selecting one, its memo, what vanished
 *	imap_sentinel.c	whether its UIDs are what they were
 *	imap_list.c	which messages there are, which of them are new
 *	imap_gaps.c	what is announced and not on that list
 *	imap_item.c	one message of that list: name, date, place
 *	imap_fetch.c	asking for the content of the new ones
 *	imap_body.c	that content on its way from the parser to the engine
 *	imap_remove.c	deleting and moving what is durable
 *
 * Below them, for all: imap_command.c sends commands and reads responses,
 * which imap_parse.c cuts out of the bytes.  Untagged responses come whenever
 * the server likes: imap_command.c hands each to the file that it concerns.
 */
#ifndef SP_PULL_IMAP_IMAP_PRIV_H
#define SP_PULL_IMAP_IMAP_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "journal/pull/imap/imap_parse.h"
#include "journal/pull/pull.h"

#define SP_IMAP_SLICE	       (4u << 20) /* larger messages come in slices */
#define SP_IMAP_LIST_MAX       10000 /* messages that are listed at once */
#define SP_IMAP_BATCH_MESSAGES 200 /* that one command asks for */
#define SP_IMAP_BATCH_BYTES    (8u << 20)
#define SP_IMAP_COMMAND_MAX    8000 /* bytes of a command (RFC 7162: 8192) */
#define SP_IMAP_PIPELINE_MAX   3 /* commands sent and not yet answered */
#define SP_IMAP_VANISHED_MAX   1000 /* ranges of VANISHED that are looked at */
#define SP_IMAP_BOXES_MAX      1000 /* mailboxes of an account */
#define SP_IMAP_GAPS_MAX       150 /* gaps of a list that are asked for again */
#define SP_IMAP_REFUSALS_MAX   10 /* messages refused in a row: it gives none */
#define SP_IMAP_DRAIN_MAX      (64u << 20) /* beyond max_message that are read */
#define SP_IMAP_CHATTER_MAX    (64u << 20) /* bytes without a reply to a command */
#define SP_IMAP_SECRET_MAX     (128u << 10)
#define SP_IMAP_EXCEPT_MAX     60 /* exceptions of a memo, ... */
#define SP_IMAP_MEMO_MAX       1000 /* ... which has so many bytes at most */
#define SP_IMAP_SENTINELS      8 /* of a mailbox, ... */
#define SP_IMAP_HEAD_MAX       4096 /* ... bytes that they are known by */
#define SP_IMAP_DATE_LEN       25 /* "1996-07-17T02:44:25-07:00" */
#define SP_IMAP_IDLE_SECONDS   540 /* then IDLE is renewed (RFC 2177: 29 min) */

/*
 * A message of the list:
 *
 *	listed --> asked for --> handed over --> durable
 *	  |  ^--------'  \
 *	  |  once more,   '-> doubtful, missing, vanished
 *	  |  alone
 *	  '-> archived before, skipped
 */
enum sp_imap_state {
	SP_IMAP_S_LISTED,
	SP_IMAP_S_REQUESTED, /* a FETCH for its content is on its way */
	SP_IMAP_S_SUBMITTED, /* all of it was handed to the engine */
	SP_IMAP_S_DURABLE, /* and the archive has it on stable storage */
	SP_IMAP_S_ARCHIVED, /* the archive had it before this session */
	SP_IMAP_S_SKIPPED, /* too large, or put off to a later visit */
	SP_IMAP_S_DOUBTFUL, /* what came is not the message: never deleted */
	SP_IMAP_S_MISSING, /* asked for alone, and it did not come */
	SP_IMAP_S_VANISHED /* listed, and gone when it was fetched */
};

struct sp_imap_item {
	uint32_t uid;
	uint64_t msn; /* sequence number when it was listed */
	enum sp_imap_state state;
	bool deleted; /* carries the flag \Deleted */
	bool alone; /* did not come, or not whole: next by a FETCH of its own */
	bool last; /* a session broke at it: after all others, alone */
	bool gap; /* messages before it are announced and not listed */
	bool verify; /* archived by its UID: is it by its content? */
	uint64_t look; /* of what came (sp_imap_look); 0: nothing yet */
	bool there; /* MISSING: it is still listed */
	uint64_t size; /* as reported, or SP_PULL_SIZE_UNKNOWN */
	char date[SP_IMAP_DATE_LEN + 1]; /* INTERNALDATE, or "" */
};

struct sp_imap_range {
	uint32_t low, high;
};

/* The name of a mailbox that the configuration asks for; owned. */
struct sp_imap_mailbox_name {
	char *wire; /* as the server has it */
	char *utf8; /* for records, notes and the memo */
};

/* An archived message by which it is seen whether UIDs are what they were. */
struct sp_imap_sentinel {
	uint32_t uid;
	uint64_t look; /* sp_imap_look(); 0: not known yet */
};

/* The mailbox that is selected (SELECT, EXAMINE). */
struct sp_imap_selected {
	const struct sp_imap_mailbox_name *name;

	/* What the server says of it; 0: not said. */
	bool open;
	uint64_t uidvalidity, uidnext, exists, modseq;
	bool read_only;
	bool keeps_deleted; /* PERMANENTFLAGS has \Deleted, or was not said */

	/* What came since it was selected. */
	bool new_mail; /* EXISTS: look again */
	bool renumbered; /* UIDVALIDITY changed: the session must end */

	/* The memo of the last visit: what need not be listed again. */
	uint64_t last; /* up to this UID all is archived, or gone, ... */
	uint64_t last_msn; /* its sequence number; 0: not known */
	uint32_t except[SP_IMAP_EXCEPT_MAX]; /* ... but these */
	size_t nexcept;
	uint64_t last_modseq;
	uint64_t seen; /* the highest UID that was listed */
	struct sp_imap_sentinel sentinel[SP_IMAP_SENTINELS];
	size_t nsentinel;
	uint64_t verify_to; /* UIDs up to this one may have been given away */

	/* What came of the sentinels. */
	size_t same, different;
	bool renumbering_noted;

	/* UIDVALIDITY was another one at so many visits in a row; from the
	 * second on only content says what the archive has. */
	uint64_t changes;
	bool by_content;

	/* VANISHED (RFC 7162): UIDs above ${last} that are gone. */
	struct sp_imap_range vanished[SP_IMAP_VANISHED_MAX];
	size_t nvanished;
};

/* A command that was sent, and the tagged reply to it. */
struct sp_imap_reply {
	unsigned tag; /* 0: unused */
	bool done; /* the reply is here: what follows is valid */
	enum sp_imap_cond cond;
	enum sp_imap_code code;
	char text[240]; /* "[CODE] text", for messages */
	bool throttled; /* it asks for patience, which OK may do, too, ... */
	uint64_t wait; /* ... so many seconds; 0: as long as we like */
};

/* What an untagged FETCH means at present. */
enum sp_imap_phase {
	SP_IMAP_P_NONE, /* nothing that was asked for */
	SP_IMAP_P_LIST, /* an item of the list */
	SP_IMAP_P_FETCH, /* the content of a message */
	SP_IMAP_P_SENTINEL, /* the beginning of a sentinel */
	SP_IMAP_P_RECHECK /* what did not come is still in the mailbox */
};

/* Commands out and responses in. */
struct sp_imap_channel {
	struct sp_imap_events events;
	struct sp_imap_parser *parser; /* NULL before the first read */
	struct sp_buf out; /* the command that is being built */
	unsigned last_tag; /* commands so far */
	struct sp_imap_reply replies[SP_IMAP_PIPELINE_MAX];
	bool by_line; /* before STARTTLS: no byte beyond the line is read */
	bool continued; /* "+" came, and was not acted on yet */
	struct sp_buf challenge; /* the text behind it */
	uint64_t chatter; /* bytes since the last reply, less wanted content */
};

/* What the server said of itself, and what was found out about it. */
struct sp_imap_server {
	bool greeted;
	bool preauth; /* the greeting was PREAUTH: no login */
	bool has_caps; /* ${caps} is of the state that the session is in */
	unsigned caps, enabled; /* SP_IMAP_CAP_ */
	bool utf8_names; /* names of mailboxes are UTF-8, not modified UTF-7 */
	unsigned refusals; /* messages in a row that it refused to give */
	bool no_uidplus_noted;
};

/* The end of the session. */
struct sp_imap_bye {
	bool received; /* BYE came */
	bool logging_out; /* we asked for it */
	struct sp_imap_reply said; /* code, text, throttled */
};

/* The search for a mailbox by its special use (RFC 6154). */
struct sp_imap_lookup {
	unsigned use; /* SP_IMAP_USE_; 0: no search */
	char *found; /* its name as the server has it; owned, NULL: none yet */
};

/* The messages of the selected mailbox, one window of UIDs at a time. */
struct sp_imap_listing {
	struct sp_imap_item *items; /* SP_IMAP_LIST_MAX of them, by UID */
	size_t n;
	bool overflow; /* more came than fit: list a narrower window */
	uint32_t low, high; /* the window: UIDs, both included */
	uint64_t width; /* of the window */
	uint64_t total; /* messages in all windows of this look */
	bool first_look; /* since the mailbox was selected, or since IDLE */

	/* Sequence numbers: whether all that is announced was listed. */
	bool numbered; /* nothing was expunged since: they still hold */
	uint64_t top_msn; /* the highest of any answer while listing */
	uint64_t next_msn; /* that the next message of the list should have;
			      0: not known */
	uint64_t nameless; /* answers without a UID */
	uint64_t unlisted; /* messages of this look that are announced only */
	bool partial; /* the server refused in the middle of the list */
	bool careful; /* sessions broke: ask for few messages at once */
	bool memo_ends; /* the memo must not go beyond a gap, ... */
	bool memo_ends_here; /* ... which is in this window */
	bool incomplete; /* of a mailbox of this session not all was listed */
};

/* The content that is coming in: the literal of BODY[]. */
struct sp_imap_receiving {
	enum {
		DROP, /* nobody asked for it */
		LOOK, /* keep its beginning */
		HOLD, /* keep it: the UID stands behind the content */
		PASS /* on to the engine */
	} how;
	struct sp_imap_item *item; /* PASS: whose content it is */
	struct sp_imap_item *single; /* the only one that was asked for;
					NULL: many were, or none */
	bool unsure; /* PASS: large, and its UID stands behind it */
	bool partial; /* BODY[]<offset> */
	uint64_t offset, got; /* bytes */
	struct sp_buf held; /* HOLD */
	struct sp_buf head; /* LOOK, PASS: its first bytes */
	bool begun; /* the engine has the beginning of a message */
};

/* A large message that is fetched in slices. */
struct sp_imap_slices {
	bool active;
	uint64_t offset; /* of the slice that was asked for */
	bool came; /* it did, */
	uint64_t got; /* with so many bytes */
};

/* What goes from the server: durable, or archived before. */
struct sp_imap_removal {
	struct sp_imap_mailbox_name target; /* of MOVE */
	uint32_t *uids; /* room for SP_IMAP_LIST_MAX */
	size_t n;
};

struct sp_imap {
	size_t mailboxes; /* that the session visits */

	/* Given by the engine, for the whole session. */
	struct sp_pull *pull;
	struct sp_stream *s;
	const struct sp_pull_conf *conf;

	/* The conversation with the server. */
	struct sp_imap_channel channel;
	struct sp_imap_server server;
	struct sp_imap_bye bye;

	/* Which mailbox. */
	struct sp_imap_lookup lookup;
	struct sp_imap_selected box;
	bool first_round_done; /* all mailboxes were looked at once */

	/* Its messages: list, fetch, remove. */
	enum sp_imap_phase phase;
	struct sp_imap_listing listing;
	struct sp_imap_receiving receiving;
	struct sp_imap_slices slices;
	struct sp_imap_removal removal;
};

/* ---- imap_command.c ----
 * Every function here that reads can also return what the session ends with:
 * SP_EAGAIN (time-out, connection, BYE), SP_EFORMAT and SP_ELIMIT (not IMAP),
 * SP_EINTERRUPT, or the engine's failure to store. */

/* Send the command that ${fmt} gives; CRLF is added, ${tag} is for
 * sp_imap_await().  SP_ELIMIT: SP_IMAP_PIPELINE_MAX commands are unanswered, or
 * it is too long. */
SP_CHECK enum sp_code sp_imap_send(struct sp_imap *m, unsigned *tag,
    struct sp_err *err, const char *fmt, ...) SP_PRINTF(4, 5);
/* The same for the command in m->channel.out, which is empty afterwards and
 * wiped from memory where it is ${secret}. */
SP_CHECK enum sp_code sp_imap_send_out(
    struct sp_imap *m, bool secret, unsigned *tag, struct sp_err *err);
/* Read until the command ${tag} is answered.  SP_OK whatever the answer is:
 * look at out->cond.  The tag is free again. */
SP_CHECK enum sp_code sp_imap_await(struct sp_imap *m, unsigned tag,
    struct sp_imap_reply *out, struct sp_err *err);
/* Read until the server asks for more of the command ${tag} with "+"
 * (${continued}; the text is m->channel.challenge), or has answered it, which
 * sp_imap_await() then tells at once. */
SP_CHECK enum sp_code sp_imap_await_continuation(
    struct sp_imap *m, unsigned tag, bool *continued, struct sp_err *err);
/* End the command in m->channel.out with " ${tail}", send it, and read until it is
 * answered. */
SP_CHECK enum sp_code sp_imap_send_set(struct sp_imap *m, const char *tail,
    struct sp_imap_reply *out, struct sp_err *err);
/* Send a command and read until it is answered. */
SP_CHECK enum sp_code sp_imap_command(struct sp_imap *m,
    struct sp_imap_reply *out, struct sp_err *err, const char *fmt, ...)
    SP_PRINTF(4, 5);
/* Wait for at least one byte from the server and handle all responses that are
 * complete with it. */
SP_CHECK enum sp_code sp_imap_read(struct sp_imap *m, struct sp_err *err);
/* End the session because the server refused ${what}: the reason for the
 * engine is that of the code in ${d}.  Returns SP_EPERM where a person must
 * act, else SP_EAGAIN. */
enum sp_code sp_imap_refused(struct sp_imap *m, const char *what,
    const struct sp_imap_reply *d, struct sp_err *err);
/* What a reply that is not OK means for the account; where it asks for patience
 * the engine is told for how long. */
enum sp_pull_trouble sp_imap_reply_trouble(
    struct sp_imap *m, const struct sp_imap_reply *d);
/* What a response code (RFC 5530) means for the account; the table is in
 * doc/imap.md, "Response codes". */
enum sp_pull_trouble sp_imap_trouble(enum sp_imap_code code);

/* ---- imap_login.c ---- */
/* From the greeting to a session that is logged in, with its capabilities
 * known and what helps enabled.  Failures are sp_pull_fail()'s. */
SP_CHECK enum sp_code sp_imap_login(struct sp_imap *m, struct sp_err *err);

/* ---- imap_mailbox.c ---- */
/* Resolve ${text} of the configuration, a name in UTF-8 or a special use
 * ("\All"), to ${out}, which the caller frees.  It need not exist.
 * SP_ENOTFOUND: no mailbox has that use; SP_ECONFIG: no name in UTF-8. */
SP_CHECK enum sp_code sp_imap_find_mailbox(struct sp_imap *m, const char *text,
    struct sp_imap_mailbox_name *out, struct sp_err *err);
/* A LIST response: note the mailbox where it has the use that is looked for. */
void sp_imap_on_list(struct sp_imap *m, const struct sp_imap_list *l);
/* Select ${name} (borrowed while it is selected): SELECT where ${change}, and
 * then it must allow what `after` needs, else EXAMINE.  Loads its memo.  Fails
 * with sp_pull_fail(): SP_ENOTFOUND, SP_EPERM, SP_EFORMAT (no UIDVALIDITY). */
SP_CHECK enum sp_code sp_imap_select(struct sp_imap *m,
    const struct sp_imap_mailbox_name *name, bool change, struct sp_err *err);
/* A VANISHED response (RFC 7162) with the UIDs of ${set}; ${earlier}: they
 * went before the mailbox was selected. */
void sp_imap_on_vanished(struct sp_imap *m, struct sp_view set, bool earlier);
/* Note, for the log, UIDs that vanished and that the archive does not have;
 * forgets what vanished. */
void sp_imap_note_vanished(struct sp_imap *m);
/* Save the memo of the selected mailbox with the engine. */
void sp_imap_save_memo(struct sp_imap *m);
/* Append the mailbox ${wire} to the command m->channel.out, quoted.
 * SP_ECONFIG: this server cannot be told that name. */
SP_CHECK enum sp_code sp_imap_append_name(
    struct sp_imap *m, const char *wire, struct sp_err *err);

/* ---- imap_sentinel.c ---- */
/* What a message that begins with ${head} is recognised by; 0: by nothing. */
uint64_t sp_imap_look(struct sp_view head);
/* The archive has the message ${uid}, which looks so (0: not known): it may be a
 * sentinel from now on. */
void sp_imap_keep_sentinel(
    struct sp_imap_selected *b, uint32_t uid, uint64_t look);
/* A FETCH response for a sentinel, whose beginning is m->receiving.head. */
void sp_imap_on_sentinel(struct sp_imap *m, const struct sp_imap_fetch *f);
/* Compare the sentinels of the mailbox that was selected; where its messages
 * were renumbered that is noted, the memo is void, and box.verify_to says up to
 * where. */
SP_CHECK enum sp_code sp_imap_check_sentinels(
    struct sp_imap *m, struct sp_err *err);
/* Note, once, that UIDs were given away. */
void sp_imap_note_renumbered(struct sp_imap *m);

/* ---- imap_list.c ---- */
/* A FETCH response while listing: add the message to the list, if it lies in
 * the window. */
void sp_imap_on_listed(struct sp_imap *m, const struct sp_imap_fetch *f);
/* A message was expunged: sequence numbers are others now. */
void sp_imap_on_expunged(struct sp_imap *m);
/* Ask for "(UID RFC822.SIZE INTERNALDATE)" of the messages that the command
 * m->channel.out names, and wait for the reply. */
SP_CHECK enum sp_code sp_imap_send_listing(
    struct sp_imap *m, struct sp_imap_reply *d, struct sp_err *err);
/* Bring the selected mailbox up to date: list, fetch what the archive has not,
 * wait until it is durable, delete or move.  In the modes CHECK and LIST it
 * only reports what is listed. */
SP_CHECK enum sp_code sp_imap_process_mailbox(
    struct sp_imap *m, struct sp_err *err);

/* ---- imap_gaps.c ---- */
/* The window was listed: ask by sequence number for messages that EXISTS
 * announces and that are not on the list.  Those that come are added to it; of
 * the others listing.unlisted counts, a note tells, and item.gap says where they
 * would be. */
SP_CHECK enum sp_code sp_imap_list_gaps(struct sp_imap *m, struct sp_err *err);

/* ---- imap_item.c ---- */
/* The message ${uid} of the list, which is sorted; NULL: it is not on it. */
struct sp_imap_item *sp_imap_item(struct sp_imap *m, uint32_t uid);
/* The message that the list has by the sequence number ${msn}; NULL: none, more
 * than one, or the numbers do not hold any more. */
struct sp_imap_item *sp_imap_item_by_number(struct sp_imap *m, uint64_t msn);
/* Sort the list by UID and drop what is on it twice. */
void sp_imap_sort_items(struct sp_imap *m);
/* "17-Jul-1996 02:44:25 -0700" (RFC 3501 section 9, date-time) in RFC 3339;
 * false, and ${out} unchanged, where it is no such date. */
bool sp_imap_date(struct sp_view v, char out[SP_IMAP_DATE_LEN + 1]);
/* What the engine is told of a message; ${meta} points into ${uid}. */
struct sp_imap_meta {
	struct sp_pull_meta meta;
	char uid[12];
};
/* Describe ${it} of the selected mailbox; ${out} borrows from both. */
void sp_imap_meta(const struct sp_imap *m, const struct sp_imap_item *it,
    struct sp_imap_meta *out);

/* ---- imap_fetch.c ---- */
/* A FETCH response while it is looked for what did not come. */
void sp_imap_on_rechecked(struct sp_imap *m, const struct sp_imap_fetch *f);
/* Fetch the content of every message of the list that is neither archived nor
 * skipped, and remove some of those that are durable meanwhile.  ${last}: only
 * those at which a session broke before, else only the others. */
SP_CHECK enum sp_code sp_imap_fetch_items(
    struct sp_imap *m, bool last, struct sp_err *err);

/* ---- imap_body.c ---- */
/* The three events of a content (imap_parse.h): it begins, a piece of it, and
 * the FETCH response that it stands in is complete. */
SP_CHECK enum sp_code sp_imap_on_body(struct sp_imap *m,
    const struct sp_imap_fetch *head, bool partial, uint64_t offset,
    uint64_t size, struct sp_err *err);
SP_CHECK enum sp_code sp_imap_on_data(
    struct sp_imap *m, const char *p, size_t n, struct sp_err *err);
SP_CHECK enum sp_code sp_imap_on_fetch_end(
    struct sp_imap *m, const struct sp_imap_fetch *f, struct sp_err *err);
/* All of the message ${it} that was begun is here: the engine judges it and
 * hands it to the archive, or not; it->state is what became of it. */
SP_CHECK enum sp_code sp_imap_submit_message(
    struct sp_imap *m, struct sp_imap_item *it, struct sp_err *err);
/* Forget the message that was begun, if any. */
void sp_imap_forget_message(struct sp_imap *m);

/* ---- imap_remove.c ---- */
/* Collect from the engine what became durable; where `after` says so it is
 * put on the list of what goes from the server. */
void sp_imap_collect_durable(struct sp_imap *m);
/* Delete or move all that is on that list. */
SP_CHECK enum sp_code sp_imap_remove_archived(
    struct sp_imap *m, struct sp_err *err);
/* Append the first of the ${n} ascending UIDs to ${out} as a set ("1:3,7") of
 * at most ${room} bytes; returns how many UIDs that are. */
size_t sp_imap_append_set(
    struct sp_buf *out, const uint32_t *uid, size_t n, size_t room);

#endif
