/*
 * What a server says when it wants to be left alone: the words of Exchange,
 * Gmail, Dovecot, IceWarp and their kin, in any reply or greeting of POP3 or
 * IMAP.  Bytes in, a number out.  Both sources (pop3_login.c, imap) ask it about
 * every refusal; where it says yes the session ends, nothing more is asked, and
 * sp_pull_wait_at_least() gets the seconds.
 */
#ifndef SP_PULL_THROTTLE_H
#define SP_PULL_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

#define SP_THROTTLE_DEFAULT_S 300 /* where the server names no time */
#define SP_THROTTLE_MAX_S     86400 /* longer is not believed */

/* Whether ${text}, the text of a refusal (with its response code, if it has
 * one), asks for patience; ${seconds}: how long, at least 1. */
bool sp_throttle_words(struct sp_view text, uint64_t *seconds);

#endif
