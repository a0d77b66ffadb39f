/*
 * The inside of the engine (pull.h), shared by its files only:
 *
 *	pull.c			visits, sessions, what the log has
 *	pull_source.c		what a source asks for and reports
 *	pull_deliver.c		messages from a source to the sink, and answers
 *	pull_hold.c		the bytes of one message until it is judged
 *	pull_doubt.c		what is announced and not captured
 *	pull_provenance.c	the JSON that goes with a message
 */
#ifndef SP_PULL_PULL_PRIV_H
#define SP_PULL_PULL_PRIV_H

#include "journal/pull/doubts.h"
#include "journal/pull/ids.h"
#include "journal/pull/pull.h"

#define SP_PULL_SKIPS  1024 /* skipped messages that are remembered */
#define SP_PULL_BREAKS 20 /* sessions of a visit that may break at a message */

/* A message on its way to the sink: begun, or ended and not yet answered (then
 * it is in the list of its engine). */
struct sp_pull_pending {
	struct sp_pull *p;
	struct sp_pull_pending *prev, *next; /* NULL while it is only begun */
	uint64_t tag; /* the source's */
	uint64_t size; /* bytes so far */
	uint64_t announced;
	uint8_t key[SP_IDS_KEY];
	uint8_t slot[SP_IDS_KEY]; /* the key of its doubt: of the same id, or of
				     the slot that it was listed in */
	uint8_t content[SP_IDS_CONTENT]; /* once it is judged */
	bool lasting; /* its name is for ever: UIDVALIDITY and UID */
	bool verify, by_content; /* sp_pull_meta */
	bool evidence; /* not whole: what is stored is no capture */
	char *name; /* for messages to people */
};

/* What is known of the connection, for provenance; the texts of ${info} are
 * copied, since they are the stream's. */
struct sp_pull_link_facts {
	struct sp_stream_info info;
	char version[16], cipher[64], cert[72];
};

/* The bytes of the message that is begun: in memory, or from 4 MiB on in a file
 * without a name. */
struct sp_pull_hold {
	struct sp_buf mem;
	struct sp_buf provenance; /* JSON, without the flag */
	int fd; /* -1: none */
	uint64_t in_file; /* bytes */
};

/* What the server is asked for. */
struct sp_pull_asked {
	bool any; /* what follows is valid */
	bool counted; /* the failure is: what came of it was judged */
	uint8_t slot[SP_IDS_KEY];
	uint64_t announced; /* bytes */
	char name[SP_DOUBTS_NAME];
};

/* Tags of messages that became durable and were not collected yet. */
struct sp_pull_durable {
	uint64_t *tags;
	size_t n, cap;
	size_t next; /* to be collected */
};

/* Keys of skipped messages, a ring. */
struct sp_pull_skips {
	uint8_t keys[SP_PULL_SKIPS][SP_IDS_KEY];
	size_t n; /* so far */
};

struct sp_pull {
	/* For good. */
	struct sp_pull_opts opts;
	char *state_path; /* state/pull/NAME */
	char *mailbox_id; /* "NAME SERVER USER": another one has other ids */

	/* What the archive has; lives from visit to visit. */
	struct sp_ids *known;
	bool known_complete; /* ${known} has all that the log has */
	uint64_t covered; /* ... in entries below this one */
	int64_t saved_at; /* boot clock, microseconds; 0: not yet */
	struct sp_pull_skips skipped;

	/* The visit. */
	enum sp_pull_mode mode;
	struct sp_pull_result r;
	bool need_fresh_token; /* the last one was refused */

	/* The session. */
	struct sp_pull_link_facts link;
	bool another_session; /* the source asked for it */
	bool listing_complete; /* every message of it was matched */
	int64_t session; /* its number: when it began, wall clock, us */
	struct sp_pull_asked asked;
	bool unnamed_done; /* sp_pull_set_unnamed_done() */
	uint64_t fetches; /* of this visit that were judged */
	uint64_t told; /* doubtful messages of this visit, named or not */
	bool last_alone; /* its sessions are for those that are to come last */
	bool
	    last_waits; /* the source has such messages, sp_pull_last_alone() */
	bool renames; /* sp_pull_renamed() in this visit */
	unsigned breaks; /* sessions of this visit that broke at a message */

	/* Messages on their way. */
	struct sp_pull_pending *begun; /* not ended yet; NULL: none */
	bool oversize; /* ... and larger than allowed: its bytes are dropped */
	bool out_of_step; /* ... and what came behind it was no reply */
	struct sp_whole_scan *scan;
	struct sp_pull_hold hold;
	enum sp_pull_fate fate; /* of the last one */
	struct sp_pull_pending
	    pending; /* head of the list: ended, not answered */
	struct sp_err sink_error; /* its first failure; code SP_OK: none */
	struct sp_pull_durable durable;
};

/* ---- pull_provenance.c ---- */
/* Remember how the server is connected. */
void sp_pull_remember_link(struct sp_pull *p, const struct sp_stream *s);
/* Append the JSON of XSEALPOST SOURCE (doc/door.md) for a message fetched now.
 * SP_ELIMIT: ${out} is full. */
SP_CHECK enum sp_code sp_pull_provenance(
    const struct sp_pull *p, const struct sp_pull_meta *m, struct sp_buf *out);

/* ---- pull_hold.c ---- */
void sp_pull_hold_init(struct sp_pull *p);
void sp_pull_hold_done(struct sp_pull *p);
/* Forget what is held. */
void sp_pull_hold_clear(struct sp_pull *p);
/* Keep more bytes of the message.  Errors: those of the file. */
SP_CHECK enum sp_code sp_pull_hold_add(
    struct sp_pull *p, struct sp_view bytes, struct sp_err *err);
/* Hand what is held to the sink as the message ${a}, which is in the list of
 * those that wait, with ${flag} in its record (NULL: none). */
SP_CHECK enum sp_code sp_pull_hold_deliver(struct sp_pull *p,
    struct sp_pull_pending *a, const char *flag, struct sp_err *err);

/* ---- pull_doubt.c ---- */
/* The key that a message is doubted by, and what it is called; the caller frees
 * that. */
void sp_pull_slot(const struct sp_pull_meta *m, uint8_t slot[SP_IDS_KEY]);
char *sp_pull_slot_name(const struct sp_pull_meta *m);
/* Judge the message ${a}, all of whose bytes were seen, and remember it where
 * it is no capture.  The fate is in p->fate; ${flag}: what its record must
 * say.  False: there is nothing to hand over. */
bool sp_pull_judge(
    struct sp_pull *p, struct sp_pull_pending *a, const char **flag);
/* The evidence ${a} is in the log. */
void sp_pull_stored_evidence(
    struct sp_pull *p, const struct sp_pull_pending *a);
/* A session failed with ${err}: whether it broke at a message, which is
 * remembered, so that another session makes sense. */
bool sp_pull_session_broke(struct sp_pull *p, const struct sp_err *err);
/* Fill in what the result says of doubtful messages. */
void sp_pull_sum_doubts(struct sp_pull *p);

/* ---- pull_deliver.c ---- */
/* The key of an id, and what a message is called; the caller frees that. */
void sp_pull_key(const struct sp_pull_id *id, uint8_t key[SP_IDS_KEY]);
char *sp_pull_name(const struct sp_pull_id *id);
/* Give up all messages on their way.  If one of them was ended, the log must
 * be asked whether the archive has it. */
void sp_pull_reset(struct sp_pull *p);

#endif
