/*
 * Where things are in an archive and what its files are called
 * (doc/format-archive.md).  Functions over names, without I/O, but for FORMAT,
 * the file that makes a directory an archive.
 */
#ifndef SP_BASE_LAYOUT_H
#define SP_BASE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#define SP_ORIGIN_MAX 128 /* bytes of an origin */
#define SP_PATH_MAX   4096 /* bytes of a path and its NUL */

/* "DIR/WHAT", malloc'ed. */
char *sp_layout_path(const char *dir, const char *what);

/* Read FORMAT ("sealpost archive 1\nORIGIN\n") of the archive ${dir}.
 * SP_ENOTFOUND if ${dir} is no archive, SP_EVERSION if it is of a later format,
 * SP_EFORMAT if the file is damaged. */
SP_CHECK enum sp_code sp_layout_read_format(
    const char *dir, char origin[SP_ORIGIN_MAX + 1], struct sp_err *err);
/* Write FORMAT.  SP_EUSAGE if ${origin} is not sp_layout_origin_ok(),
 * SP_EMISMATCH if there is another FORMAT. */
SP_CHECK enum sp_code sp_layout_write_format(
    const char *dir, const char *origin, struct sp_err *err);
/* Whether it is 1 to SP_ORIGIN_MAX printable ASCII characters without blank and
 * '+': what may be the name of a key in a signed note (doc/format-tree.md). */
bool sp_layout_origin_ok(const char *origin);

/* A file of the intake log: 000000018431-9f31c0de.log */
struct sp_intake_name {
	uint64_t first; /* sequence number of its first entry */
	uint32_t id; /* the first 4 bytes of the file id */
};
/* False if ${name} is not exactly what sp_layout_intake_name writes. */
bool sp_layout_parse_intake(const char *name, struct sp_intake_name *out);
void sp_layout_intake_name(const struct sp_intake_name *n, char out[64]);

/* A segment: 000000000000-000000018430[.rN].tar.zst */
struct sp_segment_name {
	uint64_t first, last; /* sequence numbers of its entries */
	unsigned revision; /* N; 0 for the original */
};
/* False if ${name} is not exactly what sp_layout_segment_name writes. */
bool sp_layout_parse_segment(const char *name, struct sp_segment_name *out);
void sp_layout_segment_name(const struct sp_segment_name *n, char out[96]);

/* The path of a tile below tree/, as C2SP tlog-tiles has it: "tile/0/x001/234";
 * level -1 is the entry bundle, "tile/entries/x001/234". */
void sp_layout_tile_path(int level, uint64_t n, char out[128]);

#endif
