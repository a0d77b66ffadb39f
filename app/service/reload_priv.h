/*
 * What the supervisor opens for the configuration, listening sockets and
 * certificates, at the start and when the configuration is read again
 * (SIGHUP).  A new configuration is taken as a whole or not at all.
 */
#ifndef SP_APP_SERVICE_RELOAD_PRIV_H
#define SP_APP_SERVICE_RELOAD_PRIV_H

#include "app/service/supervisor_priv.h"

/*
 * First start: check the certificates of s->app->cfg, open its listening
 * sockets, state/door and state/control.  On failure sp_reload_close() closes
 * what was opened.  SP_EIO names the listener and its address, SP_ECONFIG an
 * account or group that this machine has not; certificates as
 * sp_listener_certs_check().
 */
SP_CHECK enum sp_code sp_reload_open(
    struct sp_supervisor *s, struct sp_err *err);
/*
 * Load the configuration file again and replace s->app->cfg.  Sockets whose
 * address stays are kept, so that nobody is turned away; new ones are opened,
 * the others closed.  What a worker could not follow (an account, a group, a
 * file) is found before anything changes; on failure everything stays as it was.
 * The workers have to be restarted by the caller.
 */
SP_CHECK enum sp_code sp_reload(struct sp_supervisor *s, struct sp_err *err);
/* Close what mail comes in by, the listening sockets and the door; commands
 * still reach the service. */
void sp_reload_unlisten(struct sp_supervisor *s);
/* Close everything that sp_reload_open() opened. */
void sp_reload_close(struct sp_supervisor *s);

#endif
