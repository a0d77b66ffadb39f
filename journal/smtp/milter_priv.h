/*
 * The inside of the milter machine, between its files only:
 *
 *	milter.c	 life, options, packets in
 *	milter_answer.c	 answers out, refusals, the end of a transaction
 *	milter_macro.c	 macros: what the MTA says of client and message
 *	milter_mail.c	 CONNECT, HELO, MAIL, RCPT
 *	milter_data.c	 headers and body up to the commit, and its answer
 *	milter_item.c	 the facts of a finished message for the record
 */
#ifndef SP_SMTP_MILTER_PRIV_H
#define SP_SMTP_MILTER_PRIV_H

#include "journal/smtp/arena.h"
#include "journal/smtp/data.h"
#include "journal/smtp/envelope.h"
#include "journal/smtp/milter.h"
#include "journal/smtp/milter_packet.h"
#include "journal/smtp/store.h"

#define SP_MILTER_MACROS_MAX 100 /* different names */
#define SP_MILTER_MACRO_NAME 64 /* bytes of a name */
#define SP_MILTER_MACRO_SUM  (64u << 10) /* bytes of names and values */
#define SP_MILTER_HELO_MAX   1024 /* bytes of the HELO name kept */
#define SP_MILTER_FLAGS_MAX  8 /* flags of one record */

/* How far the MTA is; the states are drawn in milter.h. */
enum sp_milter_phase {
	SP_MILTER_START, /* OPTNEG must come */
	SP_MILTER_READY, /* no transaction */
	SP_MILTER_ENVELOPE, /* MAIL came */
	SP_MILTER_HEADERS, /* the first header came, or their end */
	SP_MILTER_CONTENT, /* behind the empty line */
	SP_MILTER_COMMITTING, /* waits for sp_milter_committed() */
	SP_MILTER_CLOSED /* nothing more is read */
};

struct sp_milter_macro {
	struct sp_view name; /* without {} */
	struct sp_view value;
};

/* Macros of the connection or of the message. */
struct sp_milter_macros {
	struct sp_milter_macro *v; /* in the arena of the client or mail */
	size_t n, cap;
	size_t sum; /* bytes so far, also of values that were replaced */
};

/* The connection, as its owner described it.  Set by sp_milter_reuse(). */
struct sp_milter_link {
	char peer[72], local[72]; /* the MTA's address and ours */
	char id[24]; /* of the session */
	int64_t connected; /* microseconds since the epoch */
};

/* The packet that is coming in. */
struct sp_milter_packet {
	char head[SP_MILTER_HEAD]; /* length and command */
	size_t head_n; /* bytes of it so far */
	char command; /* enum sp_milter_command, once the head is whole */
	uint32_t left; /* bytes of its data to come */
	/* Its data so far, where a packet that is no header and no body came
	 * in pieces.  From the budget; NULL: none. */
	char *data;
	size_t data_n, data_cap;
};

/* The header packet that is coming in: NAME NUL VALUE NUL. */
struct sp_milter_header {
	size_t name_n; /* bytes of its name so far */
	bool in_value; /* behind the first NUL */
	bool value_cr, value_lf; /* the value so far ends with CR, LF */
};

/* The client of the MTA, which we do not see: all of it is what the MTA says.
 * Forgotten by sp_milter_forget_client(). */
struct sp_milter_sender {
	struct sp_arena arena;
	struct sp_milter_client connect; /* of the CONNECT packet */
	bool known; /* CONNECT came */
	char helo[SP_MILTER_HELO_MAX];
	size_t helo_n;
	struct sp_milter_macros macros; /* of the connection */
};

/* The mail transaction.  Forgotten by sp_milter_reset(). */
struct sp_milter_transaction {
	struct sp_arena arena;
	struct sp_envelope envelope;
	struct sp_milter_macros macros; /* of the message */
	/* Of the next RCPT: where the MTA delivers it to, or with mailer
	 * "error" why it refused it. */
	struct sp_view rcpt_mailer, rcpt_host, rcpt_addr;
	uint64_t declared; /* bytes, by SIZE of MAIL; 0: not said */
	int64_t mail_at; /* when MAIL came, microseconds */
};

/* The content of the message. */
struct sp_milter_message {
	struct sp_data data;
	struct sp_store store;
	uint64_t wire_bytes; /* of header and body packets */
	enum sp_reply refusal; /* given at the end instead of a commit */
};

/* What is to be committed; everything in it is borrowed from the groups
 * above.  Built by sp_milter_build_item(). */
struct sp_milter_entry {
	struct sp_buf source; /* members of "source" as JSON */
	size_t charged; /* bytes of ${source} that count in the budget */
	const char *flags[SP_MILTER_FLAGS_MAX];
	size_t nflags;
	struct sp_facts facts;
	struct sp_append_item item;
};

struct sp_milter {
	const struct sp_session_env *env;
	struct sp_memory *memory; /* the client's share, or the budget */
	enum sp_milter_phase phase;
	bool draining; /* close after the message in hand */
	bool quit; /* the MTA said QUIT */
	uint64_t packets; /* that were whole */
	uint64_t transactions; /* MAIL packets that were understood */
	uint32_t version, steps; /* as agreed by OPTNEG */

	/* the connection */
	struct sp_milter_link link;
	struct sp_milter_packet packet;
	struct sp_milter_sender client;

	/* one message */
	struct sp_milter_transaction mail;
	struct sp_milter_header header;
	struct sp_milter_message message;
	struct sp_milter_entry entry;
};

/* ---- milter_answer.c ------------------------------------------------- */

/* Write a packet of command ${answer} and ${data} to the MTA. */
void sp_milter_send(
    struct sp_milter *m, char answer, struct sp_view data, struct sp_buf *out);
/* Write a packet without data: one of enum sp_milter_answer. */
void sp_milter_answer(struct sp_milter *m, char answer, struct sp_buf *out);
/* Refuse what the packet asked for, and report it as ${r}: tempfail for a 4xx
 * that is our fault, else the reply itself for the MTA's client. */
void sp_milter_refuse(struct sp_milter *m, enum sp_reply r, struct sp_buf *out);
/* Refuse with tempfail, and report "451 4.3.0 WHY". */
void sp_milter_defer(struct sp_milter *m, const char *why, struct sp_buf *out);
/* Report to the owner that a fault of ours, ${err}, keeps the message out. */
void sp_milter_fault(struct sp_milter *m, const struct sp_err *err);
/* What came is not the protocol: report ${why} and close. */
void sp_milter_protocol_error(struct sp_milter *m, const char *why);
/* Forget the transaction and its message; the client stays. */
void sp_milter_reset(struct sp_milter *m);
/* Forget the transaction and close. */
void sp_milter_close(struct sp_milter *m);

/* ---- milter_macro.c -------------------------------------------------- */

/* A macro packet: ${data} is the command that the macros are for, then names
 * and values. */
void sp_milter_macro(struct sp_milter *m, struct sp_view data);

/* ---- milter_mail.c --------------------------------------------------- */

/* The data of each packet, whole.  CONNECT and HELO are not answered here. */
void sp_milter_connect(struct sp_milter *m, struct sp_view data);
void sp_milter_helo(struct sp_milter *m, struct sp_view data);
/* MAIL and RCPT; the answer goes to ${out}. */
void sp_milter_mail(
    struct sp_milter *m, struct sp_view data, struct sp_buf *out);
void sp_milter_rcpt(
    struct sp_milter *m, struct sp_view data, struct sp_buf *out);
/* Forget the client: QUIT_NC came, or the connection ends. */
void sp_milter_forget_client(struct sp_milter *m);

/* ---- milter_data.c --------------------------------------------------- */

/* A header or body packet begins; the first one begins the message. */
void sp_milter_begin_header(struct sp_milter *m);
void sp_milter_begin_body(struct sp_milter *m);
/* ${n} bytes of its data, which may be changed; m->packet.left is what comes
 * behind them. */
void sp_milter_input_header(struct sp_milter *m, char *p, size_t n);
void sp_milter_input_body(struct sp_milter *m, char *p, size_t n);
/* All of a header packet came. */
void sp_milter_end_header(struct sp_milter *m);
/* The end of the headers: write the empty line. */
void sp_milter_end_headers(struct sp_milter *m);
/* The end of the body: refuse the message, or go to COMMITTING. */
void sp_milter_end_body(struct sp_milter *m, struct sp_buf *out);

/* ---- milter_item.c --------------------------------------------------- */

/* Put the facts of the finished message into m->entry.  SP_ELIMIT: they do not
 * fit into a record; SP_EAGAIN: the memory budget is used up. */
enum sp_code sp_milter_build_item(struct sp_milter *m);

#endif
