/* An MTA that speaks to our milter, for tests: packets as tables. */
#ifndef SP_TESTS_SMTP_MTA_H
#define SP_TESTS_SMTP_MTA_H

#include "talk.h"

/* One packet: the command and its data, as a literal.  The NUL that C puts
 * behind it is not sent. */
struct sp_packet {
	const char *p;
	size_t n;
};
#define SP_PACKET(s)             \
	{                        \
		s, sizeof(s) - 1 \
	}

/* Version 6, all actions, all steps that are known. */
#define SP_PACKET_OPTIONS SP_PACKET("O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff")
/* What we ask of it. */
#define SP_OPTIONS "O6/0/1f3b80 "

#define SP_MTA_PACKETS 24

struct sp_mta_script {
	const char *name;
	struct sp_packet say[SP_MTA_PACKETS]; /* up to one without bytes */
	/* "c" "t" "a" "p", "y(text)", "O6/0/steps" with a blank each */
	const char *want;
	const char *stored; /* NULL: not looked at */
	const char *record; /* somewhere in the records; NULL: anything */
};

void sp_mta_init(struct sp_talk *t);
/* The packets as bytes. */
void sp_mta_bytes(const struct sp_packet *v, struct sp_buf *out);
/* In pieces of every size, on a fresh connection each. */
void sp_mta_run(struct sp_talk *t, const struct sp_mta_script *r, size_t n);
/* The answers since the last call, as text; fail unless they are ${want}. */
void sp_mta_expect(struct sp_talk *t, const char *what, const char *want);

#endif
