/*
 * An item of an Outlook file as a message of RFC 5322.  Outlook keeps
 * properties, not the bytes that were sent: the message is rebuilt from the
 * transport headers, the bodies and the attachments, always in the same way, so
 * that the same item gives the same bytes (doc/import.md, "Outlook").
 *
 *   libpff item --pst_item.c--> sp_pst_mail --pst_mail.c, pst_header.c--> bytes
 *                                           --pst_facts.c--> "pst":{...}
 */
#ifndef SP_IMPORT_PST_MAIL_H
#define SP_IMPORT_PST_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/view.h"

#define SP_PST_RCPTS_MAX 10000 /* of a message */
#define SP_PST_PARTS_MAX 2000 /* attachments of a message */
#define SP_PST_NEST_MAX	 8 /* messages within each other */

/* PidTagRecipientType of MS-OXPROPS; others are not written. */
enum { SP_PST_TO = 1, SP_PST_CC, SP_PST_BCC };

struct sp_pst_rcpt {
	uint32_t type;
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
	bool incomplete; /* something of it could not be read */
	/* the header */
	char *headers; /* as they came over the transport */
	char *cls; /* PidTagMessageClass: "IPM.Note" */
	char *subject, *message_id, *in_reply_to, *references;
	char *from_name, *from_addr;
	int64_t submitted, delivered; /* us since 1970, or 0 */
	struct sp_pst_rcpt *rcpt;
	size_t nrcpt;
	/* the bodies; empty where there is none */
	struct sp_buf text, html, rtf;
	uint32_t codepage; /* of html; 0: unknown */
	/* the attachments */
	struct sp_pst_part *part;
	size_t npart;
};

/* An empty one, whose bodies hold up to ${max} bytes each; the caller frees. */
struct sp_pst_mail *sp_pst_mail_new(size_t max);
void sp_pst_mail_free(struct sp_pst_mail *m); /* NULL is fine */

/* Append the message to ${out}; SP_ELIMIT where it has no room.  Total: any
 * bytes in the fields give a message with well-formed lines. */
SP_CHECK enum sp_code sp_pst_mail_format(
    const struct sp_pst_mail *m, struct sp_buf *out);
/* Append "pst":{...} for the record to ${out}; ${folder} is the path of the
 * item's folder.  SP_ELIMIT where it has no room. */
SP_CHECK enum sp_code sp_pst_mail_facts(
    const struct sp_pst_mail *m, const char *folder, struct sp_buf *out);

#endif
