/*
 * The packets of the milter protocol as total functions over bytes (milter.c
 * cuts them out of the input, milter_mail.c and milter_macro.c act on them).
 */
#include "journal/smtp/milter_packet.h"

#include <string.h>

uint32_t
sp_milter_u32(const char p[4])
{
	const uint8_t *b = (const uint8_t *)p;

	return ((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
		(uint32_t)b[2] << 8 | b[3]);
}

/* The commands whose data is part of the message may have more of it than those
 * that are held as a whole. */
bool
sp_milter_known(char c, uint32_t *max)
{
	*max = SP_MILTER_PACKET_MAX;
	switch ((enum sp_milter_command)c) {
	case SP_MILTER_BODY:
	case SP_MILTER_EOB:
	case SP_MILTER_HEADER:
		*max = SP_MILTER_STREAM_MAX;
		return (true);
	case SP_MILTER_ABORT:
	case SP_MILTER_CONNECT:
	case SP_MILTER_MACRO:
	case SP_MILTER_HELO:
	case SP_MILTER_QUIT_NC:
	case SP_MILTER_MAIL:
	case SP_MILTER_EOH:
	case SP_MILTER_OPTNEG:
	case SP_MILTER_QUIT:
	case SP_MILTER_RCPT:
	case SP_MILTER_DATA:
	case SP_MILTER_UNKNOWN:
		return (true);
	}
	return (false);
}

bool
sp_milter_options_parse(struct sp_view data, struct sp_milter_options *out)
{
	if (data.n < 12)
		return (false);
	out->version = sp_milter_u32(data.p);
	out->actions = sp_milter_u32(data.p + 4);
	out->steps = sp_milter_u32(data.p + 8);
	return (true);
}

bool
sp_milter_text_next(struct sp_view *rest, struct sp_view *out)
{
	const char *nul;

	if (rest->n == 0)
		return (false);
	nul = memchr(rest->p, '\0', rest->n);
	if (nul == NULL)
		return (false);
	*out = sp_view_mem(rest->p, (size_t)(nul - rest->p));
	rest->p += out->n + 1;
	rest->n -= out->n + 1;
	return (true);
}

bool
sp_milter_texts_parse(
    struct sp_view data, struct sp_view *out, size_t max, size_t *n)
{
	struct sp_view v;

	*n = 0;
	while (sp_milter_text_next(&data, &v)) {
		if (*n == max)
			return (false);
		out[(*n)++] = v;
	}
	return (data.n == 0);
}

/* Host name, family, port, address; with the family U nothing follows. */
bool
sp_milter_client_parse(struct sp_view data, struct sp_milter_client *out)
{
	*out = (struct sp_milter_client){ .family = 'U' };
	if (!sp_milter_text_next(&data, &out->name) || data.n == 0)
		return (false);
	out->family = *data.p;
	data.p++;
	data.n--;
	if (out->family == 'U')
		return (true);
	if (out->family != '4' && out->family != '6' && out->family != 'L')
		return (false);
	if (data.n < 2)
		return (false);
	if (out->family != 'L')
		out->port =
		    (uint16_t)((uint8_t)data.p[0] << 8 | (uint8_t)data.p[1]);
	data.p += 2;
	data.n -= 2;
	return (sp_milter_text_next(&data, &out->addr) && data.n == 0);
}
