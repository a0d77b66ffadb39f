/*
 * A PROXY header of any bytes.  A header that is taken is taken whatever
 * follows it, waits at every byte before its end, and a refusal has a reason.
 */
#include <stdint.h>
#include <stdlib.h>

#include "journal/receive/peer.h"
#include "journal/receive/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[SP_PEER_TEXT];
	struct sp_proxy h, part;
	enum sp_proxy_result rc = sp_proxy_parse(sp_view_mem(data, size), &h);

	must(h.why != NULL);
	if (rc == SP_PROXY_BAD)
		must(h.why[0] != '\0');
	if (rc == SP_PROXY_MORE)
		must(size < SP_PROXY_MAX);
	if (rc != SP_PROXY_OK)
		return (0);
	must(h.length > 0 && h.length <= size && h.length <= SP_PROXY_MAX);
	must(sp_proxy_parse(sp_view_mem(data, h.length), &part) == SP_PROXY_OK);
	must(part.length == h.length);
	for (size_t n = 0; n < h.length; n++)
		must(sp_proxy_parse(sp_view_mem(data, n), &part) ==
		     SP_PROXY_MORE);
	if (h.local)
		return (0);
	must(h.src.ss_family == AF_INET || h.src.ss_family == AF_INET6);
	sp_peer_format((const struct sockaddr *)&h.src, text);
	sp_peer_format((const struct sockaddr *)&h.dst, text);
	return (0);
}
