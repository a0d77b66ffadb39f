/*
 * What a connection drives: an SMTP or LMTP session, or a milter.  Each is a
 * pure machine of its own (session.h, milter.h); this is the one place that
 * knows of both.
 */
#ifndef SP_SMTP_MACHINE_H
#define SP_SMTP_MACHINE_H

#include "journal/smtp/milter.h"
#include "journal/smtp/session.h"

/* At most one of them is set; kept for the next connection of its kind. */
struct sp_machine {
	struct sp_session *smtp;
	struct sp_milter *milter;
};

/* For a new connection of any listener. */
void sp_machine_begin(struct sp_machine *m, const struct sp_session_env *env,
    const struct sp_session_peer *peer);
void sp_machine_rest(struct sp_machine *m);
void sp_machine_done(struct sp_machine *m);

/* Whether we speak first; if so, sp_machine_greet() does. */
bool sp_machine_greets(const struct sp_machine *m);
void sp_machine_greet(struct sp_machine *m, struct sp_buf *out);
size_t sp_machine_input(
    struct sp_machine *m, char *p, size_t n, struct sp_buf *out);
enum sp_session_state sp_machine_state(const struct sp_machine *m);
struct sp_append_item *sp_machine_item(struct sp_machine *m);
void sp_machine_committed(
    struct sp_machine *m, enum sp_code code, struct sp_buf *out);
/* The commit takes long: say so where the protocol can. */
void sp_machine_progress(struct sp_machine *m, struct sp_buf *out);
void sp_machine_end(struct sp_machine *m, enum sp_reply r, struct sp_buf *out);
void sp_machine_drain(struct sp_machine *m, struct sp_buf *out);
/* The handshake is over (session.h). */
void sp_machine_tls(
    struct sp_machine *m, const struct sp_session_tls_info *info);
/* What a proxy said of the connection behind it. */
void sp_machine_proxied(struct sp_machine *m, const char *src, const char *dst);
/* Close without a word. */
void sp_machine_abandon(struct sp_machine *m);
bool sp_machine_quit(const struct sp_machine *m);
uint64_t sp_machine_commands(const struct sp_machine *m);
void sp_machine_info(const struct sp_machine *m, struct sp_session_info *out);

#endif
