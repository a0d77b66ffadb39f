/*
 * What a configuration needs beside its own text: accounts, groups, files,
 * programs, ports.  `sealpost config check` looks at all of it, so that what
 * would fail at the next start, at three in the morning or at the first alarm
 * is told while somebody is there; a reload looks at what a worker could not
 * follow, and is refused then.
 */
#ifndef SP_APP_SERVICE_PREFLIGHT_H
#define SP_APP_SERVICE_PREFLIGHT_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/config/config.h"
#include "base/err.h"

enum sp_preflight_grade {
	SP_PREFLIGHT_STOPS, /* the service cannot work with it */
	SP_PREFLIGHT_LATER, /* something fails when its time comes */
	SP_PREFLIGHT_NOTE /* it works, but should be looked at */
};

/* Told of one thing that was found: one line, "FILE:LINE: what; what to do". */
typedef void sp_preflight_report(
    void *ctx, enum sp_preflight_grade grade, const char *text);

/*
 * Look at what ${cfg} needs, for the archive ${dir} (NULL: there is none yet),
 * with the rights that the service would have: where the caller is root, those
 * of the archive's account.  With ${start} also at certificates and addresses,
 * as a service that starts would open them; ${running}, the source of the
 * configuration that a service of this archive has in force (NULL: none runs),
 * says which addresses are in use by it.  Nothing is changed.
 */
void sp_preflight(const char *dir, const struct sp_config *cfg, bool start,
    const struct sp_config *running, sp_preflight_report *report, void *ctx);
/* The same for a reload: SP_ECONFIG with the first thing that the workers could
 * not follow. */
SP_CHECK enum sp_code sp_preflight_reload(
    const char *dir, const struct sp_config *cfg, struct sp_err *err);

#endif
