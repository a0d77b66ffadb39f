/*
 * The IMAP source of the pull engine (doc/imap.md).  app/host chooses it, or
 * POP3, by `type` of the account and gives it to sp_pull_new().
 */
#ifndef SP_PULL_IMAP_IMAP_H
#define SP_PULL_IMAP_IMAP_H

#include "journal/pull/pull.h"

/*
 * One IMAP session on a stream that is connected (under TLS where security =
 * tls): log in, bring every mailbox of the account up to date, wait with IDLE
 * where the service allows it, log out.  Every wait for the server ends after
 * `timeout` of the account.  The contract is sp_pull_source's (pull.h).
 */
sp_pull_source sp_imap_session;

#endif
