/*
 * A bag written by hand from doc/format-export.md, for the verifier's tests:
 * it needs no index, and can be made wrong on purpose.
 */
#ifndef SP_TESTS_TAMPER_BAGKIT_H
#define SP_TESTS_TAMPER_BAGKIT_H

#include "journal/sign/cms.h"
#include "tests/lib/fixture.h"

struct bagkit {
	/* in */
	const char *out; /* directory, must not exist */
	bool have_since, have_until;
	int64_t since, until; /* resolved */
	bool by_date;
	const char *query; /* "": all; else every third message is given */
	bool with_records;
	uint64_t from; /* consistency from this size; 0: none */
	/* to lie with; all 0: an honest bag */
	uint64_t claim_first; /* the run begins here instead */
	uint64_t claim_end; /* and ends here */
	uint64_t forget; /* leave this message out of bag and lists */
	uint64_t as_filtered; /* or list it as filtered */
	uint64_t as_purged; /* or as purged by entry 0 */
	/* out */
	uint64_t event, first, end, size, given;
};

/* Logs the event, signs a checkpoint, writes the bag. */
void bagkit_make(struct sp_fixture *fx, struct bagkit *b);
/* Both manifests, Payload-Oxum and the signature over a bag as it lies there:
 * what a liar with the sealing key does last. */
void bagkit_seal(struct sp_fixture *fx, const char *dir);
/* When an entry of the fixture was received. */
int64_t bagkit_time(struct sp_fixture *fx, uint64_t seq);
/* Write DIR/REL, making folders. */
void bagkit_put(const char *dir, const char *rel, struct sp_view bytes);
/* DIR packed by libarchive below the folder ${top} ("" for none), in
 * bytewise order of names or against it. */
void bagkit_pack(
    const char *dir, const char *to, const char *top, bool zip, bool reversed);

#endif
