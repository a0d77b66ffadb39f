/*
 * The rule of an unusual silence: see journal/watch/silence.h.  All sums are of
 * messages that should have come, so that an hour at noon weighs more than a
 * night:
 *
 *   mean[h]   = messages of hour h of the week, over the weeks that were seen
 *   longest() = the most that any stretch of empty hours lacked
 *   expected  = what should have come since the last message
 *   unusual   : expected > longest * SP_SILENCE_ROOM, within LEAST and MOST
 */
#include "journal/watch/silence.h"

#include <string.h>

#define WEEK	    168 /* hours */
#define SILENCE_MAX (366 * 24 * SP_SILENCE_HOUR_US) /* that is judged */

/* 0 to 167; an hour since 1970 may be negative. */
static size_t
hour_of_week(int64_t hour)
{
	const int64_t h = hour % WEEK;

	return ((size_t)(h < 0 ? h + WEEK : h));
}

void
sp_silence_rhythm_init(
    struct sp_silence_rhythm *r, int64_t from_us, int64_t now_us)
{
	const int64_t end = now_us / SP_SILENCE_HOUR_US;

	memset(r, 0, sizeof(*r));
	r->first = from_us / SP_SILENCE_HOUR_US;
	if (end - r->first > (int64_t)SP_SILENCE_HOURS)
		r->first = end - (int64_t)SP_SILENCE_HOURS;
	r->n = end > r->first ? (size_t)(end - r->first) : 0;
}

void
sp_silence_rhythm_add(struct sp_silence_rhythm *r, int64_t hour, uint64_t n)
{
	uint32_t *c;

	if (hour < r->first || hour - r->first >= (int64_t)r->n)
		return;
	c = &r->count[hour - r->first];
	*c = n > UINT32_MAX - *c ? UINT32_MAX : *c + (uint32_t)n;
}

/* The mean of each hour of the week, over the counts [from, to). */
static void
means(const struct sp_silence_rhythm *r, size_t from, size_t to,
    double mean[WEEK])
{
	unsigned weeks[WEEK] = { 0 };

	for (size_t i = 0; i < WEEK; i++)
		mean[i] = 0;
	for (size_t i = from; i < to; i++) {
		const size_t h = hour_of_week(r->first + (int64_t)i);

		mean[h] += r->count[i];
		weeks[h]++;
	}
	for (size_t i = 0; i < WEEK; i++) {
		if (weeks[i] > 0)
			mean[i] /= weeks[i];
	}
}

/* The most messages that any silence in the counts [from, to) lacked. */
static double
longest(const struct sp_silence_rhythm *r, size_t from, size_t to,
    const double mean[WEEK])
{
	double run = 0, most = 0;

	for (size_t i = from; i < to; i++) {
		if (r->count[i] > 0)
			run = 0;
		else
			run += mean[hour_of_week(r->first + (int64_t)i)];
		if (run > most)
			most = run;
	}
	return (most);
}

/* Messages that should come in the microseconds [from, to); an hour in part
 * counts in part. */
static double
expected(const double mean[WEEK], int64_t from, int64_t to)
{
	double sum = 0;

	while (from < to) {
		const int64_t hour = from / SP_SILENCE_HOUR_US;
		const int64_t next = (hour + 1) * SP_SILENCE_HOUR_US;
		const int64_t end = next < to ? next : to;

		sum += mean[hour_of_week(hour)] * (double)(end - from) /
		       (double)SP_SILENCE_HOUR_US;
		from = end;
	}
	return (sum);
}

/* Learns from the hour of the first message to that of the last, exclusive. */
void
sp_silence_judge(const struct sp_silence_rhythm *r, int64_t last_us,
    int64_t now_us, struct sp_silence *out)
{
	const int64_t last = last_us / SP_SILENCE_HOUR_US;
	double mean[WEEK];
	size_t from = 0, to;

	memset(out, 0, sizeof(*out));
	/* Before its first message the source was not there; the silence that
	 * is judged teaches nothing. */
	while (from < r->n && r->count[from] == 0)
		from++;
	to = last < r->first		       ? 0
	     : last - r->first < (int64_t)r->n ? (size_t)(last - r->first)
					       : r->n;
	if (to <= from || to - from < SP_SILENCE_DAYS * 24 ||
	    now_us <= last_us || now_us - last_us > SILENCE_MAX)
		return;
	means(r, from, to, mean);
	out->known = true;
	out->expected = expected(mean, last_us, now_us);
	out->usual = SP_SILENCE_ROOM * longest(r, from, to, mean);
	if (out->usual < SP_SILENCE_LEAST)
		out->usual = SP_SILENCE_LEAST;
	if (out->usual > SP_SILENCE_MOST)
		out->usual = SP_SILENCE_MOST;
	out->unusual = out->expected > out->usual;
}
