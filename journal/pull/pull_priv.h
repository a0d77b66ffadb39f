/*
 * The inside of the engine (pull.h), shared by its files only:
 *
 *	pull.c			visits, sessions, what the log has
 *	pull_source.c		what a source asks for and reports
 *	pull_deliver.c		messages from a source to the sink, and answers
 *	pull_provenance.c	the JSON that goes with a message
 */
#ifndef SP_PULL_PULL_PRIV_H
#define SP_PULL_PULL_PRIV_H

#include "journal/pull/ids.h"
#include "journal/pull/pull.h"

#define SP_PULL_SKIPS 1024 /* skipped messages that are remembered */

/* A message on its way to the sink: begun, or ended and not yet answered (then
 * it is in the list of its engine). */
struct sp_parcel {
	struct sp_pull *p;
	struct sp_parcel *prev, *next; /* NULL while it is only begun */
	uint64_t tag; /* the source's */
	uint64_t size; /* bytes so far */
	uint8_t key[SP_IDS_KEY];
	char *name; /* for messages to people */
};

/* What is known of the connection, for provenance; the texts of ${info} are
 * copied, since they are the stream's. */
struct sp_pull_link_facts {
	struct sp_stream_info info;
	char version[16], cipher[64], cert[72];
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

	/* Messages on their way. */
	struct sp_parcel *begun; /* not ended yet; NULL: none */
	bool oversize; /* ... and larger than allowed: its bytes are dropped */
	struct sp_parcel pending; /* head of the list: ended, not answered */
	struct sp_err sink_error; /* its first failure; code SP_OK: none */
	struct sp_pull_durable durable;
};

/* ---- pull_provenance.c ---- */
/* Remember how the server is connected. */
void sp_pull_link(struct sp_pull *p, const struct sp_stream *s);
/* Append the JSON of XSEALPOST SOURCE (doc/door.md) for a message fetched now.
 * SP_ELIMIT: ${out} is full. */
SP_CHECK enum sp_code sp_pull_provenance(
    const struct sp_pull *p, const struct sp_pull_meta *m, struct sp_buf *out);

/* ---- pull_deliver.c ---- */
/* Give up all messages on their way.  If one of them was ended, the log must
 * be asked whether the archive has it. */
void sp_pull_reset(struct sp_pull *p);

#endif
