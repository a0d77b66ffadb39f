/*
 * The register of alarms: what is wrong now, known by its CAUSE and not by its
 * text, so that one cause is one alarm however often it is reported and however
 * its text changes (doc/watch.md, "Alarms").  The supervisor keeps the only
 * one (supervisor_alarms.c); `sealpost alarms` reads and writes its file where
 * no service runs.  Nothing here reads a clock, a file or a socket.
 *
 *	-(raised)-> OPEN -(raised again: counted)-> OPEN
 *	             |  -(a day has passed, not acknowledged)-> told again
 *	             '--(cleared, and not raised for the hold)-> ENDED
 *
 * The hold is ten seconds, and doubles up to an hour with each time that the
 * cause came back within an hour: what flickers stays one alarm.  Causes that
 * nobody can see the end of (a step of the clock) end by themselves once they
 * have been quiet for long enough.
 *
 * Each beginning, end and daily repetition is a NOTICE: an entry of the log and
 * something to tell people, both to be done by the caller and both kept until
 * they are.
 */
#ifndef SP_APP_SERVICE_ALARMS_H
#define SP_APP_SERVICE_ALARMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/view.h"

#define SP_ALARMS_CAUSE_MAX 128 /* bytes of a cause with its NUL */
#define SP_ALARMS_TEXT_MAX  4096 /* bytes of a text; what is cut off is said */
#define SP_ALARMS_OPEN_MAX  64 /* open at a time; more are one, `many` */
#define SP_ALARMS_ENDED_MAX 100 /* ended ones that are remembered */
#define SP_ALARMS_STATE_MAX (4u << 20) /* bytes of state/alarms */

struct sp_alarm {
	struct sp_alarm *next;
	uint64_t id; /* counts up as long as the state is kept */
	char cause[SP_ALARMS_CAUSE_MAX];
	char *worker; /* who reported it */
	char *text; /* UTF-8 without control bytes; of the last report */
	uint64_t count; /* reports since it began */
	/* wall clock, us */
	int64_t begun, last; /* the first and the last report */
	int64_t told; /* when people were told last */
	int64_t ended; /* 0: it is open */
	/* acknowledged: shown, and not repeated */
	bool acknowledged;
	int64_t acknowledged_at;
	char *by, *note;
	/* the end; boot clock, us */
	int64_t raised; /* the last report; 0: before the last restart */
	int64_t cleared; /* when the cause was gone; 0: it is not */
	unsigned returns; /* how often it came back within an hour */
};

/* What is to be entered into the log and told to people. */
struct sp_alarm_notice {
	struct sp_alarm_notice *next;
	char *entry; /* detail of the event `alarm`, JSON */
	char *mail; /* the object for command and mail, JSON */
	bool entry_due, mail_due; /* what is left to do */
	const char *way; /* of the mail: "all", "command" or "mail" is left */
	/* the caller's: a request in work, and when to try (again) */
	uint64_t entry_request, mail_request; /* 0: none */
	int64_t entry_at, mail_at; /* boot clock, us */
};

struct sp_alarms {
	char *archive; /* directory, named in what people get */
	struct sp_alarm *open, *ended; /* newest first */
	struct sp_alarm_notice *notices; /* oldest first */
	uint64_t last_id;
	uint64_t begun; /* alarms that began since the start */
	bool changed; /* what was written last is out of date */
	bool counted; /* only counts are */
	/* Write a log line (NULL: none): the alarm is in ${state} now, "begin",
	 * "repeat" or "ended". */
	void (*log)(const struct sp_alarm *alarm, const char *state);
};

/* An empty register for the archive in ${dir}, which is copied. */
struct sp_alarms *sp_alarms_new(const char *dir);
void sp_alarms_free(struct sp_alarms *a); /* NULL is fine */

/*
 * ${cause} was reported ${n} times by ${worker}, with ${text} (any bytes: what
 * is not printable UTF-8 is escaped as \xNN).  Begins an alarm, or counts.
 * ${wall} and ${boot} are the two clocks now, here and below.
 */
void sp_alarms_raise(struct sp_alarms *a, const char *worker,
    struct sp_view cause, uint64_t n, struct sp_view text, int64_t wall,
    int64_t boot);
/* ${cause} is gone; no alarm of it need be open.  ${text}, if there is any, says
 * how it ended, and takes the place of the alarm's text. */
void sp_alarms_clear(struct sp_alarms *a, struct sp_view cause,
    struct sp_view text, int64_t boot);
/* End what was cleared long enough ago or has been quiet for long enough, and
 * repeat what is a day old. */
void sp_alarms_tick(struct sp_alarms *a, int64_t wall, int64_t boot);
/* The open alarm of that cause or with that number; NULL: there is none. */
struct sp_alarm *sp_alarms_find(const struct sp_alarms *a, struct sp_view key);
/* Somebody knows of it: it is not repeated, and `status` does not fail for it.
 * ${by} and ${note} are copied; ${note} may be empty. */
void sp_alarms_acknowledge(struct sp_alarms *a, struct sp_alarm *alarm,
    struct sp_view by, struct sp_view note, int64_t wall);
/* Remove the notices of which nothing is left to do. */
void sp_alarms_forget_done(struct sp_alarms *a);

/* Write the members "open" and "ended", arrays of alarms, into the object that
 * ${j} is in: for `sealpost alarms`.  Texts are cut to ${text_max} bytes. */
void sp_alarms_write_lists(
    const struct sp_alarms *a, struct sp_json *j, size_t text_max);
/* The same with the open ones alone. */
void sp_alarms_write_open(
    const struct sp_alarms *a, struct sp_json *j, size_t text_max);
/* Append the whole state as one JSON object and a line end to ${out}
 * (state/alarms).  SP_ELIMIT beyond the maximum of ${out}. */
SP_CHECK enum sp_code sp_alarms_save(
    const struct sp_alarms *a, struct sp_buf *out);
/* Add what sp_alarms_save() wrote.  What cannot be read is left out: it is a
 * cache, and an alarm whose cause goes on is raised again.  SP_EFORMAT where
 * nothing could be read. */
SP_CHECK enum sp_code sp_alarms_load(
    struct sp_alarms *a, struct sp_view text, struct sp_err *err);
/* Write the member ${key}, RFC 3339; 0 writes none. */
void sp_alarms_write_time(struct sp_json *j, const char *key, int64_t us);

#endif
