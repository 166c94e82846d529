/*
 * redis_reply.h - what Redis's replies mean to a caller, and words for them that tell no secret.
 */
#ifndef STORE_REDIS_REPLY_H
#define STORE_REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "vitals.h"

struct redisReader;

/* Is the connection of no more use, since the server should be looked up or asked in anew? */
enum redis_drop { REDIS_KEEP, REDIS_DROP, REDIS_DROP_NOW_AND_THEN };
/* Whom it refuses: this command, perhaps others, or everybody and everything, which is the breaker's matter. */
enum redis_reach { REDIS_REFUSES_THIS, REDIS_REFUSES_ALL };

/* An error reply, put into words of ours. */
struct redis_fault {
	const char *prefix; /* the reply starts with it */
	enum vt_result result;
	enum redis_drop drop;
	enum redis_reach reach;
	const char *words; /* static */
};

/* Never NULL: an error that is not known is VT_ERROR. text is the reply without its '-'. */
const struct redis_fault *redis_reply_fault(const char *text);

/*
 * May what was read be handed to hiredis? None of our commands is answered by an array, and nothing may be
 * buffered beyond max_bytes: false for both, with the words why.
 */
bool redis_reply_acceptable(const struct redisReader *reader, size_t max_bytes, const char **words);

#endif
