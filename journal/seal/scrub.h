/*
 * The scrub: a cheap look whether all files of an archive are there, by their
 * names and sizes.  It reads no contents and proves nothing, which is verify's;
 * it notices within the hour what somebody removed, or a disk lost.
 *
 * A pass looks at tree/checkpoint, at every segment with its signature, and at
 * every full tile and bundle of entries that the checkpoint covers.  It goes
 * step by step, so that the sealer signs in between.
 */
#ifndef SP_SEAL_SCRUB_H
#define SP_SEAL_SCRUB_H

#include <stdbool.h>
#include <stddef.h>

struct sp_scrub;

/* Begin with a pass over the archive in ${dir}, which is copied. */
struct sp_scrub *sp_scrub_new(const char *dir);
/*
 * Look at up to about ${files} files more.  True at the end of a pass; then
 * ${tell} was called for each of the causes checkpoint_missing, segment_missing
 * and tile_missing: with a text that names the first file and how many there
 * are, or with NULL where none is missing.  The next call begins the next pass.
 */
bool sp_scrub_step(struct sp_scrub *s, size_t files,
    void (*tell)(void *ctx, const char *cause, const char *text), void *ctx);
void sp_scrub_free(struct sp_scrub *s); /* NULL is fine */

#endif
