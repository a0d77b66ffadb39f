/*
 * The child's side of the socket: writes the frames that import_out.h draws.
 * Runs in the caged child process, called by the readers of containers
 * (import_container.c) and Outlook files (import_pst.c).
 */
#include "journal/import/import_out.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/enc.h"
#include "base/json.h"

static void
send_all(struct sp_import_out *o, const void *p, size_t n)
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
send_frame(
    struct sp_import_out *o, enum sp_import_frame type, const void *p, size_t n)
{
	uint8_t head[SP_IMPORT_FRAME_HEAD] = { (uint8_t)type };

	sp_le32_put(head + 1, (uint32_t)n);
	send_all(o, head, sizeof(head));
	send_all(o, p, n);
}

/* What does not fit into one frame is sent as a message without a name, which
 * the parent refuses: it must not be taken with other facts than it has. */
void
sp_import_out_begin(struct sp_import_out *o, const char *member,
    const char *kind, struct sp_view extra, const char *const *flags,
    size_t nflags, struct sp_view date)
{
	struct sp_buf b;
	struct sp_json j;

	sp_buf_init(&b, SP_IMPORT_FRAME_MAX);
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
		send_frame(o, SP_IMPORT_FRAME_BEGIN, b.p, b.n);
	else
		send_frame(o, SP_IMPORT_FRAME_BEGIN, "{}", 2);
	sp_buf_done(&b);
}

void
sp_import_out_data(struct sp_import_out *o, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0 && !o->broken) {
		size_t part = n < SP_IMPORT_FRAME_MAX ? n : SP_IMPORT_FRAME_MAX;

		send_frame(o, SP_IMPORT_FRAME_DATA, at, part);
		at += part;
		n -= part;
	}
}

void
sp_import_out_end(struct sp_import_out *o)
{
	send_frame(o, SP_IMPORT_FRAME_END, "", 0);
}

/* A frame of MEMBER NUL WHY. */
static void
send_reason(struct sp_import_out *o, enum sp_import_frame type,
    const char *member, const char *why)
{
	struct sp_buf b;

	sp_buf_init(&b, SP_IMPORT_FRAME_MAX);
	if (sp_buf_adds(&b, member) == SP_OK &&
	    sp_buf_addc(&b, '\0') == SP_OK && sp_buf_adds(&b, why) == SP_OK)
		send_frame(o, type, b.p, b.n);
	else
		send_frame(o, type, "(a name too long)\0not readable", 30);
	sp_buf_done(&b);
}

void
sp_import_out_cut(struct sp_import_out *o, const char *member, const char *why)
{
	send_reason(o, SP_IMPORT_FRAME_CUT, member, why);
}

void
sp_import_out_failed(
    struct sp_import_out *o, const char *member, const char *why)
{
	send_reason(o, SP_IMPORT_FRAME_FAILED, member, why);
}

void
sp_import_out_not_mail(
    struct sp_import_out *o, const char *member, enum sp_import_kind kind)
{
	send_reason(
	    o, SP_IMPORT_FRAME_NOT_MAIL, member, sp_import_kind_name(kind));
}

void
sp_import_out_item(struct sp_import_out *o, uint64_t number)
{
	uint8_t b[8];

	sp_le64_put(b, number);
	send_frame(o, SP_IMPORT_FRAME_ITEM, b, sizeof(b));
}

void
sp_import_out_done(struct sp_import_out *o)
{
	send_frame(o, SP_IMPORT_FRAME_DONE, "", 0);
}
