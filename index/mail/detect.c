#include "index/mail/detect.h"

#include <magic.h>
#include <stdbool.h>
#include <string.h>

#include "index/mail/limits.h"

/* A cookie is expensive to load and must not be shared between threads. */
static _Thread_local magic_t cookie;
static _Thread_local bool tried;

void
sp_detect_init(void)
{
	if (tried)
		return;
	tried = true;
	cookie = magic_open(
	    MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF);
	if (cookie != NULL && magic_load(cookie, NULL) != 0) {
		magic_close(cookie);
		cookie = NULL;
	}
}

/* Text costs libmagic a hundred times more than what has a signature. */
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
	sp_detect_init();
	if (cookie == NULL || head.n == 0)
		return (NULL);
	if (head.n > SP_MAIL_HEAD_BINARY)
		head.n = SP_MAIL_HEAD_BINARY;
	if (head.n > SP_MAIL_HEAD_TEXT && is_text(head))
		head.n = SP_MAIL_HEAD_TEXT;
	return (magic_buffer(cookie, head.p, head.n));
}
