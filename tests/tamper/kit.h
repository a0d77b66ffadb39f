/*
 * Tampering: a pristine archive (or bag) in memory-sized files, changed one
 * way at a time, verified, and put back.
 */
#ifndef SP_TESTS_TAMPER_KIT_H
#define SP_TESTS_TAMPER_KIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "journal/verify/verify.h"

#define KIT_FINDINGS 64

struct kit_finding {
	char kind[24], where[200], why[400];
};

/* What one verification said. */
struct kit_result {
	enum sp_code rc;
	struct sp_err err;
	struct sp_verdict v;
	struct kit_finding f[KIT_FINDINGS];
	size_t n;
};

struct kit {
	const char *dir; /* what is verified */
	struct sp_verify_opts o; /* identity from outside */
	uint64_t runs, undetected, misplaced;
};

/* A file of ${k}->dir, whole. */
struct kit_file {
	char *rel;
	char *path;
	struct sp_buf bytes;
	size_t counts; /* the bytes that mean something */
};

/* All files below the directory, sorted; names that contain one of the words
 * of ${skip} (NULL at its end) are left out. */
size_t kit_files(
    const char *dir, const char *const *skip, struct kit_file **out);
void kit_files_free(struct kit_file *f, size_t n);
/* NULL if there is none. */
struct kit_file *kit_file(struct kit_file *f, size_t n, const char *rel);

void kit_verify(struct kit *k, struct kit_result *r);
/* Write the bytes over the file as it is (no rename). */
void kit_write(const char *path, const void *p, size_t n);
void kit_put_back(const struct kit_file *f);

/*
 * The directory was changed: verify, and count it as undetected unless there
 * is a finding, or as misplaced unless some finding names ${place} (a part of
 * "where" or of "why"; "" is any; alternatives separated by |).  Prints what
 * went wrong.
 */
void kit_expect(struct kit *k, const char *what, const char *place);

/* Flip bit (i % 8) of every ${stride}th byte i; cut at every ${stride}th
 * length; remove.  Each must be detected with ${f}->rel named, or one of
 * ${also}.  Under the sanitizers five times ${stride}. */
void kit_flip(
    struct kit *k, const struct kit_file *f, size_t stride, const char *also);
void kit_cut(
    struct kit *k, const struct kit_file *f, size_t stride, const char *also);
void kit_drop(struct kit *k, const struct kit_file *f, const char *also);

/* Copy a tree of plain files; the target must not exist. */
void kit_copy_tree(const char *from, const char *to);
void kit_remove_tree(const char *dir);

#endif
