/*
 * One connection of an MTA to our milter, as a pure machine: bytes in, answers
 * out, no sockets, no waiting.  It fits behind journal/smtp/machine.h.
 *
 *	OPTNEG         MAIL        header, body       end of body
 *	 START -> READY ---> ENVELOPE --> MESSAGE ------------> COMMIT
 *	           ^  '- CONNECT, HELO     |  '- (too large ..)   |
 *	           '------- ABORT ---------'                      |
 *	           '---------------- committed() -----------------'
 *	any -> closed (QUIT, a packet out of order or form)
 *
 * Only MAIL, RCPT and the end of the body are answered, where the MTA agrees
 * to that: the others cannot fail.  In COMMIT the owner makes sp_milter_item()
 * durable; accept is said after that and never before.  What is exchanged and
 * what is recorded: doc/milter.md.
 */
#ifndef SP_SMTP_MILTER_H
#define SP_SMTP_MILTER_H

#include "journal/smtp/session.h"

struct sp_milter;

struct sp_milter *sp_milter_new(
    const struct sp_session_env *env, const struct sp_session_peer *peer);
/* Use it again for a new connection of any milter listener. */
void sp_milter_reuse(struct sp_milter *m, const struct sp_session_env *env,
    const struct sp_session_peer *peer);
/* Give back what it holds until it is used again. */
void sp_milter_rest(struct sp_milter *m);
void sp_milter_free(struct sp_milter *m); /* NULL is fine */

/* As sp_session_input(). */
size_t sp_milter_input(
    struct sp_milter *m, char *p, size_t n, struct sp_buf *out);
/* DATA: a message is coming; COMMAND: between packets of anything else. */
enum sp_session_state sp_milter_state(const struct sp_milter *m);
/* In COMMIT: what to append; stays valid until committed or freed. */
struct sp_append_item *sp_milter_item(struct sp_milter *m);
/* In COMMIT: how it went; answers and goes on. */
void sp_milter_committed(
    struct sp_milter *m, enum sp_code code, struct sp_buf *out);
/* In COMMIT: tell the MTA that it is still worth waiting. */
void sp_milter_progress(struct sp_milter *m, struct sp_buf *out);
/* Close without a word, whatever the state but COMMIT: the MTA does what it is
 * told to do without its filter.  ${r} is only reported. */
void sp_milter_end(struct sp_milter *m, enum sp_reply r);
/* The service stops: close now, or after the message in hand. */
void sp_milter_drain(struct sp_milter *m);
/* After CLOSING: whether the MTA asked for it. */
bool sp_milter_quit(const struct sp_milter *m);
/* Packets completed, for the idle timeout. */
uint64_t sp_milter_packets(const struct sp_milter *m);
void sp_milter_info(const struct sp_milter *m, struct sp_session_info *out);

#endif
