/*
 * How much each reader may append to the log at the local door: a stock of bytes
 * that each event takes from and time fills up again.  Who looks at mail for a
 * living does not come near it; who wants to fill the disk waits.
 *
 * For the thread of the loop only.
 */
#ifndef SP_RECEIVE_EVENT_RATE_H
#define SP_RECEIVE_EVENT_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define SP_EVENT_RATE_STOCK   ((uint64_t)4 << 20) /* bytes at once, at most */
#define SP_EVENT_RATE_REFILL  ((uint64_t)32 << 10) /* bytes a second */
#define SP_EVENT_RATE_LEAST   1024 /* bytes that any event counts at least */
#define SP_EVENT_RATE_LARGEST ((uint64_t)256 << 10) /* bytes of one detail */
#define SP_EVENT_RATE_USERS   64 /* that are remembered */

struct sp_event_rate;

/* The caller frees it with sp_event_rate_free(). */
struct sp_event_rate *sp_event_rate_new(void);
void sp_event_rate_free(struct sp_event_rate *r); /* NULL is fine */
/* User ${uid} wants to append ${bytes} at the instant ${now}, milliseconds that
 * never go back.  False: not now, and nothing was taken from its stock.  Of more
 * users than are remembered the one with the fullest stock is forgotten, which
 * fills it up. */
bool sp_event_rate_take(
    struct sp_event_rate *r, uint64_t uid, uint64_t bytes, uint64_t now);

#endif
