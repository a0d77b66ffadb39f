/*
 * The "source" of the record of a message that a command delivers without a
 * service (host_local.c).
 */
#ifndef SP_APP_HOST_HOST_SOURCE_H
#define SP_APP_HOST_HOST_SOURCE_H

#include "base/json.h"

/*
 * The members of the record's "source", malloc'ed: what the provenance says,
 * and under "operator" who this process is (JSON; "" where it is not known).
 * The same as the door writes (journal/smtp/session_item.c), less its session.
 * NULL: too long for a record.
 */
char *sp_host_source_json(const json_t *provenance, const char *operator_);

#endif
