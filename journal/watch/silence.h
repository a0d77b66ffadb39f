/*
 * When is silence unusual?  A source (a listener, a pulled account, a sender's
 * domain) has a rhythm: so many messages in each hour of the week.  What is
 * learned is the mean of each of the 168 hours over the weeks that were seen,
 * and the longest silences of that time, measured not in hours but in messages
 * that should have come.  A silence is unusual when more messages should have
 * come in it than in any silence before, with room: doc/watch.md has the rule.
 */
#ifndef SP_WATCH_SILENCE_H
#define SP_WATCH_SILENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_RHYTHM_WEEKS 8u /* at most that are learned from */
#define SP_RHYTHM_HOURS (SP_RHYTHM_WEEKS * 168u)
#define SP_HOUR_US	INT64_C(3600000000)

/* A silence is unusual from this many missed messages on, at the least and,
 * whatever silences there were before, at the most. */
#define SP_SILENCE_LEAST 10.0
#define SP_SILENCE_MOST	 60.0
#define SP_SILENCE_ROOM	 1.5 /* times the longest silence seen */
#define SP_SILENCE_DAYS	 7 /* a source is known after so many days */

struct sp_rhythm {
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

/* Count from the hour of ${from_us} to that of ${now_us}, exclusive. */
void sp_rhythm_init(struct sp_rhythm *r, int64_t from_us, int64_t now_us);
/* ${n} messages came in ${hour} (since 1970); outside the time: ignored. */
void sp_rhythm_add(struct sp_rhythm *r, int64_t hour, uint64_t n);
/* What to think of the silence from ${last_us} to ${now_us}. */
void sp_rhythm_judge(const struct sp_rhythm *r, int64_t last_us, int64_t now_us,
    struct sp_silence *out);

#endif
