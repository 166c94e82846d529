/*
 * check_talk.h - a short talk with a server: connect, send all, read what comes; in steps, without waiting.
 *
 * Used by the checks that are declared for tcp:, unix:, http: and fastcgi: targets. A connection lasts for one run.
 */
#ifndef APP_CHECK_TALK_H
#define APP_CHECK_TALK_H

#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "io_step.h"

/* More of an answer than this is not looked at. */
#define CHECK_TALK_BYTES 65536

struct check_talk {
	int fd; /* -1: not connected */
	int64_t started_ns;
	const char *out; /* the caller's */
	size_t out_bytes, sent_bytes;
	char *in; /* CHECK_TALK_BYTES, the caller's; not touched where nothing is read */
	size_t in_bytes;
	int error; /* errno of what failed */
	enum { TALK_CONNECTING, TALK_SENDING, TALK_READING } stage;
};

/*
 * TALK_CONNECTED: once, and everything is still to be sent. TALK_CAME: in_bytes has grown. TALK_ENDED: the server closed
 * the connection, or in is full. TALK_FAILED: error says why.
 */
enum talk_progress { TALK_WAIT, TALK_CONNECTED, TALK_CAME, TALK_ENDED, TALK_FAILED };

/* Begins to connect; out, out_bytes and in are set before. What fails here is told by the first step. */
void check_talk_start(struct check_talk *talk, const struct address *address);
enum talk_progress check_talk_step(struct check_talk *talk, struct io_want *want);
/* Closes; harmless twice. */
void check_talk_end(struct check_talk *talk);
/* Since the start. */
int64_t check_talk_ms(const struct check_talk *talk);
/* What error means, in a few words that name no host. */
const char *check_talk_words(const struct check_talk *talk);

#endif
