/*
 * Silence that is unusual (doc/watch.md): a listener, an account or a sender
 * domain from which nothing came for longer than its rhythm explains.  The
 * index worker looks now and then, over the traffic that the index counts
 * (index/traffic.h); journal/watch/silence.h judges.
 */
#ifndef SP_APP_SERVICE_SILENCE_WATCH_H
#define SP_APP_SERVICE_SILENCE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "app/common/app.h"

struct sp_silence_watch;

/* A source, known by its ${cause}, fell silent (${begins}): ${text} says since
 * when and how much was missed.  Or it is silent no longer: it sends again, as
 * ${text} says, or is not watched any more (NULL). */
typedef void sp_silence_announce(
    void *ctx, const char *cause, bool begins, const char *text);

/*
 * Begin to watch the archive of ${app} and load what was announced before the
 * last restart (state/silence).  ${announce} is told of each source that falls
 * silent, and of its end.
 * Nothing is judged before watch.least has passed since ${started_us} (wall
 * clock): what was sent while the service was away is still on its way.
 * ${app} and ${ctx} are borrowed until sp_silence_watch_free().
 */
struct sp_silence_watch *sp_silence_watch_new(const struct sp_app *app,
    int64_t started_us, sp_silence_announce *announce, void *ctx);
/*
 * Look, if watch.check has passed since the last look; ${now_us} is the wall
 * clock.  Each silence is announced once, also over restarts.  The errors of
 * the index (index/traffic.h), SP_EIO if state/silence cannot be written.
 */
SP_CHECK enum sp_code sp_silence_watch_look(
    struct sp_silence_watch *w, int64_t now_us, struct sp_err *err);
void sp_silence_watch_free(struct sp_silence_watch *w); /* NULL is fine */

#endif
