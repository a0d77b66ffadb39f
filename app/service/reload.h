/* Reading the configuration again while the service runs. */
#ifndef SP_APP_SERVICE_RELOAD_H
#define SP_APP_SERVICE_RELOAD_H

#include "app/service/supervisor_priv.h"

/* Open the sockets of the configuration (first start). */
SP_CHECK enum sp_code sp_reload_open(struct sp_super *s, struct sp_err *err);
/* Load the file anew; keep sockets whose address stays, open new ones, close
 * what is gone.  On failure everything stays as it was. */
SP_CHECK enum sp_code sp_reload(struct sp_super *s, struct sp_err *err);
/* Close what mail comes in by: the listening sockets and the door. */
void sp_reload_unlisten(struct sp_super *s);
void sp_reload_close(struct sp_super *s);

#endif
