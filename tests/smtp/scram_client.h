/* The client's side of SCRAM-SHA-256 (RFC 5802), for tests. */
#ifndef SP_TESTS_SMTP_SCRAM_CLIENT_H
#define SP_TESTS_SMTP_SCRAM_CLIENT_H

#include "base/buf.h"

/* client-final-message for what was said and answered, and the password. */
void scram_client_final(const char *first, const char *challenge,
    const char *password, struct sp_buf *out);

#endif
