/*
 * Capabilities of an IMAP server: words of CAPABILITY and ENABLED responses to
 * the bits SP_IMAP_CAP_ of imap_parse.h, and back for messages.  One table,
 * read by imap_command.c for each such response.
 */
#include <stdio.h>
#include <string.h>

#include "journal/pull/imap/imap_parse.h"

/* What IMAP4rev2 includes (RFC 9051, appendix E). */
#define REV2_HAS                                                        \
	(SP_IMAP_CAP_SASL_IR | SP_IMAP_CAP_IDLE | SP_IMAP_CAP_UIDPLUS | \
	    SP_IMAP_CAP_MOVE | SP_IMAP_CAP_ENABLE | SP_IMAP_CAP_SPECIAL_USE)

static const struct {
	const char *name;
	unsigned bits;
} caps[] = {
	{ "IMAP4REV1", SP_IMAP_CAP_REV1 },
	{ "IMAP4REV2", SP_IMAP_CAP_REV2 | REV2_HAS },
	{ "STARTTLS", SP_IMAP_CAP_STARTTLS },
	{ "LOGINDISABLED", SP_IMAP_CAP_NOLOGIN },
	{ "SASL-IR", SP_IMAP_CAP_SASL_IR },
	{ "AUTH=PLAIN", SP_IMAP_CAP_PLAIN },
	{ "AUTH=XOAUTH2", SP_IMAP_CAP_XOAUTH2 },
	{ "AUTH=OAUTHBEARER", SP_IMAP_CAP_OAUTHBEARER },
	{ "IDLE", SP_IMAP_CAP_IDLE },
	{ "UIDPLUS", SP_IMAP_CAP_UIDPLUS },
	{ "MOVE", SP_IMAP_CAP_MOVE },
	{ "ENABLE", SP_IMAP_CAP_ENABLE },
	{ "CONDSTORE", SP_IMAP_CAP_CONDSTORE },
	{ "QRESYNC", SP_IMAP_CAP_QRESYNC | SP_IMAP_CAP_CONDSTORE },
	{ "UTF8=ACCEPT", SP_IMAP_CAP_UTF8 },
	{ "UTF8=ONLY", SP_IMAP_CAP_UTF8 },
	{ "ID", SP_IMAP_CAP_ID },
	{ "SPECIAL-USE", SP_IMAP_CAP_SPECIAL_USE },
	{ "X-GM-EXT-1", SP_IMAP_CAP_GMAIL },
};

unsigned
sp_imap_caps(struct sp_view words)
{
	unsigned bits = 0;

	while (words.p != NULL) {
		struct sp_view word = sp_view_cut(&words, ' ');

		for (size_t i = 0; i < SP_COUNTOF(caps); i++) {
			if (sp_view_ieq_str(word, caps[i].name))
				bits |= caps[i].bits;
		}
	}
	return (bits);
}

const char *
sp_imap_caps_text(unsigned bits, char *out, size_t size)
{
	size_t n = 0;

	if (size > 0)
		out[0] = '\0';
	for (size_t i = 0; i < SP_COUNTOF(caps); i++) {
		int k;

		if ((bits & caps[i].bits) != caps[i].bits || n >= size)
			continue;
		k = snprintf(
		    out + n, size - n, "%s%s", n > 0 ? "," : "", caps[i].name);
		n += k > 0 ? (size_t)k : 0;
	}
	return (out);
}
