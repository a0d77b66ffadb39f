/*
 * Signed notes, checkpoints, verification keys, tails and entry bundles: any
 * bytes give a value or an error, and a value is written back as it was read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/enc.h"
#include "journal/tree/checkpoint.h"
#include "journal/tree/note.h"
#include "journal/tree/tree_tail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                  \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

/* C2SP's example key: its note is in the corpus. */
#define VKEY                        \
	"example.com/foo+530d903a+" \
	"AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

static void
try_note(struct sp_view in)
{
	struct sp_view text = { NULL, 0 };
	struct sp_checkpoint c;
	struct sp_vkey k;
	struct sp_err err;
	enum sp_code rc;

	MUST(sp_vkey_parse(SP_VIEW_LIT(VKEY), &k, &err) == SP_OK);
	rc = sp_note_verify(in, &k, 1, &text, &err);
	if (rc == SP_OK)
		MUST(text.p == in.p && text.n > 0 && text.n < in.n &&
		     text.p[text.n - 1] == '\n');
	else
		MUST(err.msg[0] != '\0');
	(void)!sp_checkpoint_peek(in, &c, &err);
}

static void
try_checkpoint(struct sp_view in)
{
	struct sp_checkpoint c;
	struct sp_buf out;
	struct sp_err err;

	if (sp_checkpoint_parse(in, &c, &err) != SP_OK)
		return;
	sp_buf_init(&out, SP_NOTE_MAX);
	MUST(sp_checkpoint_format(&c, &out) == SP_OK);
	/* Extension lines are not kept. */
	MUST(out.n <= in.n && memcmp(out.p, in.p, out.n) == 0);
	sp_buf_done(&out);
}

static void
try_vkey(struct sp_view in)
{
	struct sp_vkey k, again;
	struct sp_err err;
	char text[300];

	if (sp_vkey_parse(in, &k, &err) != SP_OK)
		return;
	sp_vkey_format(&k, text);
	MUST(sp_vkey_parse(sp_view_str(text), &again, &err) == SP_OK);
	MUST(memcmp(&k, &again, sizeof(k)) == 0);
}

static void
try_tail(struct sp_view in)
{
	static struct sp_tail t;
	struct sp_buf out;
	struct sp_err err;

	if (sp_tail_parse(in, &t, &err) != SP_OK) {
		MUST(err.msg[0] != '\0');
		return;
	}
	for (size_t i = 0; i < sp_tail_width(&t, 0); i++)
		MUST(sp_tail_line(&t, i).n > 0);
	sp_buf_init(&out, SP_TAIL_MAX);
	MUST(sp_tail_format(&t, &out) == SP_OK);
	MUST(sp_view_eq(sp_buf_view(&out), in));
	sp_buf_done(&out);
}

/* Behind the checksum, which nobody guesses. */
static void
try_sealed_tail(struct sp_view in)
{
	uint8_t *copy;

	if (in.n < 4)
		return;
	copy = malloc(in.n);
	MUST(copy != NULL);
	memcpy(copy, in.p, in.n - 4);
	sp_le32_put(copy + in.n - 4, sp_crc32c(0, copy, in.n - 4));
	try_tail(sp_view_mem(copy, in.n));
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_view in = sp_view_mem(data, size);
	struct sp_bundle b;
	struct sp_err err;

	try_note(in);
	try_checkpoint(in);
	try_vkey(in);
	try_tail(in);
	try_sealed_tail(in);
	/* The first byte is the number of lines wanted. */
	if (size > 0)
		(void)!sp_bundle_parse(
		    (struct sp_view){ in.p + 1, in.n - 1 }, data[0], &b, &err);
	return (0);
}
