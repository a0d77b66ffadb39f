/*
 * The POP3 source of the pull engine (doc/pull.md, "A POP3 session").
 * app/host chooses it, or IMAP, by `type` of the account and gives it to
 * sp_pull_new().
 *
 * The time-out: every wait for a POP3 server ends after `timeout` of the
 * account (struct sp_pull_conf), which pull.c hands to the stream; its default
 * is SP_CONFIG_PULL_TIMEOUT of base/config/config_priv.h.
 */
#ifndef SP_PULL_POP3_H
#define SP_PULL_POP3_H

#include "journal/pull/pull.h"

/*
 * One POP3 session on a stream that is connected (under TLS where security =
 * tls): log in, fetch what the archive has not, wait until it is durable,
 * delete where `after` says so, QUIT.  A session takes at most
 * session_messages and asks for another one if there are more.  The contract
 * is sp_pull_source's (pull.h).
 */
sp_pull_source sp_pop3_session;

#endif
