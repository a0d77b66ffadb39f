/*
 * Silence that is unusual (doc/watch.md): looked for now and then by the index
 * worker, over the traffic that the index counts.
 */
#ifndef SP_APP_SERVICE_SILENCE_WATCH_H
#define SP_APP_SERVICE_SILENCE_WATCH_H

#include <stdint.h>

#include "app/common/app.h"

struct sp_silence_watch;

/* ${say} is told which source fell silent, since when, and how much was
 * missed; and when it is back, from when to when nothing came.  Nothing is
 * judged before watch.least has passed since ${started_us}: what was sent while
 * we were away is still on its way. */
struct sp_silence_watch *sp_silence_watch_new(const struct sp_app *app,
    int64_t started_us, void (*say)(void *ctx, const char *text), void *ctx);
/* Look, if it is time to; each silence is told once, also over restarts
 * (state/silence keeps what was told). */
SP_CHECK enum sp_code sp_silence_watch_look(
    struct sp_silence_watch *w, int64_t now_us, struct sp_err *err);
void sp_silence_watch_free(struct sp_silence_watch *w); /* NULL is fine */

#endif
