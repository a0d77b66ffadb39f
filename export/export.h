/*
 * The export: a BagIt bag with messages, records, entry lines, the proof of
 * completeness, keys and signatures (doc/format-export.md).
 *
 * The way through this room: sp_export() (export.c) checks the request, logs
 * it, waits for a checkpoint over that event, and finds the run (range.c,
 * index_query.c).  Then the bag is written: bag_entries.c, bag_audit.c,
 * bag_proofs.c, bag_verify_txt.c and bag_info.c fill a bag (bag.c) in a
 * container (container.c).  Which file of a bag is called how is
 * bag_layout.h.  Used by app/cmd/cmd_export.c.
 */
#ifndef SP_EXPORT_EXPORT_H
#define SP_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

/*
 * What needs keys or the writer of the log; given by app, which asks the
 * service or does it in this process.  All views are borrowed for the call.
 */
struct sp_export_host {
	/* Append the event ${name}; *seq is its number. */
	enum sp_code (*event)(void *ctx, const char *name,
	    struct sp_view detail, uint64_t *seq, struct sp_err *err);
	/* Wait until a checkpoint covers ${seq}; keep that checkpoint for good. */
	enum sp_code (*cover)(void *ctx, uint64_t seq, struct sp_err *err);
	/* See to it that the index soon covers what the log has now; NULL:
	 * somebody else does. */
	enum sp_code (*index)(void *ctx, struct sp_err *err);
	/* Append the CMS signature over the tag manifest ${data} of the export
	 * whose event is ${event_seq} to ${p7s}. */
	enum sp_code (*sign)(void *ctx, struct sp_view data, uint64_t event_seq,
	    struct sp_buf *p7s, struct sp_err *err);
	/* Entries done of a total; false: end the export.  NULL is fine. */
	bool (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx; /* of all of them */
};

/* Texts are borrowed for the call; times in microseconds UTC. */
struct sp_export_opts {
	/* Where to, and in what form. */
	const char *output; /* PATH, PATH.zip, PATH.tar.zst */
	int level; /* zstd of .tar.zst */
	bool csv, jsonl; /* load files */

	/* Which entries. */
	bool have_since, have_until;
	int64_t since, until; /* [since, until) */
	const char *since_text, *until_text; /* as typed, for the event */
	bool by_date; /* --by date: the message's own date */
	const char *query; /* NULL or "": all */
	const char *tz; /* zone of dates in the query; NULL: UTC */
	uint64_t at; /* --at SIZE, 0: now */

	/* What else goes with them. */
	bool with_records; /* records of messages that the query left out */
	const char *from_checkpoint; /* file that the auditor kept, or NULL */
};

struct sp_export_result {
	uint64_t event_seq; /* of the event of the export */
	uint64_t tree_size; /* of the checkpoint in the bag */
	uint64_t first, end; /* the run without its neighbours */

	/* Counts of the run. */
	uint64_t entries, messages, events;
	uint64_t given; /* messages that are in the bag */
	uint64_t filtered; /* messages that the query left out */
	uint64_t purged, erased; /* destroyed messages, records */
	uint64_t bytes; /* of the messages given */
	bool complete; /* COMPLETE, else SELECTION */

	/* Imported mail dated inside the range but received outside it. */
	uint64_t imported_outside;
};

/*
 * Export from the archive in ${dir}.  The event `export` is in the log before
 * the first byte is written, and stays there if the export fails; `exported`
 * follows when the bag has its name.
 *
 * SP_EUSAGE: the query, or --at beyond the log; SP_EEXISTS: the output is
 * there already; SP_EMISMATCH: the kept checkpoint is not of this log, or an
 * entry is not what was received; SP_EFORMAT: an entry is missing or damaged;
 * SP_EAGAIN: no checkpoint covers the event, or the index is behind;
 * SP_EINTERRUPT; errors of the disk and of ${host}.  After an error there is
 * no bag, but where only the event `exported` could not be logged.
 */
SP_CHECK enum sp_code sp_export(const char *dir, const struct sp_export_opts *o,
    const struct sp_export_host *host, struct sp_export_result *out,
    struct sp_err *err);

#endif
