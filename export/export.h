/*
 * The export: a BagIt bag with messages, records, entry lines, the proof of
 * completeness, keys and signatures.  Format: doc/format-export.md.
 */
#ifndef SP_EXPORT_EXPORT_H
#define SP_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

/* What needs keys or the log's writer; given by app (service or in process). */
struct sp_export_host {
	/* Append an event; *seq is its number. */
	enum sp_code (*event)(void *ctx, const char *name,
	    struct sp_view detail, uint64_t *seq, struct sp_err *err);
	/* Wait until a checkpoint covers ${seq}; keep that checkpoint for good. */
	enum sp_code (*cover)(void *ctx, uint64_t seq, struct sp_err *err);
	/* See to it that the index soon covers what the log has now; NULL:
	 * somebody else does. */
	enum sp_code (*index)(void *ctx, struct sp_err *err);
	/* CMS over the tag manifest. */
	enum sp_code (*sign)(void *ctx, struct sp_view data, uint64_t event_seq,
	    struct sp_buf *p7s, struct sp_err *err);
	bool (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct sp_export_opts {
	const char *output; /* PATH, PATH.zip, PATH.tar.zst */
	bool have_since, have_until;
	int64_t since, until; /* [since, until) */
	const char *since_text, *until_text; /* as typed, for the event */
	bool by_date; /* --by date: the message's own date */
	const char *query; /* "" : all */
	const char *tz;
	const char *from_checkpoint;
	uint64_t at; /* --at SIZE, 0: now */
	bool with_records;
	bool csv, jsonl; /* load files */
	int level; /* zstd of .tar.zst */
};

struct sp_export_result {
	uint64_t event_seq;
	uint64_t first, end; /* run without neighbours */
	uint64_t entries, messages, given, filtered, purged, erased, events;
	uint64_t bytes;
	uint64_t
	    imported_outside; /* imported mail dated inside, received outside */
	uint64_t tree_size;
	bool complete;
};

SP_CHECK enum sp_code sp_export(const char *dir, const struct sp_export_opts *o,
    const struct sp_export_host *host, struct sp_export_result *out,
    struct sp_err *err);

#endif
