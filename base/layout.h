/*
 * Where things are in an archive, and what its files are called
 * (doc/format-archive.md).  Pure functions over names; no I/O but FORMAT.
 */
#ifndef SP_BASE_LAYOUT_H
#define SP_BASE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#define SP_ORIGIN_MAX 128
#define SP_PATH_MAX   4096

/* DIR/what, malloc'ed; aborts on exhaustion. */
char *sp_layout_path(const char *dir, const char *what);

/* "sealpost archive 1\nORIGIN\n".  SP_ENOTFOUND "not a Sealpost archive",
 * SP_EVERSION for a newer one. */
SP_CHECK enum sp_code sp_layout_read_format(
    const char *dir, char origin[SP_ORIGIN_MAX + 1], struct sp_err *err);
SP_CHECK enum sp_code sp_layout_write_format(
    const char *dir, const char *origin, struct sp_err *err);
/* Non-empty, no blank, no '+', no control, ASCII printable, <= SP_ORIGIN_MAX. */
bool sp_layout_origin_ok(const char *origin);

/* intake/000000018431-9f31c0de.log (first seq, first 4 bytes of the file id) */
struct sp_intake_name {
	uint64_t first;
	uint32_t id;
};
bool sp_layout_parse_intake(const char *name, struct sp_intake_name *out);
void sp_layout_intake_name(const struct sp_intake_name *n, char out[64]);

/* 000000000000-000000018430[.rN].tar.zst */
struct sp_segment_name {
	uint64_t first, last;
	unsigned revision; /* 0 for the original */
};
bool sp_layout_parse_segment(const char *name, struct sp_segment_name *out);
void sp_layout_segment_name(const struct sp_segment_name *n, char out[96]);

/* C2SP tlog-tiles: "tile/0/x001/234"; level -1 is "tile/entries/...". */
void sp_layout_tile_path(int level, uint64_t n, char out[128]);

#endif
