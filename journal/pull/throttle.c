/*
 * The words of a server that wants to be left alone, and the time that it names
 * (throttle.h).  A time is a number with a unit right behind it: "Suggested
 * Backoff Time: 299961 milliseconds", "try again in 5 minutes", "wait 30s",
 * "retry-after: 120".
 */
#include "journal/pull/throttle.h"

#include <string.h>
#include <strings.h>

#include "base/attr.h"

/* Whether ${word}, in lower case, is somewhere in ${text}; where. */
static const char *
find(struct sp_view text, const char *word)
{
	const size_t n = strlen(word);

	for (size_t i = 0; i + n <= text.n; i++) {
		if (strncasecmp(text.p + i, word, n) == 0)
			return (text.p + i);
	}
	return (NULL);
}

/* Milliseconds of the unit that ${text} begins with; 0: none. */
static uint64_t
unit_of(struct sp_view text)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = { { "millisec", 1 }, { "msec", 1 }, { "ms", 1 },
		{ "sec", 1000 }, { "min", 60000 }, { "hour", 3600000 },
		{ "hr", 3600000 }, { "day", 86400000 }, { "s", 1000 },
		{ "m", 60000 }, { "h", 3600000 } };

	for (size_t i = 0; i < SP_COUNTOF(units); i++) {
		const size_t n = strlen(units[i].name);

		if (!sp_view_istarts(text, units[i].name))
			continue;
		/* One letter must stand alone: "5 s", but not "5 such". */
		if (n == 1 && text.n > 1 &&
		    ((text.p[1] | 0x20) >= 'a' && (text.p[1] | 0x20) <= 'z'))
			continue;
		return (units[i].ms);
	}
	return (0);
}

/* Read a number at the start of ${text} and the blanks behind it, which are cut
 * off; a huge one is the largest that is believed. */
static uint64_t
cut_number(struct sp_view *text)
{
	uint64_t n = 0;
	size_t i = 0;

	for (; i < text->n && text->p[i] >= '0' && text->p[i] <= '9'; i++) {
		if (n < UINT64_MAX / 100)
			n = n * 10 + (uint64_t)(text->p[i] - '0');
	}
	while (i < text->n && (text->p[i] == ' ' || text->p[i] == '-'))
		i++;
	*text = sp_view_mem(text->p + i, text->n - i);
	return (n);
}

/* The longest time that ${text} names, in milliseconds; 0: none.  A number
 * without a unit counts where "retry-after" or "backoff" stands before it. */
static uint64_t
time_of(struct sp_view text)
{
	const char *hint = find(text, "retry-after");
	uint64_t longest = 0;

	if (hint == NULL)
		hint = find(text, "retry after");
	if (hint == NULL)
		hint = find(text, "backoff");
	for (size_t i = 0; i < text.n; i++) {
		struct sp_view rest = sp_view_mem(text.p + i, text.n - i);
		bool hinted = hint != NULL && text.p + i > hint;
		uint64_t n, ms;

		if (text.p[i] < '0' || text.p[i] > '9')
			continue;
		/* Not inside a word or a number: "IMAP4", "1.5". */
		if (i > 0 && text.p[i - 1] != ' ' && text.p[i - 1] != ':' &&
		    text.p[i - 1] != '=' && text.p[i - 1] != '(')
			continue;
		n = cut_number(&rest);
		ms = unit_of(rest);
		if (ms == 0 && hinted)
			ms = 1000;
		hint = hinted ? NULL : hint;
		if (ms > 0 && n > UINT64_MAX / ms)
			n = UINT64_MAX / ms;
		if (n * ms > longest)
			longest = n * ms;
	}
	return (longest);
}

/* One of the words anywhere, in any case; then the longest time named. */
bool
sp_throttle_words(struct sp_view text, uint64_t *seconds)
{
	static const char *const words[] = { "throttl", "backoff", "back off",
		"[limit]", "[login-delay", "intrusion prevention",
		"too many connections", "too many simultaneous",
		"too many requests", "too many commands", "too many logins",
		"too many login", "rate limit", "rate-limit", "ratelimit",
		"bandwidth limit", "exceeded command or bandwidth",
		"too many failed", "too many attempts", "slow down",
		"maximum number of connections", "connection limit",
		/* Exchange Online, out of its budget. */
		"authenticated but not connected", "temporarily blocked",
		"retry after", "retry-after", "server busy", "server is busy",
		"server too busy" };
	uint64_t ms;
	bool yes = false;

	for (size_t i = 0; i < SP_COUNTOF(words) && !yes; i++)
		yes = find(text, words[i]) != NULL;
	if (!yes)
		return (false);
	ms = time_of(text);
	*seconds = ms / 1000 + (ms % 1000 != 0);
	if (*seconds == 0)
		*seconds = SP_THROTTLE_DEFAULT_S;
	if (*seconds > SP_THROTTLE_MAX_S)
		*seconds = SP_THROTTLE_MAX_S;
	return (true);
}
