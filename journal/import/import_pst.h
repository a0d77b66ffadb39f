/*
 * An item of an Outlook file as a message of RFC 5322.  Outlook keeps
 * properties, not the bytes that were sent: the message is rebuilt from the
 * transport headers, the bodies and the attachments, always in the same way, so
 * that the same item gives the same bytes (doc/import.md).
 */
#ifndef SP_IMPORT_IMPORT_PST_H
#define SP_IMPORT_IMPORT_PST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/view.h"

#define SP_PST_RCPTS_MAX 10000
#define SP_PST_PARTS_MAX 2000
#define SP_PST_NEST_MAX	 8

struct sp_pst_rcpt {
	uint32_t type; /* 1 to, 2 cc, 3 bcc; others are not written */
	char *name, *addr; /* addr: with @, or of Exchange; may be NULL */
};

struct sp_pst_mail;

struct sp_pst_part {
	char *name, *type, *cid; /* UTF-8; NULL where unknown */
	struct sp_buf data;
	struct sp_pst_mail *mail; /* a message within, or NULL */
	bool missing; /* the file only refers to it, or it is damaged */
};

/* All owned; text is UTF-8, NULL where the item has none. */
struct sp_pst_mail {
	uint64_t id; /* of the item, for the boundaries */
	char *headers; /* as they came over the transport */
	char *cls, *subject, *message_id, *in_reply_to, *references;
	char *from_name, *from_addr;
	int64_t submitted, delivered; /* us since 1970, or 0 */
	struct sp_pst_rcpt *rcpt;
	size_t nrcpt;
	struct sp_buf text, html, rtf;
	uint32_t codepage; /* of html; 0: unknown */
	struct sp_pst_part *part;
	size_t npart;
	bool incomplete; /* something of it could not be read */
};

struct sp_pst_mail *sp_pst_mail_new(size_t max); /* bytes of each body */
void sp_pst_mail_free(struct sp_pst_mail *m); /* NULL is fine */

/* The message appended to ${out}; SP_ELIMIT where it has no room.  Total: any
 * bytes in the fields give a message with well-formed lines. */
SP_CHECK enum sp_code sp_pst_mail_format(
    const struct sp_pst_mail *m, struct sp_buf *out);
/* "pst":{...} for the record. */
SP_CHECK enum sp_code sp_pst_mail_facts(
    const struct sp_pst_mail *m, const char *folder, struct sp_buf *out);

#endif
