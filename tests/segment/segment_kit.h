/*
 * Segments to test with: entries of every size that matters (around a frame,
 * half a frame, a tar block), with bytes that follow from their number, so that
 * what is read back can be checked.
 */
#ifndef SP_TESTS_SEGMENT_SEGMENT_KIT_H
#define SP_TESTS_SEGMENT_SEGMENT_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "journal/segment/segment.h"
#include "journal/segment/segment_format_priv.h"
#include "journal/segment/toc_priv.h"

#define FIRST 41u /* seq of the first entry */
#define TIME  INT64_C(1795451462123456)
#define FRAME 8192u
#define MAX   (8u << 20)

#define must(call)                                           \
	do {                                                 \
		struct sp_err err_ = { 0 };                  \
		if ((call) != SP_OK)                         \
			fail_msg("%s: %s", #call, err_.msg); \
	} while (0)

/* Where the segment of the running test is; kit_setup makes the folder. */
const char *kit_path(void);
int kit_setup(void **state);
int kit_teardown(void **state);

size_t kit_record_size(uint64_t seq);
long kit_msg_size(uint64_t seq); /* -1: no message */
/* Bytes that depend on seq, kind (0 record, 1 message) and place. */
void kit_make(struct sp_buf *b, uint64_t seq, int kind, size_t n);
void kit_lines(struct sp_buf *b, uint64_t n);
/* ${n} entries at kit_path(). */
void kit_write(uint64_t n, uint64_t frame);
/* The whole file; ${b} is made here. */
void kit_load(struct sp_buf *b);

#endif
