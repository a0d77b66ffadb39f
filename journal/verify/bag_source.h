/*
 * Where a bag's bytes come from: a directory, a .zip or a .tar.zst, read once
 * from front to back.  Messages are hashed and forgotten; the texts that the
 * proof needs are kept in an unnamed temporary file (containers) or opened
 * again (directories).  Memory does not grow with the size of the bag: the
 * table of messages is a mapped temporary file.
 */
#ifndef SP_VERIFY_BAG_SOURCE_H
#define SP_VERIFY_BAG_SOURCE_H

#include "base/sha256.h"
#include "journal/verify/bag_format.h"
#include "journal/verify/verify_priv.h"

#define SP_BAG_FILES_MAX 65536u /* files that are not messages */
#define SP_BAG_SPOOL_MIN (64u << 20) /* text that any container may hold, */
#define SP_BAG_SPOOL_X	 200u /* or so many times its own size */
#define SP_BAG_DEPTH_MAX 8u /* folders within folders */

struct sp_bag_source;

struct sp_bag_file { /* not a message */
	char *path; /* in the bag: "data/records.jsonl" */
	uint64_t size;
	uint8_t sha256[SP_SHA256_LEN];
	uint64_t spool; /* where it lies in the spool */
	bool kept; /* its bytes can be read again */
	bool listed; /* for the manifest check */
};

struct sp_bag_message {
	uint64_t seq, size;
	uint8_t sha256[SP_SHA256_LEN];
	uint64_t listed; /* for the manifest check */
};

/*
 * Read all of the bag at ${path}.  Hostile or doubled names and a damaged
 * container are findings (kind "container").
 */
SP_CHECK enum sp_code sp_bag_source_open(const char *path, const char *tmpdir,
    struct sp_verify_run *run, struct sp_verify_found *f,
    struct sp_bag_source **out, struct sp_err *err);
void sp_bag_source_close(struct sp_bag_source *s); /* NULL is fine */

/* NULL if there is none. */
struct sp_bag_file *sp_bag_source_file(
    struct sp_bag_source *s, struct sp_view path);
struct sp_bag_file *sp_bag_source_files(struct sp_bag_source *s, size_t *n);
/* Ascending by seq. */
struct sp_bag_message *sp_bag_source_messages(
    struct sp_bag_source *s, size_t *n);
struct sp_bag_message *sp_bag_source_message(
    struct sp_bag_source *s, uint64_t seq);

/* A whole kept file of at most ${max} bytes; ${out} is cleared first. */
SP_CHECK enum sp_code sp_bag_source_read(struct sp_bag_source *s,
    const struct sp_bag_file *file, size_t max, struct sp_buf *out,
    struct sp_err *err);

/* The lines of a kept file, one after the other. */
struct sp_bag_text {
	int fd;
	bool own; /* fd is ours to close */
	uint64_t at, end; /* in fd */
	struct sp_buf buf;
	size_t taken; /* bytes of buf already handed out */
	uint64_t line; /* number of the line handed out last */
	size_t max; /* bytes of a line */
};
SP_CHECK enum sp_code sp_bag_text_open(struct sp_bag_source *s,
    const struct sp_bag_file *file, size_t max, struct sp_bag_text *out,
    struct sp_err *err);
/* SP_EEND after the last; SP_EFORMAT without a last LF; SP_ELIMIT. */
SP_CHECK enum sp_code sp_bag_text_next(
    struct sp_bag_text *t, struct sp_view *line, struct sp_err *err);
void sp_bag_text_close(struct sp_bag_text *t); /* zeroed is fine */

/* ---- for bag_source.c and bag_read.c only ---- */

struct sp_bag_source {
	const char *path; /* borrowed */
	struct sp_verify_run *run;
	struct sp_verify_found *found;
	bool directory;
	uint64_t container; /* its size */
	/* files */
	struct sp_bag_file *files;
	size_t nfiles, cfiles;
	int spool;
	uint64_t spooled;
	/* messages: written to a temporary file, then mapped */
	int table;
	uint64_t nmessages;
	struct sp_buf pending; /* rows not yet written */
	struct sp_bag_message *map;
	size_t mapped;
	/* the member in hand */
	char name[SP_BAG_NAME_MAX + 1];
	struct sp_sha256 *sha;
	uint64_t size;
	bool keep, over;
};

/* A member begins; its bytes in pieces; it ends.  False: its name is refused,
 * a finding is written, and its bytes are to be skipped. */
bool sp_bag_member_begin(struct sp_bag_source *s, struct sp_view name);
SP_CHECK enum sp_code sp_bag_member_data(
    struct sp_bag_source *s, const void *p, size_t n, struct sp_err *err);
SP_CHECK enum sp_code sp_bag_member_end(
    struct sp_bag_source *s, struct sp_err *err);
/* bag_read.c: all members of a directory, of a container. */
SP_CHECK enum sp_code sp_bag_read_dir(
    struct sp_bag_source *s, struct sp_err *err);
SP_CHECK enum sp_code sp_bag_read_container(
    struct sp_bag_source *s, struct sp_err *err);

#endif
