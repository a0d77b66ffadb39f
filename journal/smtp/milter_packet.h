/*
 * The packets of the milter protocol, as Postfix and Sendmail send them to a
 * filter (doc/milter.md): a length of four bytes, most significant first, of
 * what follows; a command byte; its data.  There is no RFC.  Any bytes give a
 * struct or false; no I/O.
 */
#ifndef SP_SMTP_MILTER_PACKET_H
#define SP_SMTP_MILTER_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

#define SP_MILTER_HEAD	     5 /* bytes of length and command */
#define SP_MILTER_PACKET_MAX (64u << 10) /* bytes that are held as a whole */
#define SP_MILTER_STREAM_MAX (1u << 20) /* bytes of one header, body chunk */
#define SP_MILTER_ARGS_MAX   64 /* of MAIL and RCPT */

/* Commands of the MTA. */
enum sp_milter_command {
	SP_MILTER_ABORT = 'A',
	SP_MILTER_BODY = 'B',
	SP_MILTER_CONNECT = 'C',
	SP_MILTER_MACRO = 'D',
	SP_MILTER_EOB = 'E',
	SP_MILTER_HELO = 'H',
	SP_MILTER_QUIT_NC = 'K',
	SP_MILTER_HEADER = 'L',
	SP_MILTER_MAIL = 'M',
	SP_MILTER_EOH = 'N',
	SP_MILTER_OPTNEG = 'O',
	SP_MILTER_QUIT = 'Q',
	SP_MILTER_RCPT = 'R',
	SP_MILTER_DATA = 'T',
	SP_MILTER_UNKNOWN = 'U'
};

/* Answers of the filter. */
enum sp_milter_answer {
	SP_MILTER_ACCEPT = 'a',
	SP_MILTER_CONTINUE = 'c',
	SP_MILTER_PROGRESS = 'p',
	SP_MILTER_TEMPFAIL = 't',
	SP_MILTER_REPLY = 'y'
};

/* What MTA and filter agree on at the start, a bit each. */
#define SP_MILTER_NO_UNKNOWN  (1u << 8) /* not sent: unknown commands */
#define SP_MILTER_NO_DATA     (1u << 9) /* not sent: DATA */
#define SP_MILTER_RCPT_REJ    (1u << 11) /* sent: refused recipients */
#define SP_MILTER_HDR_LEADSPC (1u << 20) /* blanks behind the colon kept */
/* We give no answer to these. */
#define SP_MILTER_QUIET_HEADER	(1u << 7)
#define SP_MILTER_QUIET_CONNECT (1u << 12)
#define SP_MILTER_QUIET_HELO	(1u << 13)
#define SP_MILTER_QUIET_MAIL	(1u << 14)
#define SP_MILTER_QUIET_RCPT	(1u << 15)
#define SP_MILTER_QUIET_DATA	(1u << 16)
#define SP_MILTER_QUIET_UNKNOWN (1u << 17)
#define SP_MILTER_QUIET_EOH	(1u << 18)
#define SP_MILTER_QUIET_BODY	(1u << 19)

/* The data of OPTNEG. */
struct sp_milter_options {
	uint32_t version;
	uint32_t actions; /* what the MTA lets filters change */
	uint32_t steps; /* SP_MILTER_NO_DATA and the others above */
};

/* The data of CONNECT: the client of the MTA. */
struct sp_milter_client {
	struct sp_view name; /* of its host */
	char family; /* '4', '6', 'L' (a local socket), 'U' (unknown) */
	uint16_t port; /* 0 for 'L' and 'U' */
	struct sp_view addr; /* a path for 'L'; empty for 'U' */
};

/* Four bytes, most significant first. */
uint32_t sp_milter_u32(const char p[4]);
/* Whether ${c} is a command of the MTA; the most bytes of data that it may have
 * go to ${max}. */
bool sp_milter_known(char c, uint32_t *max);
/* Parse the data of OPTNEG; false: it is too short. */
bool sp_milter_options_parse(
    struct sp_view data, struct sp_milter_options *out);
/* Parse the data of CONNECT; views point into it.  False: not understood. */
bool sp_milter_client_parse(struct sp_view data, struct sp_milter_client *out);
/* Cut ${data} into texts, each ended by NUL, the last one too; false: it is not
 * so, or there are more than ${max}. */
bool sp_milter_texts_parse(
    struct sp_view data, struct sp_view *out, size_t max, size_t *n);
/* Cut the next text off ${rest}; false at its end, or where its NUL is missing:
 * then ${rest} is not empty. */
bool sp_milter_text_next(struct sp_view *rest, struct sp_view *out);

#endif
