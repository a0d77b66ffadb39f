/* The child's side: frames to the parent. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/json.h"
#include "journal/import/import_child.h"

static void
put(struct sp_out *o, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0 && !o->broken) {
		ssize_t sent = send(o->fd, at, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0) {
			o->broken = true;
			return;
		}
		at += sent;
		n -= (size_t)sent;
	}
}

static void
frame(struct sp_out *o, char type, const void *p, size_t n)
{
	uint8_t head[5] = { (uint8_t)type, (uint8_t)n, (uint8_t)(n >> 8),
		(uint8_t)(n >> 16), (uint8_t)(n >> 24) };

	put(o, head, sizeof(head));
	put(o, p, n);
}

void
sp_out_begin(struct sp_out *o, const char *member, const char *kind,
    struct sp_view extra, const char *const *flags, size_t nflags,
    struct sp_view date)
{
	struct sp_buf b;
	struct sp_json j;

	sp_buf_init(&b, SP_FRAME_MAX);
	sp_json_init(&j, &b);
	sp_json_obj(&j, NULL);
	sp_json_str(&j, "member", sp_view_str(member));
	sp_json_cstr(&j, "kind", kind);
	sp_json_obj(&j, "extra");
	if (extra.n > 0)
		sp_json_raw(&j, NULL, extra);
	sp_json_obj_end(&j);
	sp_json_arr(&j, "flags");
	for (size_t i = 0; i < nflags; i++)
		sp_json_cstr(&j, NULL, flags[i]);
	sp_json_arr_end(&j);
	if (date.n > 0)
		sp_json_str(&j, "date", date);
	sp_json_obj_end(&j);
	if (sp_json_end(&j) == SP_OK)
		frame(o, 'M', b.p, b.n);
	else
		frame(o, 'M', "{}", 2); /* refused over there */
	sp_buf_done(&b);
}

void
sp_out_data(struct sp_out *o, const void *p, size_t n)
{
	const char *at = p;

	o->bytes += n;
	while (n > 0 && !o->broken) {
		size_t take = n < SP_FRAME_MAX ? n : SP_FRAME_MAX;

		frame(o, 'D', at, take);
		at += take;
		n -= take;
	}
}

void
sp_out_end(struct sp_out *o)
{
	frame(o, 'E', "", 0);
}

static void
named(struct sp_out *o, char type, const char *member, const char *why)
{
	struct sp_buf b;

	sp_buf_init(&b, SP_FRAME_MAX);
	if (sp_buf_adds(&b, member) == SP_OK &&
	    sp_buf_addc(&b, '\0') == SP_OK && sp_buf_adds(&b, why) == SP_OK)
		frame(o, type, b.p, b.n);
	else
		frame(o, type, "(a name too long)\0not readable", 30);
	sp_buf_done(&b);
}

void
sp_out_cut(struct sp_out *o, const char *member, const char *why)
{
	named(o, 'X', member, why);
}

void
sp_out_failed(struct sp_out *o, const char *member, const char *why)
{
	named(o, 'F', member, why);
}

void
sp_out_not_mail(struct sp_out *o, const char *member)
{
	size_t n = strlen(member);

	frame(o, 'N', member, n < SP_FRAME_MAX ? n : SP_FRAME_MAX);
}

void
sp_out_item(struct sp_out *o, uint64_t number)
{
	uint8_t b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (uint8_t)(number >> (8 * i));
	frame(o, 'I', b, sizeof(b));
}

void
sp_out_done(struct sp_out *o)
{
	frame(o, 'Q', "", 0);
}
