/*
 * Pulling one account: the engine between a mailbox (the source: POP3 or IMAP)
 * and the archive (the sink).  It knows which messages the log has, hands new
 * ones over, and says which are durable; only those may be deleted.  What is
 * promised is in doc/pull.md.
 *
 * app/host makes an engine with a source and a sink; the pull worker, or
 * `sealpost pull`, calls sp_pull_visit() each time it is due:
 *
 *   sp_pull_visit --> connect (stream.h) --> source --> messages --> sink
 *          ^                                   ^                      |
 *      result, error                    durable, delete          sp_pull_answer
 *
 * A source is one function that works on an open connection until nothing is
 * left to do:
 *
 *   for each message of the mailbox
 *           known? or listed()              (modes CHECK and LIST: no more)
 *           turn                            now, last and alone, or not now
 *           begin, data*, end, fate         or skip, where it cannot be taken
 *           next_durable*                   whenever it likes
 *   flush, next_durable*                    delete these on the server
 *   gone*                                   the server has confirmed it
 *
 * One thread per account; nothing here is shared between accounts.
 */
#ifndef SP_PULL_PULL_H
#define SP_PULL_PULL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/config/config.h"
#include "base/err.h"
#include "base/view.h"
#include "journal/pull/stream.h"

struct sp_pull;
struct sp_pull_result;

enum sp_pull_mode {
	SP_PULL_FETCH,
	SP_PULL_CHECK, /* log in, look, change nothing, report each step */
	SP_PULL_LIST /* report every message that is there, change nothing */
};

/* Why a session failed: what to do next depends on it (doc/pull.md, "When
 * something fails"). */
enum sp_pull_trouble {
	SP_PULL_NETWORK, /* try again soon (also: the server's own faults) */
	SP_PULL_AUTH, /* name, password or token refused */
	SP_PULL_THROTTLE, /* the server asks for patience, or it is in use */
	SP_PULL_CONFIG, /* certificate, mailbox or options: a person must act */
	SP_PULL_STORE /* the archive did not take a message */
};

/* A message as the server names it. */
struct sp_pull_id {
	struct sp_view mailbox; /* UTF-8; empty: POP3 */
	uint64_t uidvalidity; /* 0: POP3 */
	struct sp_view uid; /* UIDL, or the decimal UID */
};

#define SP_PULL_SIZE_UNKNOWN UINT64_MAX

struct sp_pull_meta {
	struct sp_pull_id id;
	uint64_t size; /* bytes as reported, or SP_PULL_SIZE_UNKNOWN */
	struct sp_view origin_date; /* INTERNALDATE as RFC 3339, or empty */
	struct sp_view extra; /* more members of "source", no braces; may be
				 empty */
	uint64_t tag; /* comes back from sp_pull_next_durable */
	/* What the message is known by as long as it is not captured, where the
	 * id is not known before it was fetched; empty: by the id. */
	struct sp_view slot;
	/* The archive has a message of this id, but the server may have given the
	 * name away: the content decides whether the message is
	 * SP_PULL_ARCHIVED, or new. */
	bool verify;
	/* The server has no lasting names: a message whose content the archive
	 * has under one that was not listed in this session is SP_PULL_ARCHIVED
	 * (and counts as renamed). */
	bool by_content;
};

/* When a message that is announced and not in the archive is fetched. */
enum sp_pull_turn {
	SP_PULL_FIRST, /* in the usual way */
	SP_PULL_LAST, /* a session broke at it, or it came and was not whole:
			 alone, after everything else */
	SP_PULL_LATER /* not in this visit, or put off */
};

/* What became of a message that was ended (doc/pull.md, "A copy counts only
 * when it is whole"). */
enum sp_pull_fate {
	SP_PULL_HANDED_OVER, /* whole: its tag comes once it is durable */
	SP_PULL_FETCH_AGAIN, /* not handed over: fetch it once more now, alone */
	SP_PULL_DOUBTFUL, /* not whole, or not taken: never delete it */
	SP_PULL_ARCHIVED /* by its content the archive has it: under another
			    name, or (meta.verify) under whatever name */
};

/* ---- for a source --------------------------------------------------- */

/*
 * Work on ${s}, just connected (and under TLS where that is implicit), and log
 * out.  SP_OK: all is done, or another session was asked for.  A failure is
 * what sp_pull_fail() or another function here returned, or the stream's; a
 * message that is begun then is forgotten by the engine.
 */
typedef enum sp_code sp_pull_source(
    struct sp_pull *p, struct sp_stream *s, struct sp_err *err);

/* The account's section of the configuration, and the mode of this visit. */
const struct sp_pull_conf *sp_pull_conf(const struct sp_pull *p);
enum sp_pull_mode sp_pull_mode(const struct sp_pull *p);
/* The password, or a bearer token that should be good now, appended to
 * ${out}; wipe it with sp_sasl_wipe.  Where the server refuses a token, fail
 * with SP_PULL_AUTH: the engine gets a fresh one and connects once more. */
SP_CHECK enum sp_code sp_pull_credential(
    struct sp_pull *p, struct sp_buf *out, struct sp_err *err);
/* End the session: fill ${err} with ${code} and "SERVER:PORT: text", remember
 * ${why} for the result.  Returns ${code}.  A failure that did not come from
 * here counts as SP_PULL_NETWORK, or as SP_PULL_STORE where the sink failed. */
enum sp_code sp_pull_fail(struct sp_pull *p, enum sp_pull_trouble why,
    enum sp_code code, struct sp_err *err, const char *fmt, ...)
    SP_PRINTF(5, 6);
/* The server asked to be left alone for ${seconds}; the longest counts. */
void sp_pull_wait_at_least(struct sp_pull *p, uint64_t seconds);
/* Report a step of --check: what was done, whether it went well, details.
 * Does nothing in the other modes. */
void sp_pull_step(struct sp_pull *p, const char *what, bool ok, const char *fmt,
    ...) SP_PRINTF(4, 5);
/* A line for the log that is no failure ("uidvalidity_changed ..."). */
void sp_pull_note(struct sp_pull *p, const char *fmt, ...) SP_PRINTF(2, 3);

/* How many messages of this id the archive has. */
size_t sp_pull_known(const struct sp_pull *p, const struct sp_pull_id *id);
/* Count ${messages} of the mailbox that the archive already holds, for the
 * result; where sp_pull_match_listed() is called it counts by itself. */
void sp_pull_count_archived(struct sp_pull *p, uint64_t messages);
/* Match one message of a listing with the archive: whether it has this one,
 * which is counted then.  Call it once for each message of a session: a UIDL
 * that is listed twice is two messages (RFC 1939 section 7), and the archive
 * has as many of them as it has entries. */
bool sp_pull_match_listed(struct sp_pull *p, const struct sp_pull_id *id);
/* sp_pull_match_listed was called for every message there is: ids that are
 * missing from several such listings in a row are forgotten. */
void sp_pull_listing_complete(struct sp_pull *p);
/* There is more than one session may take: when the source has returned SP_OK
 * the engine connects again at once, if this session got anything done. */
void sp_pull_want_another_session(struct sp_pull *p);
/* Messages that are to come last wait for a session of their own.  True: this is
 * it, and the source does nothing else; else the engine connects again, also
 * where this session gets nothing done. */
bool sp_pull_last_alone(struct sp_pull *p);
/* How many messages are in the mailbox, or in all that were looked at, for the
 * result. */
void sp_pull_set_message_count(struct sp_pull *p, uint64_t messages);
/* CHECK and LIST: report that this message is in the mailbox.  Returns what
 * the runner's callback does. */
SP_CHECK enum sp_code sp_pull_report_listed(
    struct sp_pull *p, const struct sp_pull_meta *m, struct sp_err *err);
/* FETCH: a message, its exact bytes in chunks.  It is held until its end and
 * judged there against the size that was announced (whole.h); sp_pull_fate()
 * says what became of it.  Where it turns out to have more than max_message
 * bytes it is dropped and noted; data and end still return SP_OK.  An error is the sink's (SP_PULL_STORE), and the session is
 * over: nothing more is handed over. */
SP_CHECK enum sp_code sp_pull_begin(
    struct sp_pull *p, const struct sp_pull_meta *m, struct sp_err *err);
SP_CHECK enum sp_code sp_pull_data(
    struct sp_pull *p, struct sp_view bytes, struct sp_err *err);
SP_CHECK enum sp_code sp_pull_end(struct sp_pull *p, struct sp_err *err);
/* What became of the message that was ended last. */
enum sp_pull_fate sp_pull_fate(const struct sp_pull *p);
/* What came behind the message that is begun was no reply: bytes of it may be
 * among that.  Before sp_pull_end(). */
void sp_pull_out_of_step(struct sp_pull *p);

/* When to fetch a message that is announced and not in the archive.  One that
 * is put off is named to people, once a visit. */
enum sp_pull_turn sp_pull_turn(struct sp_pull *p, const struct sp_pull_meta *m);
/* ${m} is what the server is asked for or gives now: if the session breaks, it
 * broke there, and the engine connects again in the same visit, so that
 * everything else comes.  NULL: nothing special any more. */
void sp_pull_asking(struct sp_pull *p, const struct sp_pull_meta *m);
/* The server refused to give ${m}, and asking again soon may harm: named, and
 * put off longer and longer.  ${why}: its words. */
void sp_pull_refused(
    struct sp_pull *p, const struct sp_pull_meta *m, const char *why);
/* ${m} is announced, and the server answered without it: named at each visit
 * and asked for at each visit until it comes or is announced no more. */
void sp_pull_missing(
    struct sp_pull *p, const struct sp_pull_meta *m, const char *why);
/* Nothing is in doubt about ${m} any more: the archive has it. */
void sp_pull_settled(struct sp_pull *p, const struct sp_pull_meta *m);
/* Every message of the mailbox was asked about with sp_pull_turn(), was skipped
 * or is in the archive: what else was doubtful is not announced any more.  At
 * the end of the visit it is told as lost, unless the server gives its messages
 * new names. */
void sp_pull_turns_complete(struct sp_pull *p);
/* The server gave the messages of a mailbox new names: that one of old is not
 * announced is no loss. */
void sp_pull_renamed(struct sp_pull *p);
/* The message that was begun did not come whole: forget it.  Without one it
 * does nothing. */
void sp_pull_abort(struct sp_pull *p);
/* It cannot be taken (too large, the server cannot give it): noted once, never
 * deleted, asked for again after a restart. */
void sp_pull_skip(
    struct sp_pull *p, const struct sp_pull_meta *m, const char *why);
/* Whether it was skipped, or refused by the archive, since the start. */
bool sp_pull_skipped(const struct sp_pull *p, const struct sp_pull_id *id);
/* The same for one that may have a slot instead of an id. */
bool sp_pull_skipped_slot(
    const struct sp_pull *p, const struct sp_pull_meta *m);
/* All messages without a name were fetched in this visit, as far as the server
 * gives them: they need not be fetched in another session of it. */
void sp_pull_set_unnamed_done(struct sp_pull *p);
bool sp_pull_unnamed_done(const struct sp_pull *p);
/* Wait until every message handed over is answered.  An error is the sink's;
 * then the log must be asked anew what the archive has. */
SP_CHECK enum sp_code sp_pull_flush(struct sp_pull *p, struct sp_err *err);
/* The tag of the next message that became durable in this session, in order of
 * sp_pull_end.  False: none now. */
bool sp_pull_next_durable(struct sp_pull *p, uint64_t *tag);
/* The server confirmed that the message is no longer in the mailbox. */
void sp_pull_confirm_deleted(struct sp_pull *p, const struct sp_pull_id *id);
/* A long session is about to wait for mail (IDLE): save what is known to
 * state/pull and report the result so far, as if the visit were over.  Errors:
 * those of writing the file. */
SP_CHECK enum sp_code sp_pull_begin_idle(struct sp_pull *p, struct sp_err *err);
/* Whether a session may wait for more mail (IDLE): in the service. */
bool sp_pull_may_idle(const struct sp_pull *p);
/* How other threads interrupt this account; IDLE ends when it is poked.  NULL:
 * nobody does. */
struct sp_stream_wakeup *sp_pull_wakeup(struct sp_pull *p);

/* A text that a source wants to keep over restarts (IMAP: UIDVALIDITY,
 * HIGHESTMODSEQ of a mailbox); derived, may be lost.  One line, at most 1000
 * bytes: a longer one is not kept.  NULL: none; else borrowed until the next
 * sp_pull_set_memo. */
const char *sp_pull_memo(const struct sp_pull *p, struct sp_view key);
void sp_pull_set_memo(
    struct sp_pull *p, struct sp_view key, struct sp_view text);

/* ---- for who runs it ------------------------------------------------- */

/* Where passwords and tokens come from.  ${again}: the server refused the last
 * one.  SP_EAGAIN: none can be had now; any other error is the
 * configuration's. */
struct sp_pull_credentials {
	SP_CHECK enum sp_code (*get)(
	    void *ctx, bool again, struct sp_buf *out, struct sp_err *err);
	void *ctx;
};

/* Where messages go.  The answers come, in order of end(), from end() and
 * flush(), through sp_pull_answer. */
struct sp_pull_sink {
	/* ${provenance}: the JSON of XSEALPOST SOURCE (doc/door.md). */
	SP_CHECK enum sp_code (*begin)(void *ctx, struct sp_view provenance,
	    void *tag, struct sp_err *err);
	SP_CHECK enum sp_code (*data)(
	    void *ctx, struct sp_view bytes, struct sp_err *err);
	SP_CHECK enum sp_code (*end)(void *ctx, struct sp_err *err);
	/* Forget the message that was begun. */
	void (*abort)(void *ctx);
	/* Wait for the answers to all that was ended. */
	SP_CHECK enum sp_code (*flush)(void *ctx, struct sp_err *err);
	/* Give up: nothing that was handed over is answered any more. */
	void (*reset)(void *ctx);
	/* Append to ${keys} a struct sp_pull_entry for each of this account's
	 * messages, of its server and user, in entries from ${from} on, as many
	 * as it likes; ${next}: the entry to go on from; ${end}: there are no
	 * more.  With ${from} UINT64_MAX there are no keys: ${next} then says
	 * how far the log reaches. */
	SP_CHECK enum sp_code (*pulled)(void *ctx, uint64_t from,
	    struct sp_buf *keys, uint64_t *next, bool *end, struct sp_err *err);
	void *ctx;
};

/* A message of the log, as sink.pulled() tells it. */
struct sp_pull_entry {
	uint8_t key[16]; /* journal/pull/ids.h */
	uint8_t content[16]; /* the first bytes of its SHA-256 */
	bool doubtful; /* evidence, no capture: its record has a flag */
};

struct sp_pull_answer {
	enum sp_code rc; /* SP_OK: durable; SP_ELIMIT: this one is too large */
	bool unknown; /* it may be in: the log must be asked */
	uint64_t seq;
	const char *why; /* where rc is not SP_OK */
};
/* For a sink: what became of the message with ${tag}, once for each. */
void sp_pull_answer(void *tag, const struct sp_pull_answer *a);

struct sp_pull_opts { /* what it points to outlives the engine */
	const char *dir; /* of the archive */
	const struct sp_pull_conf *conf;
	sp_pull_source *source; /* of conf->type */
	struct sp_pull_credentials credentials;
	struct sp_pull_sink sink;
	struct sp_stream_wakeup *wakeup; /* NULL: it cannot be interrupted */
	/* Ask the log for all that is archived, not only for what is newer than
	 * state/pull. */
	bool ignore_state_file;
	bool may_idle; /* a session may wait for more mail */
	/* It waits for mail now: what it did since it began, or since it waited
	 * last, as if the visit were over.  May be NULL. */
	void (*idling)(void *ctx, const struct sp_pull_result *r);
	/* A step of --check, a note for the log; NULL: not wanted. */
	void (*step)(void *ctx, const char *what, bool ok, const char *text);
	void (*note)(void *ctx, const char *text);
	/* CHECK and LIST: each message, and whether the archive has it;
	 * ${doubt}, where it has not: why what it has of it does not count, or
	 * NULL.  NULL: not wanted. */
	SP_CHECK enum sp_code (*listed)(void *ctx, const struct sp_pull_meta *m,
	    bool known, const char *doubt, struct sp_err *err);
	void *ctx;
};

struct sp_pull_result {
	/* Of this visit (of a session that waited: since then). */
	uint64_t taken, bytes; /* made durable */
	uint64_t known; /* were in the archive already */
	uint64_t deleted, skipped;
	uint64_t renamed; /* of ${known}: by content, under a new name */

	uint64_t in_mailbox; /* messages that the server has */
	/* Of them announced and not captured, at the end of the visit; the
	 * first few by name, with the reason. */
	uint64_t doubtful;
	char doubts[300];
	/* Of this visit: not captured, and announced no more. */
	uint64_t lost;
	char losses[300]; /* the first few by name */

	/* Where it failed. */
	enum sp_pull_trouble trouble;
	uint64_t wait; /* seconds that the server asked for */
};

/* An engine for one account; nothing is read or connected to yet.  ${opts} is
 * copied.  Never NULL. */
struct sp_pull *sp_pull_new(const struct sp_pull_opts *opts);
void sp_pull_free(struct sp_pull *p); /* NULL is fine */
/*
 * One visit: learn from the log what the archive has, if that is not known,
 * then connect, log in, work, log out, as often as it takes.  ${out} is filled
 * also where it fails.  Errors: the source's, the stream's, the sink's;
 * SP_EINTERRUPT where the runner said stop.  What became durable stays so
 * whatever is returned.
 */
SP_CHECK enum sp_code sp_pull_visit(struct sp_pull *p, enum sp_pull_mode mode,
    struct sp_pull_result *out, struct sp_err *err);

#endif
