/*
 * Dates taken apart and put together (zone.h).  The text is compared with what
 * it would give again, so that nothing of the sender's own spelling is lost.
 */
#include "index/zone.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/time_text.h"
#include "base/view.h"

/* Years 1 to 9999, or about. */
#define YEAR_MIN (-INT64_C(62135596800) * SP_SECOND)
#define YEAR_MAX (INT64_C(253402300799) * SP_SECOND)

/* Years outside 1 to 9999 have no such text. */
bool
sp_zone_of(const char *text, int64_t us, int *minutes)
{
	struct sp_view v = sp_view_str(text);
	uint64_t h, m;
	char back[SP_ZONE_LEN];
	int east;

	if (us < YEAR_MIN || us > YEAR_MAX ||
	    v.n != strlen("2002-08-22T18:26:25+07:00") ||
	    (v.p[19] != '+' && v.p[19] != '-') ||
	    !sp_view_u64((struct sp_view){ v.p + 20, 2 }, &h) ||
	    !sp_view_u64((struct sp_view){ v.p + 23, 2 }, &m) || m > 59)
		return (false);
	east = (int)(h * 60 + m);
	if (v.p[19] == '-')
		east = -east;
	sp_zone_format(us, east, back);
	*minutes = east;
	return (strcmp(back, text) == 0);
}

void
sp_zone_format(int64_t us, int minutes, char out[SP_ZONE_LEN])
{
	char utc[SP_TIME_LEN + 1];
	int abs = minutes < 0 ? -minutes : minutes;

	sp_time_format(us + (int64_t)minutes * 60 * SP_SECOND, utc);
	(void)snprintf(out, SP_ZONE_LEN, "%.19s%c%02d:%02d", utc,
	    minutes < 0 ? '-' : '+', abs / 60 % 100, abs % 60);
}
