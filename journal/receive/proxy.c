/*
 * The parser of the PROXY header (HAProxy's proxy-protocol.txt), for listeners
 * with the option `proxy`.  connection_accept.c gives it all bytes so far until
 * the header is whole.
 *
 *	version 1   PROXY TCP4 192.0.2.7 192.0.2.1 51234 25 CR LF
 *	version 2   signature (12) | version, command | family | length (2)
 *	            addresses and ports | type, length (2), value | ...
 */
#include "journal/receive/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/enc.h"

#define V1_MAX	   107 /* with its line end */
#define V2_FIXED   16
#define TLV_CRC32C 0x03

static const uint8_t signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a,
	0x51, 0x55, 0x49, 0x54, 0x0a };

/* The header is wrong: ${why} is for the log. */
static enum sp_proxy_result
reject(struct sp_proxy *out, const char *why)
{
	out->why = why;
	return (SP_PROXY_BAD);
}

/* ---- version 1 ------------------------------------------------------ */

/* Digits without a leading zero, at most 65535; ${out} in network order. */
static bool
parse_port(struct sp_view v, uint16_t *out)
{
	uint64_t n;

	if (v.n == 0 || v.n > 5 || (v.n > 1 && v.p[0] == '0') ||
	    !sp_view_u64(v, &n) || n > 65535)
		return (false);
	*out = htons((uint16_t)n);
	return (true);
}

/* An address of ${family} and its port, as text. */
static bool
parse_address(int family, struct sp_view host, struct sp_view p,
    struct sockaddr_storage *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char text[INET6_ADDRSTRLEN];
	bool ok;

	if (host.n == 0 || host.n >= sizeof(text) ||
	    memchr(host.p, '\0', host.n) != NULL)
		return (false);
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	memset(out, 0, sizeof(*out));
	if (family == AF_INET) {
		ok = inet_pton(AF_INET, text, &in.sin_addr) == 1 &&
		     parse_port(p, &in.sin_port);
		memcpy(out, &in, sizeof(in));
	} else {
		ok = inet_pton(AF_INET6, text, &in6.sin6_addr) == 1 &&
		     parse_port(p, &in6.sin6_port);
		memcpy(out, &in6, sizeof(in6));
	}
	return (ok);
}

/* Version 1 without its line end.  UNKNOWN means the proxy's own connection. */
static enum sp_proxy_result
parse_line(struct sp_view v, struct sp_proxy *out)
{
	struct sp_view word[6];
	size_t n = 0;
	int family;

	(void)sp_view_cut(&v, ' '); /* PROXY */
	if (sp_view_eq_str(v, "UNKNOWN") || sp_view_starts(v, "UNKNOWN ")) {
		out->local = true;
		return (SP_PROXY_OK);
	}
	while (v.p != NULL && n < SP_COUNTOF(word))
		word[n++] = sp_view_cut(&v, ' ');
	if (n != 5 || v.p != NULL)
		return (reject(out, "it has not the five words of version 1"));
	family = sp_view_eq_str(word[0], "TCP4")   ? AF_INET
		 : sp_view_eq_str(word[0], "TCP6") ? AF_INET6
						   : AF_UNSPEC;
	if (family == AF_UNSPEC)
		return (reject(out, "it is neither of TCP4, TCP6 nor UNKNOWN"));
	if (!parse_address(family, word[1], word[3], &out->src) ||
	    !parse_address(family, word[2], word[4], &out->dst))
		return (reject(out, "its addresses or ports are not such"));
	return (SP_PROXY_OK);
}

/* Find the line; it has at most 107 bytes. */
static enum sp_proxy_result
parse_version1(struct sp_view v, struct sp_proxy *out)
{
	static const char head[] = "PROXY ";
	size_t n = v.n < sizeof(head) - 1 ? v.n : sizeof(head) - 1;
	const char *lf;

	if (memcmp(v.p, head, n) != 0)
		return (reject(out, "there is none"));
	lf = memchr(v.p, '\n', v.n < V1_MAX ? v.n : V1_MAX);
	if (lf == NULL)
		return (v.n < V1_MAX
			    ? SP_PROXY_MORE
			    : reject(out, "it is longer than 107 bytes"));
	if (lf[-1] != '\r')
		return (reject(out, "it does not end with CR LF"));
	out->length = (size_t)(lf - v.p) + 1;
	return (parse_line(sp_view_mem(v.p, out->length - 2), out));
}

/* ---- version 2 ------------------------------------------------------ */

/* Version 2: source and destination, one behind the other, then both ports. */
static void
parse_addresses(const uint8_t *p, int family, struct sp_proxy *out)
{
	const size_t n = family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage *to = i == 0 ? &out->src : &out->dst;
		struct sockaddr_in in = { .sin_family = AF_INET };
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

		memset(to, 0, sizeof(*to));
		if (family == AF_INET) {
			memcpy(&in.sin_addr, p + i * n, n);
			memcpy(&in.sin_port, p + 2 * n + 2 * i, 2);
			memcpy(to, &in, sizeof(in));
		} else {
			memcpy(&in6.sin6_addr, p + i * n, n);
			memcpy(&in6.sin6_port, p + 2 * n + 2 * i, 2);
			memcpy(to, &in6, sizeof(in6));
		}
	}
}

/* Whether the CRC-32C at ${at} is that of the whole header, with zeros where it
 * stands. */
static bool
checksum_ok(const uint8_t *head, size_t n, const uint8_t *at)
{
	static const uint8_t zero[4] = { 0 };
	size_t before = (size_t)(at - head);
	uint32_t crc;

	crc = sp_crc32c(0, head, before);
	crc = sp_crc32c(crc, zero, sizeof(zero));
	crc = sp_crc32c(crc, at + 4, n - before - 4);
	return (crc == sp_be32_get(at));
}

/* Look through the values behind the addresses: only a checksum matters here,
 * and all must lie inside the header. */
static enum sp_proxy_result
check_values(const uint8_t *head, size_t at, size_t n, struct sp_proxy *out)
{
	while (at < n) {
		size_t len;

		if (n - at < 3)
			return (reject(out, "a value in it is cut off"));
		len = sp_be16_get(head + at + 1);
		if (n - at - 3 < len)
			return (reject(out, "a value in it is cut off"));
		if (head[at] == TLV_CRC32C &&
		    (len != 4 || !checksum_ok(head, n, head + at + 3)))
			return (reject(out, "its checksum is wrong"));
		at += 3 + len;
	}
	return (SP_PROXY_OK);
}

/* Fixed part, addresses, values.  Whatever a LOCAL header carries is
 * skipped. */
static enum sp_proxy_result
parse_version2(struct sp_view v, struct sp_proxy *out)
{
	const uint8_t *p = (const uint8_t *)v.p;
	size_t n, need = 0;

	if (v.n < V2_FIXED)
		return (SP_PROXY_MORE);
	if (p[12] != 0x20 && p[12] != 0x21)
		return (reject(out, "its version or command is unknown"));
	n = V2_FIXED + (size_t)sp_be16_get(p + 14);
	if (n > SP_PROXY_MAX)
		return (reject(out, "it is longer than 4096 bytes"));
	if (v.n < n)
		return (SP_PROXY_MORE);
	out->length = n;
	if (p[12] == 0x20 || p[13] == 0x00)
		out->local = true;
	else if (p[13] == 0x11)
		need = 12;
	else if (p[13] == 0x21)
		need = 36;
	else
		return (reject(out, "it is not of a TCP connection"));
	/* What a LOCAL header carries is skipped. */
	if (p[12] == 0x20)
		return (SP_PROXY_OK);
	if (n - V2_FIXED < need)
		return (reject(out, "its addresses are cut off"));
	if (need > 0)
		parse_addresses(
		    p + V2_FIXED, need == 12 ? AF_INET : AF_INET6, out);
	return (check_values(p, V2_FIXED + need, n, out));
}

enum sp_proxy_result
sp_proxy_parse(struct sp_view v, struct sp_proxy *out)
{
	size_t n = v.n < sizeof(signature) ? v.n : sizeof(signature);

	*out = (struct sp_proxy){ .why = "" };
	if (v.n == 0)
		return (SP_PROXY_MORE);
	if (memcmp(v.p, signature, n) == 0)
		return (parse_version2(v, out));
	return (parse_version1(v, out));
}
