/*
 * The type that the bytes of an attachment really have, by libmagic.  Each
 * thread has its own cookie, loaded at its first use and closed when the
 * thread ends: a cookie is expensive to load and must not be shared.  The only
 * file that this room reads is libmagic's database; called by mail.c for
 * attachments.
 */
#include "index/mail/detect.h"

#include <magic.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "index/mail/limits.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t cookies;

static void
drop(void *cookie)
{
	magic_close(cookie);
}

/* Create the key of the threads' cookies, once per process. */
static void
prepare(void)
{
	if (pthread_key_create(&cookies, drop) != 0)
		abort();
}

/*
 * The cookie of this thread, or NULL if libmagic has no database; then it is
 * tried again at the next call.
 */
static magic_t
cookie_of_thread(void)
{
	magic_t cookie;

	(void)pthread_once(&once, prepare);
	cookie = pthread_getspecific(cookies);
	if (cookie != NULL)
		return (cookie);
	cookie = magic_open(
	    MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF);
	if (cookie != NULL && magic_load(cookie, NULL) != 0) {
		magic_close(cookie);
		cookie = NULL;
	}
	if (cookie != NULL && pthread_setspecific(cookies, cookie) != 0)
		abort();
	return (cookie);
}

void
sp_detect_init(void)
{
	(void)cookie_of_thread();
}

/*
 * Whether the first 512 bytes have no control characters.  Text costs libmagic
 * a hundred times more than what has a signature, so less of it is shown.
 */
static bool
is_text(struct sp_view v)
{
	size_t odd = 0;

	if (v.n > 512)
		v.n = 512;
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (c < ' ' && c != '\t' && c != '\r' && c != '\n')
			odd++;
	}
	return (odd == 0);
}

const char *
sp_detect(struct sp_view head)
{
	magic_t cookie;

	if (head.n == 0)
		return (NULL);
	cookie = cookie_of_thread();
	if (cookie == NULL)
		return (NULL);
	if (head.n > SP_MAIL_HEAD_BINARY)
		head.n = SP_MAIL_HEAD_BINARY;
	if (head.n > SP_MAIL_HEAD_TEXT && is_text(head))
		head.n = SP_MAIL_HEAD_TEXT;
	return (magic_buffer(cookie, head.p, head.n));
}
