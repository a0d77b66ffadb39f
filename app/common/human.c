/*
 * Counts with thousands separators and sizes in binary units, the same in
 * every locale: the output of a command does not depend on who runs it.
 */
#include "app/common/human.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/attr.h"

const char *
sp_text_count(uint64_t n, char out[32])
{
	char plain[24];
	int len = snprintf(plain, sizeof(plain), "%" PRIu64, n);
	size_t at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = '\0';
	return (out);
}

const char *
sp_text_size(uint64_t n, char out[32])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB", "EiB" };
	double v = (double)n;
	size_t u = 0;

	while (v >= 1024 && u + 1 < SP_COUNTOF(units)) {
		v /= 1024;
		u++;
	}
	(void)snprintf(out, 32, u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
	return (out);
}
