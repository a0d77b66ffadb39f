/* The text files of a bag, each parser chosen by the first byte. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/line.h"
#include "base/sha256.h"
#include "journal/verify/bag_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
names(struct sp_view v)
{
	uint64_t a;

	/* Whatever is taken for a message's or event's name is harmless. */
	if (sp_bag_message_name(v, &a) || sp_bag_event_name(v, ".json", &a) ||
	    sp_bag_event_name(v, ".tlog-proof", &a))
		assert(sp_bag_name_ok(v));
}

static void
proofs(struct sp_view v)
{
	struct sp_bag_consistency c;
	struct sp_bag_inclusion i;
	struct sp_bag_range r;
	struct sp_err err;

	if (sp_bag_range_parse(v, &r, &err) == SP_OK)
		assert(r.first < r.end && r.end <= r.size &&
		       r.left.n <= SP_PROOF_MAX && r.right.n <= SP_PROOF_MAX);
	if (sp_bag_consistency_parse(v, &c, &err) == SP_OK)
		assert(c.m > 0 && c.m < c.n);
	if (sp_bag_inclusion_parse(v, &i, &err) == SP_OK)
		assert(i.note.n <= v.n);
}

static void
lines(struct sp_view v)
{
	struct sp_view rest = v;

	while (rest.n > 0) {
		struct sp_view line = sp_view_cut(&rest, '\n'), path;
		uint8_t sha256[SP_SHA256_LEN];
		struct sp_bag_omitted o;
		struct sp_line l;
		struct sp_err err;
		char again[SP_LINE_MAX];

		if (sp_bag_manifest_line(line, sha256, &path))
			assert(sp_bag_name_ok(path));
		if (sp_bag_omitted_parse(line, &o))
			assert(o.reason <= SP_BAG_ERASED);
		/* Strict: a line that parses is written the same way. */
		if (sp_line_parse(line, &l, &err) == SP_OK)
			assert(sp_line_format(&l, again) == line.n);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_bag_info info;
	struct sp_err err;
	struct sp_view v;

	if (size == 0)
		return (0);
	v = sp_view_mem(data + 1, size - 1);
	switch (data[0]) {
	case 'i':
		if (sp_bag_info_parse(v, &info, &err) == SP_OK)
			assert(info.first <= info.end &&
			       info.end <= info.event &&
			       info.event < info.tree_size);
		break;
	case 'p':
		proofs(v);
		break;
	case 'n':
		names(v);
		break;
	default:
		lines(v);
		break;
	}
	return (0);
}
