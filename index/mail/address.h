/*
 * Address lists (RFC 5322 with the obsolete forms, RFC 6532), read leniently:
 * whatever stands there, no address is lost.  One pass, no recursion.
 */
#ifndef SP_INDEX_MAIL_ADDRESS_H
#define SP_INDEX_MAIL_ADDRESS_H

#include "base/view.h"
#include "index/mail/mail.h"
#include "index/mail/mem.h"

/*
 * Add the mailboxes of one field's raw value to ${out}, in order.  Names are
 * decoded; an entry without an address keeps its name with addr "" and a
 * local part alone is an address; an empty group is an entry with its name.
 * False if something in the list did not follow the grammar.
 */
bool sp_address_parse(struct sp_view value, struct sp_view charset,
    struct sp_mem *mem, struct sp_mail_addrs *out);

#endif
