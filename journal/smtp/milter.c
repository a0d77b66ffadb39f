/*
 * The life of a milter connection and its packets: bytes are cut into packets,
 * and each goes to the function for its command (milter_mail.c, milter_macro.c,
 * milter_data.c).  The states are drawn in milter.h, the packets in
 * milter_packet.h.
 *
 * Packets of the envelope are small and handed over whole: from the caller's
 * buffer where they came in one piece, else from a copy in the memory budget.
 * Headers and body are handed over as their bytes come.
 */
#include "journal/smtp/milter.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/smtp/milter_priv.h"

/* What we ask for, of what the MTA offers. */
#define WANTED                                                               \
	(SP_MILTER_RCPT_REJ | SP_MILTER_HDR_LEADSPC | SP_MILTER_NO_UNKNOWN | \
	    SP_MILTER_NO_DATA | SP_MILTER_QUIET_CONNECT |                    \
	    SP_MILTER_QUIET_HELO | SP_MILTER_QUIET_DATA |                    \
	    SP_MILTER_QUIET_UNKNOWN | SP_MILTER_QUIET_HEADER |               \
	    SP_MILTER_QUIET_EOH | SP_MILTER_QUIET_BODY)

#define VERSION_MIN 2 /* of the protocol */
#define VERSION_MAX 6

/* ---- life ----------------------------------------------------------- */

/* Give back the copy of a packet. */
static void
drop_data(struct sp_milter *m)
{
	sp_memory_put(m->memory, m->packet.data, m->packet.data_cap);
	m->packet.data = NULL;
	m->packet.data_n = m->packet.data_cap = 0;
}

/* Nothing is held yet, so that everything goes back to where it came from. */
void
sp_milter_charge_to(struct sp_milter *m, struct sp_memory *memory)
{
	m->memory = memory;
	m->mail.arena.memory = memory;
	m->client.arena.memory = memory;
	m->message.store.memory = memory;
}

void
sp_milter_release(struct sp_milter *m)
{
	drop_data(m);
	sp_milter_reset(m);
	sp_milter_forget_client(m);
	sp_milter_charge_to(m, m->env->memory);
}

void
sp_milter_reuse(struct sp_milter *m, const struct sp_session_env *env,
    const struct sp_session_peer *peer)
{
	sp_milter_release(m);
	m->env = env;
	sp_milter_charge_to(m, env->memory);
	m->phase = SP_MILTER_START;
	m->draining = m->quit = false;
	m->packets = m->transactions = 0;
	m->packet.head_n = 0;
	m->version = m->steps = 0;
	(void)snprintf(m->link.peer, sizeof(m->link.peer), "%s",
	    peer->peer == NULL ? "" : peer->peer);
	(void)snprintf(m->link.local, sizeof(m->link.local), "%s",
	    peer->local == NULL ? "" : peer->local);
	(void)snprintf(m->link.id, sizeof(m->link.id), "%s", peer->id);
	m->link.connected = peer->connected;
}

struct sp_milter *
sp_milter_new(
    const struct sp_session_env *env, const struct sp_session_peer *peer)
{
	struct sp_milter *m = sp_xcalloc(1, sizeof(*m));

	m->env = env;
	m->memory = env->memory;
	sp_arena_init(&m->mail.arena, env->memory);
	sp_arena_init(&m->client.arena, env->memory);
	sp_store_init(&m->message.store, env->memory);
	sp_buf_init(&m->entry.source, SP_RECORD_MAX);
	sp_milter_reuse(m, env, peer);
	return (m);
}

void
sp_milter_free(struct sp_milter *m)
{
	if (m == NULL)
		return;
	sp_milter_release(m);
	sp_store_done(&m->message.store);
	sp_buf_done(&m->entry.source);
	free(m);
}

void
sp_milter_drain(struct sp_milter *m)
{
	m->draining = true;
	if (sp_milter_state(m) == SP_SESSION_COMMAND)
		sp_milter_end(m, SP_REPLY_CLOSING);
}

enum sp_session_state
sp_milter_state(const struct sp_milter *m)
{
	switch (m->phase) {
	case SP_MILTER_START:
	case SP_MILTER_READY:
	case SP_MILTER_ENVELOPE:
		return (SP_SESSION_COMMAND);
	case SP_MILTER_HEADERS:
	case SP_MILTER_CONTENT:
		return (SP_SESSION_DATA);
	case SP_MILTER_COMMITTING:
		return (SP_SESSION_COMMIT);
	case SP_MILTER_CLOSED:
		break;
	}
	return (SP_SESSION_CLOSING);
}

bool
sp_milter_quit(const struct sp_milter *m)
{
	return (m->quit);
}

uint64_t
sp_milter_packets(const struct sp_milter *m)
{
	return (m->packets);
}

void
sp_milter_progress(struct sp_milter *m, struct sp_buf *out)
{
	assert(m->phase == SP_MILTER_COMMITTING);
	sp_milter_answer(m, SP_MILTER_PROGRESS, out);
}

/* ---- packets -------------------------------------------------------- */

/* OPTNEG: agree on the lower version, no actions, and those of WANTED that the
 * MTA offers. */
static void
negotiate(struct sp_milter *m, struct sp_view data, struct sp_buf *out)
{
	struct sp_milter_options o;
	char reply[12] = { 0 };

	if (!sp_milter_options_parse(data, &o) || o.version < VERSION_MIN) {
		sp_milter_protocol_error(
		    m, "options of no version that we know");
		return;
	}
	m->version = o.version < VERSION_MAX ? o.version : VERSION_MAX;
	m->steps = o.steps & WANTED;
	reply[3] = (char)m->version;
	for (size_t i = 0; i < 4; i++)
		reply[8 + i] = (char)(m->steps >> (24 - 8 * i) & 0xff);
	m->phase = SP_MILTER_READY;
	sp_milter_send(
	    m, SP_MILTER_OPTNEG, sp_view_mem(reply, sizeof(reply)), out);
}

/* The bit by which the MTA agreed to await no answer to ${command}; 0: there is
 * none. */
static uint32_t
quiet_bit(char command)
{
	switch ((enum sp_milter_command)command) {
	case SP_MILTER_CONNECT:
		return (SP_MILTER_QUIET_CONNECT);
	case SP_MILTER_HELO:
		return (SP_MILTER_QUIET_HELO);
	case SP_MILTER_DATA:
		return (SP_MILTER_QUIET_DATA);
	case SP_MILTER_UNKNOWN:
		return (SP_MILTER_QUIET_UNKNOWN);
	case SP_MILTER_HEADER:
		return (SP_MILTER_QUIET_HEADER);
	case SP_MILTER_EOH:
		return (SP_MILTER_QUIET_EOH);
	case SP_MILTER_BODY:
		return (SP_MILTER_QUIET_BODY);
	case SP_MILTER_ABORT:
	case SP_MILTER_MACRO:
	case SP_MILTER_EOB:
	case SP_MILTER_QUIT_NC:
	case SP_MILTER_MAIL:
	case SP_MILTER_OPTNEG:
	case SP_MILTER_QUIT:
	case SP_MILTER_RCPT:
		break;
	}
	return (0);
}

/* Nothing is wrong: say so, where the MTA awaits an answer. */
static void
answer_continue(struct sp_milter *m, struct sp_buf *out)
{
	if (m->phase != SP_MILTER_CLOSED &&
	    (m->steps & quiet_bit(m->packet.command)) == 0)
		sp_milter_answer(m, SP_MILTER_CONTINUE, out);
}

/* ABORT: the message is not delivered; the client may send another. */
static void
abort_message(struct sp_milter *m)
{
	sp_milter_reset(m);
	if (m->draining)
		sp_milter_close(m);
}

/* Act on a packet whose data is here as a whole. */
static void
handle_packet(struct sp_milter *m, struct sp_view data, struct sp_buf *out)
{
	switch ((enum sp_milter_command)m->packet.command) {
	case SP_MILTER_OPTNEG:
		negotiate(m, data, out);
		break;
	case SP_MILTER_MACRO:
		sp_milter_macro(m, data);
		break;
	case SP_MILTER_CONNECT:
		sp_milter_connect(m, data);
		answer_continue(m, out);
		break;
	case SP_MILTER_HELO:
		sp_milter_helo(m, data);
		answer_continue(m, out);
		break;
	case SP_MILTER_MAIL:
		sp_milter_mail(m, data, out);
		break;
	case SP_MILTER_RCPT:
		sp_milter_rcpt(m, data, out);
		break;
	case SP_MILTER_DATA:
	case SP_MILTER_UNKNOWN:
		answer_continue(m, out);
		break;
	case SP_MILTER_ABORT:
		abort_message(m);
		break;
	case SP_MILTER_QUIT:
		m->quit = true;
		sp_milter_close(m);
		break;
	case SP_MILTER_QUIT_NC:
		abort_message(m);
		sp_milter_forget_client(m);
		break;
	case SP_MILTER_EOH:
		sp_milter_end_headers(m);
		answer_continue(m, out);
		break;
	case SP_MILTER_HEADER:
	case SP_MILTER_BODY:
	case SP_MILTER_EOB:
		break;
	}
}

/* Act on the next bytes of a header or body packet; m->packet.left is 0 with
 * the last of them. */
static void
stream_content(struct sp_milter *m, char *p, size_t n, struct sp_buf *out)
{
	bool last = m->packet.left == 0;

	if (m->phase == SP_MILTER_CLOSED)
		return;
	m->message.wire_bytes += n;
	if (m->packet.command == SP_MILTER_HEADER) {
		sp_milter_input_header(m, p, n);
		if (last)
			sp_milter_end_header(m);
	} else
		sp_milter_input_body(m, p, n);
	if (!last || m->phase == SP_MILTER_CLOSED)
		return;
	if (m->packet.command == SP_MILTER_EOB)
		sp_milter_end_body(m, out);
	else
		answer_continue(m, out);
}

/* Whether the data of such a packet is part of the message, and not held. */
static bool
is_content(char command)
{
	return (command == SP_MILTER_HEADER || command == SP_MILTER_BODY ||
		command == SP_MILTER_EOB);
}

/* Length and command of a packet are here: refuse what is no packet or out of
 * order, else prepare for its data. */
static void
begin_packet(struct sp_milter *m)
{
	uint32_t n = sp_milter_u32(m->packet.head), max;

	m->packet.command = m->packet.head[4];
	if (n == 0 || !sp_milter_command_known(m->packet.command, &max))
		sp_milter_protocol_error(
		    m, "not a packet of the milter protocol");
	else if (n - 1 > max)
		sp_milter_protocol_error(m, "a packet larger than we take");
	else if ((m->phase == SP_MILTER_START) !=
		 (m->packet.command == SP_MILTER_OPTNEG))
		sp_milter_protocol_error(
		    m, "options not at the start, or twice");
	else if (m->phase < SP_MILTER_ENVELOPE &&
		 (is_content(m->packet.command) ||
		     m->packet.command == SP_MILTER_EOH ||
		     m->packet.command == SP_MILTER_RCPT))
		sp_milter_protocol_error(m, "a message without MAIL");
	if (m->phase == SP_MILTER_CLOSED)
		return;
	m->packet.left = n - 1;
	if (m->packet.command == SP_MILTER_HEADER)
		sp_milter_begin_header(m);
	else if (is_content(m->packet.command))
		sp_milter_begin_body(m);
	if (is_content(m->packet.command))
		m->message.wire_bytes += SP_MILTER_HEAD;
}

/* ---- input ---------------------------------------------------------- */

/* The packet was handled. */
static void
end_packet(struct sp_milter *m)
{
	drop_data(m);
	m->packet.head_n = 0;
	m->packets++;
}

/* Store a piece of a packet until the rest comes.  False: there is no memory,
 * and the connection is closed. */
static bool
hold_data(struct sp_milter *m, const char *p, size_t n)
{
	if (m->packet.data == NULL) {
		m->packet.data = sp_memory_get(
		    m->memory, n + m->packet.left, &m->packet.data_cap);
		if (m->packet.data == NULL) {
			sp_milter_end(m, SP_REPLY_MEMORY);
			return (false);
		}
	}
	memcpy(m->packet.data + m->packet.data_n, p, n);
	m->packet.data_n += n;
	return (true);
}

/* Take up to ${n} bytes of the packet's data, and act on the packet if they are
 * the last.  Returns how many were taken. */
static size_t
read_data(struct sp_milter *m, char *p, size_t n, struct sp_buf *out)
{
	size_t take = m->packet.left < n ? m->packet.left : n;

	m->packet.left -= (uint32_t)take;
	if (is_content(m->packet.command)) {
		stream_content(m, p, take, out);
		if (m->packet.left == 0)
			end_packet(m);
		return (take);
	}
	if (m->packet.left == 0 && m->packet.data == NULL) {
		handle_packet(m, sp_view_mem(p, take), out);
		end_packet(m);
	} else if ((take == 0 || hold_data(m, p, take)) &&
		   m->packet.left == 0) {
		handle_packet(
		    m, sp_view_mem(m->packet.data, m->packet.data_n), out);
		end_packet(m);
	}
	return (take);
}

/* Take up to ${n} bytes of length and command.  Returns how many were taken. */
static size_t
read_head(struct sp_milter *m, char *p, size_t n, struct sp_buf *out)
{
	size_t want = SP_MILTER_HEAD - m->packet.head_n,
	       take = n < want ? n : want;

	memcpy(m->packet.head + m->packet.head_n, p, take);
	m->packet.head_n += take;
	if (m->packet.head_n < SP_MILTER_HEAD)
		return (take);
	begin_packet(m);
	/* A packet without data is whole now: no more bytes need come. */
	if (m->phase != SP_MILTER_CLOSED && m->packet.left == 0)
		(void)read_data(m, p + take, 0, out);
	return (take);
}

/* Each round takes the head of a packet, or some of its data. */
size_t
sp_milter_input(struct sp_milter *m, char *p, size_t n, struct sp_buf *out)
{
	size_t i = 0;

	while (i < n && m->phase < SP_MILTER_COMMITTING &&
	       out->n <= SP_SESSION_OUT_HIGH) {
		if (m->packet.head_n == SP_MILTER_HEAD)
			i += read_data(m, p + i, n - i, out);
		else
			i += read_head(m, p + i, n - i, out);
	}
	return (i);
}
