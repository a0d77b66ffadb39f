/* The inside of the milter machine, shared by the milter*.c files only. */
#ifndef SP_SMTP_MILTER_PRIV_H
#define SP_SMTP_MILTER_PRIV_H

#include "journal/smtp/arena.h"
#include "journal/smtp/data.h"
#include "journal/smtp/milter.h"
#include "journal/smtp/milter_packet.h"
#include "journal/smtp/store.h"

#define SP_MILTER_MACROS_MAX 100 /* different names */
#define SP_MILTER_MACRO_NAME 64 /* bytes of a name */
#define SP_MILTER_MACRO_SUM  (64u << 10) /* bytes of their values */
#define SP_MILTER_HELO_MAX   1024 /* bytes of the HELO name kept */
#define SP_MILTER_FLAGS_MAX  8

enum sp_milter_phase {
	SP_MILTER_START, /* OPTNEG must come */
	SP_MILTER_READY,
	SP_MILTER_ENVELOPE, /* MAIL was taken */
	SP_MILTER_HEADERS,
	SP_MILTER_CONTENT, /* behind the empty line */
	SP_MILTER_COMMITTING,
	SP_MILTER_CLOSED
};

struct sp_milter_macro {
	struct sp_view name; /* without {} */
	struct sp_view value;
};

/* What the MTA says of itself, at one level. */
struct sp_milter_macros {
	struct sp_milter_macro *v; /* in the arena of the level */
	size_t n, cap;
	size_t sum; /* bytes so far, also of values that were replaced */
};

struct sp_milter {
	const struct sp_session_env *env;
	enum sp_milter_phase phase;
	bool draining, quit;
	uint64_t packets;
	char peer[72], local[72], id[24];
	int64_t connected;
	uint32_t version, steps; /* as agreed */

	/* the packet at hand */
	char head[SP_MILTER_HEAD];
	size_t head_n;
	char command;
	uint32_t left; /* bytes of its data to come */
	char *held; /* its data so far, where it came in pieces */
	size_t held_n, held_cap;
	/* of a header */
	size_t name_n; /* bytes of its name so far */
	bool in_value, value_cr, value_lf; /* it ended so, so far */

	/* the client of the MTA */
	struct sp_arena client_arena;
	struct sp_milter_client client;
	bool has_client;
	char helo[SP_MILTER_HELO_MAX];
	size_t helo_n;
	struct sp_milter_macros client_macros;

	/* the transaction */
	struct sp_arena arena;
	struct sp_milter_macros macros;
	struct sp_view rcpt_mailer, rcpt_host, rcpt_addr; /* of the next RCPT */
	struct sp_view from;
	const struct sp_view *from_params;
	size_t nfrom_params;
	struct sp_rcpt *to;
	size_t nto, to_cap;
	struct sp_rcpt *refused;
	size_t nrefused, refused_cap;
	size_t envelope; /* bytes of all recipients */
	uint64_t declared;
	uint64_t transaction;
	int64_t mail_at;

	/* the message */
	struct sp_data data;
	struct sp_store store;
	uint64_t wire;
	enum sp_reply verdict; /* given at the end instead of a commit */

	/* what is to be committed */
	struct sp_buf source;
	const char *flags[SP_MILTER_FLAGS_MAX];
	size_t nflags;
	struct sp_facts facts;
	struct sp_append_item item;
};

/* milter.c */
void sp_milter_answer(struct sp_milter *m, char answer, struct sp_buf *out);
/* Not taken: tempfail for 4xx because of us, else the reply itself. */
void sp_milter_refuse(struct sp_milter *m, enum sp_reply r, struct sp_buf *out);
/* Tempfail, because ${why}. */
void sp_milter_defer(struct sp_milter *m, const char *why, struct sp_buf *out);
/* What came is not the protocol: report ${why}, close. */
void sp_milter_broken(struct sp_milter *m, const char *why);
/* Forget the transaction. */
void sp_milter_reset(struct sp_milter *m);

/* milter_mail.c: the packets of connection and envelope. */
void sp_milter_macro(struct sp_milter *m, struct sp_view data);
void sp_milter_connect(struct sp_milter *m, struct sp_view data);
void sp_milter_helo(struct sp_milter *m, struct sp_view data);
void sp_milter_mail(
    struct sp_milter *m, struct sp_view data, struct sp_buf *out);
void sp_milter_rcpt(
    struct sp_milter *m, struct sp_view data, struct sp_buf *out);
/* Forget the client: QUIT_NC, or the connection ends. */
void sp_milter_forget(struct sp_milter *m);

/* milter_data.c: headers and body, piece by piece. */
void sp_milter_begin_header(struct sp_milter *m);
void sp_milter_begin_body(struct sp_milter *m);
/* ${n} bytes of the data of a header or body packet. */
void sp_milter_take_header(struct sp_milter *m, char *p, size_t n);
void sp_milter_take_body(struct sp_milter *m, char *p, size_t n);
void sp_milter_end_header(struct sp_milter *m);
void sp_milter_eoh(struct sp_milter *m);
void sp_milter_eob(struct sp_milter *m, struct sp_buf *out);

/* milter_item.c: facts of the finished message into m->item. */
enum sp_code sp_milter_build(struct sp_milter *m);

#endif
