/*
 * A server in a thread with an appender that the test controls, in a network
 * of its own where that is allowed; and blocking clients.
 */
#ifndef SP_TESTS_RECEIVE_RIG_H
#define SP_TESTS_RECEIVE_RIG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "journal/receive/receive.h"

/* The appender; everything under lock.  A batch with a message that begins
 * with TOOBIG gives SP_ELIMIT. */
struct sp_fake {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool blocked; /* commits wait */
	bool waiting; /* one does */
	enum sp_code code; /* what they give */
	uint64_t next_seq, batches, ticks, rotations;
	size_t largest; /* batch */
	struct sp_buf stored; /* messages, each ended by "<EOM>" */
	struct sp_buf events; /* "name detail\n" */
};

struct sp_rig {
	struct sp_fake fake;
	struct sp_config *cfg;
	struct sp_listen listen;
	char dir[64];
	int tcp, door;
	uint16_t port;
	uv_loop_t loop;
	uv_async_t async;
	pthread_t thread;
	struct sp_receive *r;
	/* what the loop's thread is asked to do */
	const char *hold;
	bool want_hold, want_drain, want_stop;
	bool drained;
	struct sp_buf log; /* "event text\n" */
};

/* Prepare; change rig->listen and rig->cfg, then start. */
void sp_rig_init(struct sp_rig *g);
void sp_rig_start(struct sp_rig *g);
void sp_rig_block(struct sp_rig *g, bool on);
void sp_rig_wait_blocked(struct sp_rig *g);
void sp_rig_hold(struct sp_rig *g, const char *why);
void sp_rig_drain(struct sp_rig *g);
/* Wait up to five seconds until the text is in the log or the events. */
bool sp_rig_logged(struct sp_rig *g, const char *text);
bool sp_rig_event(struct sp_rig *g, const char *text);
bool sp_rig_stored(struct sp_rig *g, const char *text);
bool sp_rig_drained(struct sp_rig *g);
void sp_rig_done(struct sp_rig *g);

/* A client; replies are awaited for five seconds. */
int sp_client(const struct sp_rig *g);
/* From 127.0.0.${last}, as another host. */
int sp_client_from(const struct sp_rig *g, unsigned last);
int sp_client_door(const struct sp_rig *g);
void sp_client_say(int fd, const char *text);
/* Say, and fail unless a reply comes that begins with ${want}. */
void sp_client_ask(int fd, const char *text, const char *want);
/* The next reply line; "" when the server closed, NULL after ${ms}. */
const char *sp_client_hear(int fd, char out[512], int ms);

#endif
