/*
 * The certificate files of all listeners, as they were at one instant: copied
 * into sealed memory files, so that a key readable by root alone serves a
 * worker that runs as another account, and so that a worker that starts again
 * later finds what was checked then.  A process that is to have no keys closes
 * them.
 */
#ifndef SP_RECEIVE_LISTENER_CERTS_H
#define SP_RECEIVE_LISTENER_CERTS_H

#include "base/config/config.h"
#include "journal/tls/tls.h"

struct sp_listener_certs;

/* Read the files that ${cfg} names, with the rights of the caller, who closes
 * them.  ${cfg} is borrowed until then.  SP_ECONFIG with "CONFIGURATION:LINE: "
 * for what cannot be read. */
SP_CHECK enum sp_code sp_certs_open(const struct sp_config *cfg,
    struct sp_listener_certs **out, struct sp_err *err);
void sp_certs_close(struct sp_listener_certs *c); /* NULL is fine */

/* Told of what works but should be looked at (a certificate that has expired):
 * one line, "CONFIGURATION:LINE: ...". */
typedef void sp_certs_warn(void *ctx, const char *text);

/* Make the TLS context of listener ${i} of the same configuration; NULL in
 * ${out} where it has no encryption.  The caller frees it.  SP_ECONFIG says
 * what is wrong, with file and line.  ${warn} may be NULL. */
SP_CHECK enum sp_code sp_certs_context(const struct sp_listener_certs *c,
    const struct sp_config *cfg, size_t i, sp_certs_warn *warn, void *ctx,
    struct sp_tls_ctx **out, struct sp_err *err);
/* Make the context of every listener, and free it again: SP_ECONFIG as above if
 * one cannot be made.  The keys have been in the memory of the process then. */
SP_CHECK enum sp_code sp_certs_check(const struct sp_listener_certs *c,
    const struct sp_config *cfg, sp_certs_warn *warn, void *ctx,
    struct sp_err *err);

#endif
