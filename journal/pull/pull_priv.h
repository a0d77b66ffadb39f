/* The inside of the engine, shared by pull*.c only. */
#ifndef SP_PULL_PULL_PRIV_H
#define SP_PULL_PULL_PRIV_H

#include "journal/pull/ids.h"
#include "journal/pull/pull.h"

#define SP_PULL_SKIPS 1024 /* remembered */

/* A message handed to the sink and not yet answered; in the list of its
 * engine. */
struct sp_parcel {
	struct sp_pull *p;
	struct sp_parcel *prev, *next;
	uint64_t tag, size;
	uint8_t key[SP_IDS_KEY];
	char *name; /* for messages */
};

struct sp_pull {
	struct sp_pull_opts o;
	char *state; /* the file */
	char *whose; /* it is */
	enum sp_pull_mode mode;
	struct sp_ids *known;
	bool learnt; /* the table is what the log has */
	uint64_t covered; /* ... in entries below */
	int64_t saved; /* boot clock */
	bool fresh_token; /* the next credential must be a new one */
	bool again; /* the source wants another session at once */
	bool told; /* sp_pull_fail was called */
	struct sp_pull_result r;

	struct sp_stream_info link; /* of the session; text is copied below */
	char version[16], cipher[64], cert[72];

	struct sp_parcel head; /* of the list */
	struct sp_parcel *filling; /* begun, not ended */
	bool refused; /* it is larger than allowed */
	struct sp_err store; /* the sink's failure, code SP_OK: none */

	uint64_t *durable; /* tags to be given to the source */
	size_t ndurable, durable_at, durable_cap;

	uint8_t skipped[SP_PULL_SKIPS][SP_IDS_KEY]; /* a ring */
	size_t nskipped;
};

/* pull_source.c: the JSON of XSEALPOST SOURCE. */
SP_CHECK enum sp_code sp_pull_provenance(
    const struct sp_pull *p, const struct sp_pull_meta *m, struct sp_buf *out);
void sp_pull_link(struct sp_pull *p, const struct sp_stream *s);
/* pull_take.c: forget what is in hand; the log must be asked. */
void sp_pull_reset(struct sp_pull *p);

#endif
