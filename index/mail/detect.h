/*
 * The MIME type that the bytes of an attachment have, whatever their header
 * claims (libmagic).  Without its database nothing is detected.
 */
#ifndef SP_INDEX_MAIL_DETECT_H
#define SP_INDEX_MAIL_DETECT_H

#include "base/view.h"

/* Load the database for the calling thread, before a sandbox closes the file
 * system. */
void sp_detect_init(void);
/* The MIME type of what begins with ${head} ("text/plain" ...), or NULL.
 * Valid until the next call in this thread. */
const char *sp_detect(struct sp_view head);

#endif
