/*
 * Random bytes: salts of records, file ids, nonces of protocols.  They come
 * from the kernel and cannot be predicted, also not by a forked child from
 * those of its parent.
 */
#ifndef SP_BASE_RANDOM_H
#define SP_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fill ${p} with ${n} unpredictable bytes.  Any thread may call it.  Aborts if
 * the kernel gives none. */
void sp_random(void *p, size_t n);
/* Tests only: from here on sp_random gives bytes computed from ${seed}, the
 * same in every run; 0 switches back to the kernel's. */
void sp_random_seed_for_test(uint64_t seed);

#endif
