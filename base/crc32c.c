/*
 * CRC-32C: by the instruction of SSE4.2 where the processor has it, else by
 * tables, eight bytes at a time.
 */
#include "base/crc32c.h"

#include <pthread.h>
#include <string.h>

#include "base/enc.h"

/* table[k][b]: what byte ${b} does to the checksum k bytes later. */
static uint32_t table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int have_instruction;

/* Fill the tables (polynomial 0x82F63B78, reflected) and ask the processor. */
static void
prepare(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = (c & 1) != 0 ? c >> 1 ^ 0x82F63B78u : c >> 1;
		table[0][i] = c;
	}
	for (uint32_t i = 0; i < 256; i++) {
		for (int k = 1; k < 8; k++)
			table[k][i] = table[0][table[k - 1][i] & 255] ^
				      table[k - 1][i] >> 8;
	}
#if defined(__x86_64__)
	have_instruction = __builtin_cpu_supports("sse4.2");
#endif
}

static uint32_t
by_table(uint32_t crc, const uint8_t *p, size_t n)
{
	for (; n >= 8; n -= 8, p += 8) {
		uint32_t a = crc ^ sp_le32_get(p), b = sp_le32_get(p + 4);

		crc = table[7][a & 255] ^ table[6][a >> 8 & 255] ^
		      table[5][a >> 16 & 255] ^ table[4][a >> 24] ^
		      table[3][b & 255] ^ table[2][b >> 8 & 255] ^
		      table[1][b >> 16 & 255] ^ table[0][b >> 24];
	}
	for (; n > 0; n--, p++)
		crc = table[0][(crc ^ *p) & 255] ^ crc >> 8;
	return (crc);
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t crc, const uint8_t *p, size_t n)
{
	unsigned long long wide = crc;

	for (; n >= 8; n -= 8, p += 8) {
		unsigned long long v;

		memcpy(&v, p, sizeof(v));
		wide = __builtin_ia32_crc32di(wide, v);
	}
	crc = (uint32_t)wide;
	for (; n > 0; n--, p++)
		crc = __builtin_ia32_crc32qi(crc, *p);
	return (crc);
}
#endif

uint32_t
sp_crc32c(uint32_t crc, const void *p, size_t n)
{
	(void)pthread_once(&once, prepare);
	if (n == 0)
		return (crc);
#if defined(__x86_64__)
	if (have_instruction)
		return (~by_instruction(~crc, p, n));
#endif
	return (~by_table(~crc, p, n));
}
