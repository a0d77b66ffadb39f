/*
 * What a connection drives: an SMTP or LMTP session, or a milter.  Each is a
 * pure machine of its own (session.h, milter.h); this is the one place that
 * knows of both, and the one that journal/receive calls.  The functions do
 * what those of the same name do there; where they say nothing of the milter,
 * it does the same.
 */
#ifndef SP_SMTP_MACHINE_H
#define SP_SMTP_MACHINE_H

#include "journal/smtp/milter.h"
#include "journal/smtp/session.h"

/* At most one of them is set; it is kept for the next connection of its kind.
 * A zeroed struct has none. */
struct sp_machine {
	struct sp_session *smtp;
	struct sp_milter *milter;
};

/* A new connection of any listener: begin the machine that its protocol
 * needs. */
void sp_machine_begin(struct sp_machine *m, const struct sp_session_env *env,
    const struct sp_session_peer *peer);
/* It is known for whom the connection is, and nothing was said yet: what it
 * keeps counts in ${memory}, a share of the budget. */
void sp_machine_charge_to(struct sp_machine *m, struct sp_memory *memory);
/* The connection is over: give back the memory of the budget. */
void sp_machine_release(struct sp_machine *m);
/* Free the machine. */
void sp_machine_done(struct sp_machine *m);

/* Whether we speak first, as SMTP does; then sp_machine_greet() is due. */
bool sp_machine_greets(const struct sp_machine *m);
/* Give the greeting; nothing for a milter. */
void sp_machine_greet(struct sp_machine *m, struct sp_buf *out);
/* Take bytes of the peer; see sp_session_input(). */
size_t sp_machine_input(
    struct sp_machine *m, char *p, size_t n, struct sp_buf *out);
/* What the machine waits for.  A milter is never in CHECK or TLS. */
enum sp_session_state sp_machine_state(const struct sp_machine *m);
/* In COMMIT: what to append, borrowed until it is committed. */
struct sp_append_item *sp_machine_item(struct sp_machine *m);
/* In COMMIT: it is durable, or could not be stored; answers. */
void sp_machine_committed(
    struct sp_machine *m, enum sp_code code, struct sp_buf *out);
/* In COMMIT: it takes long; tells the peer where the protocol can. */
void sp_machine_progress(struct sp_machine *m, struct sp_buf *out);
/* Close, with the reply ${r} where the protocol has one; not in COMMIT. */
void sp_machine_end(struct sp_machine *m, enum sp_reply r, struct sp_buf *out);
/* The service stops: close now, or after the message in hand. */
void sp_machine_drain(struct sp_machine *m, struct sp_buf *out);
/* Sessions only: the TLS handshake is over. */
void sp_machine_tls(
    struct sp_machine *m, const struct sp_session_tls_info *info);
/* Sessions only: what a proxy said of the connection behind it. */
void sp_machine_proxied(struct sp_machine *m, const char *src, const char *dst);
/* Sessions only: close without a reply. */
void sp_machine_abandon(struct sp_machine *m);
/* In CLOSING: whether the peer asked for it. */
bool sp_machine_quit(const struct sp_machine *m);
/* A count that changes with each command or packet that was complete. */
uint64_t sp_machine_commands(const struct sp_machine *m);
/* For log lines; borrowed until the next call. */
void sp_machine_info(const struct sp_machine *m, struct sp_session_info *out);

#endif
