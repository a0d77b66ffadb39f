#include "index/mail/identity.h"

#include <string.h>

#include "base/sha256.h"
#include "index/mail/limits.h"

/* What a server on the way has no reason to change. */
static const char *const names[SP_IDENTITY_FIELDS] = { "from", "sender",
	"reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to",
	"references" };

void
sp_identity_init(struct sp_identity *id)
{
	id->body = sp_sha256_new();
	for (int i = 0; i < SP_IDENTITY_FIELDS; i++)
		sp_buf_init(&id->field[i], SP_MAIL_MAX_HEADER);
}

/* The value, runs of blanks and line ends as one space; what is beyond the
 * limit does not count. */
static void
squeeze(struct sp_buf *b, struct sp_view v)
{
	size_t i = 0;

	v = sp_view_trim(v);
	while (i < v.n) {
		size_t j = i;

		while (j < v.n && (unsigned char)v.p[j] > ' ')
			j++;
		if (sp_buf_add(b, v.p + i, j - i) != SP_OK)
			return;
		while (j < v.n && (unsigned char)v.p[j] <= ' ')
			j++;
		if (j < v.n && sp_buf_addc(b, ' ') != SP_OK)
			return;
		i = j;
	}
	(void)!sp_buf_addc(b, '\n');
}

void
sp_identity_field(
    struct sp_identity *id, unsigned depth, const struct sp_field *f)
{
	if (depth > 0) {
		sp_sha256_add(id->body, "F", 1);
		sp_sha256_add(id->body, f->name.p, f->name.n);
		sp_sha256_add(id->body, ":", 1);
		sp_sha256_add(id->body, f->value.p, f->value.n);
		return;
	}
	for (int i = 0; i < SP_IDENTITY_FIELDS; i++) {
		if ((f->name.p[0] | 0x20) == names[i][0] &&
		    sp_view_ieq_str(f->name, names[i])) {
			squeeze(&id->field[i], f->value);
			return;
		}
	}
}

static void
text(struct sp_identity *id, const char *s)
{
	sp_sha256_add(id->body, s, strlen(s) + 1);
}

void
sp_identity_part(struct sp_identity *id, const struct sp_entity *e,
    const char *path, const uint8_t *tsha256)
{
	text(id, tsha256 == NULL ? "M" : "P");
	text(id, path);
	text(id, e->type);
	text(id, e->charset);
	text(id, e->name);
	if (tsha256 != NULL)
		sp_sha256_add(id->body, tsha256, SP_SHA256_LEN);
}

void
sp_identity_loose(struct sp_identity *id, struct sp_view v)
{
	text(id, "T");
	sp_sha256_add(id->body, v.p, v.n);
}

void
sp_identity_done(struct sp_identity *id, uint8_t body[SP_SHA256_LEN],
    uint8_t stable[SP_SHA256_LEN])
{
	sp_sha256_end(id->body, body);
	sp_sha256_reset(id->body);
	for (int i = 0; i < SP_IDENTITY_FIELDS; i++) {
		text(id, names[i]);
		sp_sha256_add(id->body,
		    id->field[i].p == NULL ? "" : id->field[i].p,
		    id->field[i].n);
		sp_buf_done(&id->field[i]);
	}
	sp_sha256_add(id->body, body, SP_SHA256_LEN);
	sp_sha256_end(id->body, stable);
	sp_sha256_free(id->body);
	id->body = NULL;
}
