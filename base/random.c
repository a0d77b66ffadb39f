/*
 * Random bytes from the kernel (getrandom(2)), in a pool: a system call for
 * each salt would cost more than the rest of a small record.  Bytes that were
 * given out are overwritten in the pool.
 */
#include "base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/sha256.h"

#define POOL 4096 /* bytes asked of the kernel at a time */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t pool[POOL];
static size_t left; /* bytes at the end of the pool not given out yet */
static pid_t owner; /* the process that filled the pool */
static uint64_t seed, counter; /* of a test; seed 0: the kernel */

/* Fill ${p} from the kernel. */
static void
from_kernel(uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		p += got;
		n -= (size_t)got;
	}
}

/* Fill ${p} for a test: SHA-256 of the seed and a counter. */
static void
from_seed(uint8_t *p, size_t n)
{
	while (n > 0) {
		uint8_t in[16], out[SP_SHA256_LEN];
		size_t take = n < sizeof(out) ? n : sizeof(out);

		sp_le64_put(in, seed);
		sp_le64_put(in + 8, counter++);
		sp_sha256_once(in, sizeof(in), out);
		memcpy(p, out, take);
		p += take;
		n -= take;
	}
}

/* From the pool, which is filled again whenever it is empty. */
void
sp_random(void *p, size_t n)
{
	uint8_t *to = p;

	(void)pthread_mutex_lock(&lock);
	if (seed != 0) {
		from_seed(to, n);
		n = 0;
	}
	/* After a fork the child has a copy of the parent's pool. */
	if (owner != getpid()) {
		owner = getpid();
		left = 0;
	}
	while (n > 0) {
		size_t take;

		if (left == 0) {
			from_kernel(pool, sizeof(pool));
			left = sizeof(pool);
		}
		take = n < left ? n : left;
		memcpy(to, pool + (sizeof(pool) - left), take);
		explicit_bzero(pool + (sizeof(pool) - left), take);
		left -= take;
		to += take;
		n -= take;
	}
	(void)pthread_mutex_unlock(&lock);
}

void
sp_random_seed_for_test(uint64_t value)
{
	(void)pthread_mutex_lock(&lock);
	seed = value;
	counter = 0;
	(void)pthread_mutex_unlock(&lock);
}
