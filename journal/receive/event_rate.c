/*
 * A token bucket for each user who appends events (receive_event.c asks for
 * each), in a small table that is searched from end to end.
 */
#include "journal/receive/event_rate.h"

#include <stdlib.h>

#include "base/buf.h"

struct user {
	uint64_t uid;
	uint64_t stock; /* bytes */
	uint64_t at; /* when it was that, milliseconds */
};

struct sp_event_rate {
	struct user user[SP_EVENT_RATE_USERS];
	unsigned n; /* of these that are used */
};

struct sp_event_rate *
sp_event_rate_new(void)
{
	return (sp_xcalloc(1, sizeof(struct sp_event_rate)));
}

void
sp_event_rate_free(struct sp_event_rate *r)
{
	free(r);
}

/* Fill the stock up to what it is now. */
static void
refill(struct user *u, uint64_t now)
{
	const uint64_t full = SP_EVENT_RATE_STOCK * 1000 / SP_EVENT_RATE_REFILL;
	uint64_t ms = now - u->at;

	if (ms > full)
		ms = full;
	u->stock += ms * SP_EVENT_RATE_REFILL / 1000;
	if (u->stock > SP_EVENT_RATE_STOCK)
		u->stock = SP_EVENT_RATE_STOCK;
	u->at = now;
}

/* The entry of ${uid}, its stock filled up; a new one is full. */
static struct user *
find_user(struct sp_event_rate *r, uint64_t uid, uint64_t now)
{
	struct user *fullest = &r->user[0];

	for (unsigned i = 0; i < r->n; i++) {
		refill(&r->user[i], now);
		if (r->user[i].uid == uid)
			return (&r->user[i]);
		if (r->user[i].stock > fullest->stock)
			fullest = &r->user[i];
	}
	if (r->n < SP_EVENT_RATE_USERS)
		fullest = &r->user[r->n++];
	*fullest = (struct user){
		.uid = uid, .stock = SP_EVENT_RATE_STOCK, .at = now
	};
	return (fullest);
}

bool
sp_event_rate_take(
    struct sp_event_rate *r, uint64_t uid, uint64_t bytes, uint64_t now)
{
	struct user *u = find_user(r, uid, now);

	if (bytes < SP_EVENT_RATE_LEAST)
		bytes = SP_EVENT_RATE_LEAST;
	if (u->stock < bytes)
		return (false);
	u->stock -= bytes;
	return (true);
}
