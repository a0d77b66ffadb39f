/*
 * What `sealpost init --continues OLD` takes from the archive that it continues:
 * the configuration with its account, group and listeners, the users who may
 * log in, the secrets, and a guard directory that is not the old one.
 */
#ifndef SP_APP_HOST_INIT_CONTINUES_H
#define SP_APP_HOST_INIT_CONTINUES_H

#include "base/buf.h"
#include "base/config/config.h"
#include "base/err.h"

/* What is taken.  Free it with sp_init_continues_done. */
struct sp_init_continues {
	char *guard; /* of the new archive */
	char *user, *group; /* of the new archive; NULL: none */
	struct sp_buf text; /* its sealpost.conf */
	struct sp_texts files; /* to copy, relative to the archives */
};

/*
 * Read ${move->old}/sealpost.conf and make the new archive's of it, with what
 * ${move} gives; what it does not give is the old archive's, and a free guard
 * directory is chosen.  SP_ENOTFOUND: the old archive has no configuration;
 * SP_ECONFIG, SP_EUSAGE, SP_EIO.  ${out} is to be freed in any case.
 */
SP_CHECK enum sp_code sp_init_continues_read(const struct sp_config_move *move,
    struct sp_init_continues *out, struct sp_err *err);
void sp_init_continues_done(struct sp_init_continues *c);

#endif
