/*
 * When is silence unusual?  A source (a listener, a pulled account, a sender's
 * domain) has a rhythm: so many messages in each hour of the week.  What is
 * learned is the mean of each of the 168 hours over the weeks that were seen,
 * and the longest silences of that time, measured not in hours but in messages
 * that should have come.  A silence is unusual when more messages should have
 * come in it than in any silence before, with room: doc/watch.md, "Silence", has
 * the rule.
 *
 *	init (the learned time), add (each hour's count)  -->  judge (a silence)
 *
 * app/service/silence_watch.c fills it from the index and raises the alarm.
 * Pure: no clock, no I/O.
 */
#ifndef SP_WATCH_SILENCE_H
#define SP_WATCH_SILENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_RHYTHM_WEEKS 8u /* learned from, at most */
#define SP_RHYTHM_HOURS (SP_RHYTHM_WEEKS * 168u)
#define SP_HOUR_US	INT64_C(3600000000) /* microseconds */

/* A silence is unusual from this many missed messages on, at the least and,
 * whatever silences there were before, at the most. */
#define SP_SILENCE_LEAST 10.0
#define SP_SILENCE_MOST	 60.0
#define SP_SILENCE_ROOM	 1.5 /* times the longest silence seen */
#define SP_SILENCE_DAYS	 7 /* a source is known after so many days */

struct sp_rhythm { /* the caller's; no pointers */
	int64_t first; /* hour (since 1970) of count[0] */
	size_t n; /* hours in use, up to SP_RHYTHM_HOURS */
	uint32_t count[SP_RHYTHM_HOURS]; /* messages of each hour */
};

struct sp_silence {
	bool known; /* enough was seen to judge */
	bool unusual;
	double expected; /* messages that should have come since the last */
	double usual; /* limit: the longest usual silence, with room */
};

/* Empty, for the hours from that of ${from_us} to that of ${now_us}, exclusive;
 * the last SP_RHYTHM_HOURS of them.  Microseconds since 1970. */
void sp_rhythm_init(struct sp_rhythm *r, int64_t from_us, int64_t now_us);
/* ${n} more messages came in ${hour} (since 1970); ignored outside the hours
 * that are counted. */
void sp_rhythm_add(struct sp_rhythm *r, int64_t hour, uint64_t n);
/* Judge the silence from the last message at ${last_us} to ${now_us}; ${out} is
 * filled in any case.  Not known: fewer than SP_SILENCE_DAYS between the first
 * message and the last, or a silence of more than a year. */
void sp_rhythm_judge(const struct sp_rhythm *r, int64_t last_us, int64_t now_us,
    struct sp_silence *out);

#endif
