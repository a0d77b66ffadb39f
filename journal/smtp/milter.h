/*
 * One connection of an MTA to our milter (mail filter), as a pure machine:
 * bytes in, answers out, no sockets, no waiting.  The owner (journal/receive)
 * drives it through machine.h as it drives a session.
 *
 *	OPTNEG         MAIL        header, body       end of body
 *	 START -> READY ---> ENVELOPE --> MESSAGE ------------> COMMIT
 *	           ^  '- CONNECT, HELO     |  '- (too large ..)   |
 *	           '------- ABORT ---------'                      |
 *	           '---------------- committed() -----------------'
 *	any -> closed (QUIT, a packet out of order or form)
 *
 * Only MAIL, RCPT and the end of the body can be refused; the other packets are
 * answered only where the MTA awaits it.  In COMMIT the owner makes
 * sp_milter_item() durable: accept is said after that and never before.  What
 * is exchanged and what is recorded: doc/milter.md.  There is no RFC.
 */
#ifndef SP_SMTP_MILTER_H
#define SP_SMTP_MILTER_H

#include "journal/smtp/session.h"

struct sp_milter;

/* A machine for a connection; ${env} outlives it.  sp_milter_free() frees
 * it. */
struct sp_milter *sp_milter_new(
    const struct sp_session_env *env, const struct sp_session_peer *peer);
/* Use it again for a new connection of any milter listener with the same memory
 * budget. */
void sp_milter_reuse(struct sp_milter *m, const struct sp_session_env *env,
    const struct sp_session_peer *peer);
/* Before any packet; as sp_session_charge_to(). */
void sp_milter_charge_to(struct sp_milter *m, struct sp_memory *memory);
/* The connection is over: give back all memory of the budget.  Then only reuse
 * and free are allowed. */
void sp_milter_release(struct sp_milter *m);
void sp_milter_free(struct sp_milter *m); /* NULL is fine */

/* Take bytes of the MTA; as sp_session_input(). */
size_t sp_milter_input(
    struct sp_milter *m, char *p, size_t n, struct sp_buf *out);
/* DATA: a message is coming; COMMAND: between packets of anything else. */
enum sp_session_state sp_milter_state(const struct sp_milter *m);
/* In COMMIT: what to append.  Borrowed; it stays valid until it is committed,
 * or sp_milter_release() or sp_milter_free() is called. */
struct sp_append_item *sp_milter_item(struct sp_milter *m);
/* In COMMIT: it is durable (SP_OK), or could not be stored.  Answers accept or
 * tempfail, and goes on. */
void sp_milter_committed(
    struct sp_milter *m, enum sp_code code, struct sp_buf *out);
/* In COMMIT: tell the MTA to wait on, before it gives up. */
void sp_milter_progress(struct sp_milter *m, struct sp_buf *out);
/* Close without an answer, in any state but COMMIT: the MTA then does what its
 * configuration says for a filter that is gone.  ${r} is only reported. */
void sp_milter_end(struct sp_milter *m, enum sp_reply r);
/* The service stops: close now, or after the message in hand. */
void sp_milter_drain(struct sp_milter *m);
/* After CLOSING: whether the MTA asked for it. */
bool sp_milter_quit(const struct sp_milter *m);
/* How many packets were complete, for the idle timeout. */
uint64_t sp_milter_packets(const struct sp_milter *m);
/* For log lines; borrowed until the next call. */
void sp_milter_info(const struct sp_milter *m, struct sp_session_info *out);

#endif
