/*
 * The layout of a bag: what its files are called.  Every path that an export
 * writes is named here and nowhere else in this room; doc/format-export.md is
 * the contract, and whoever changes one changes both, and bag_*.[ch] and
 * verify_bag*.[ch] in journal/verify, which read the same files by names of
 * their own.
 *
 *	bagit.txt  bag-info.txt                                bag.c bag_info.c
 *	manifest-sha256.txt  tagmanifest-sha256.txt[.p7s]      bag.c
 *	data/messages/000000018431.eml ...                     bag_entries.c
 *	     records.jsonl                                     bag_entries.c
 *	     loadfile/messages.csv, messages.jsonl             bag_entries.c
 *	     proof/omitted.jsonl                               bag_entries.c
 *	           checkpoint  log.vkey  seal.crt              bag_proofs.c
 *	           range.txt  entries.txt                      bag_proofs.c
 *	           events/000000018431.json, .tlog-proof       bag_proofs.c
 *	           consistency/M-N.txt                         bag_proofs.c
 *	     audit.jsonl  policy.json                          bag_audit.c
 *	     VERIFY.txt                                        bag_verify_txt.c
 *
 * The container around it (a directory, a .zip, a .tar.zst) is container.c.
 */
#ifndef SP_EXPORT_BAG_LAYOUT_H
#define SP_EXPORT_BAG_LAYOUT_H

#include <inttypes.h>

/* Tag files, outside data/. */
#define SP_BAG_PATH_BAGIT	    "bagit.txt"
#define SP_BAG_PATH_INFO	    "bag-info.txt"
#define SP_BAG_PATH_MANIFEST	    "manifest-sha256.txt"
#define SP_BAG_PATH_TAGMANIFEST	    "tagmanifest-sha256.txt"
#define SP_BAG_PATH_TAGMANIFEST_P7S "tagmanifest-sha256.txt.p7s"

/* Messages and records.  SEQ12 is the seq with at least 12 digits. */
#define SP_BAG_PATH_MESSAGES "data/messages/"
#define SP_BAG_PATH_MESSAGE  "data/messages/%012" PRIu64 ".eml" /* SEQ12 */
#define SP_BAG_PATH_RECORDS  "data/records.jsonl"
#define SP_BAG_PATH_CSV	     "data/loadfile/messages.csv"
#define SP_BAG_PATH_JSONL    "data/loadfile/messages.jsonl"

/* Proofs. */
#define SP_BAG_PATH_OMITTED    "data/proof/omitted.jsonl"
#define SP_BAG_PATH_CHECKPOINT "data/proof/checkpoint"
#define SP_BAG_PATH_VKEY       "data/proof/log.vkey"
#define SP_BAG_PATH_SEAL_CRT   "data/proof/seal.crt"
#define SP_BAG_PATH_RANGE      "data/proof/range.txt"
#define SP_BAG_PATH_ENTRIES    "data/proof/entries.txt"
#define SP_BAG_PATH_EVENT      "data/proof/events/%012" PRIu64 ".json" /* SEQ12 */
#define SP_BAG_PATH_EVENT_PROOF \
	"data/proof/events/%012" PRIu64 ".tlog-proof" /* SEQ12 */
#define SP_BAG_PATH_CONSISTENCY \
	"data/proof/consistency/%" PRIu64 "-%" PRIu64 ".txt" /* M, N */

/* For people and tools. */
#define SP_BAG_PATH_AUDIT      "data/audit.jsonl"
#define SP_BAG_PATH_POLICY     "data/policy.json"
#define SP_BAG_PATH_VERIFY_TXT "data/VERIFY.txt"

#endif
