/* What a message may cost.  Every limit of this room has its name here. */
#ifndef SP_INDEX_MAIL_LIMITS_H
#define SP_INDEX_MAIL_LIMITS_H

#include "index/mail/decode/words.h"

#define SP_MAIL_MAX_DEPTH   64u /* nested multiparts and messages */
#define SP_MAIL_MAX_PARTS   10000u /* leaves; what follows is one leaf */
#define SP_MAIL_MAX_FIELDS  10000u /* header fields kept as they are */
#define SP_MAIL_MAX_ADDRS   200000u /* addresses of one kind */
#define SP_MAIL_MAX_PARAMS  20000u /* parameters of one field */
#define SP_MAIL_MAX_DETECT  1000u /* attachments shown to libmagic */
#define SP_MAIL_MAX_INLINE  1000u /* uuencoded files in one message */
#define SP_MAIL_MAX_HEADER  ((size_t)256 << 10) /* raw header bytes kept */
#define SP_MAIL_MAX_VALUE   SP_WORDS_MAX /* subject, name, file name */
#define SP_MAIL_MAX_TEXT    ((size_t)4 << 20) /* extracted text */
#define SP_MAIL_MAX_HTML    ((size_t)32 << 20) /* HTML source */
#define SP_MAIL_MAX_DECODED ((size_t)64 << 20) /* an encoded message part */
#define SP_MAIL_HEAD_BINARY ((size_t)64 << 10) /* bytes libmagic may see */
#define SP_MAIL_HEAD_TEXT   ((size_t)2 << 10) /* the same where it is text */

#endif
