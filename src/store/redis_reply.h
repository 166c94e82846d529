/*
 * redis_reply.h - what Redis's replies mean to a caller, and words for them that tell no secret.
 */
#ifndef STORE_REDIS_REPLY_H
#define STORE_REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "vitals.h"

struct redisReader;

/* An error reply, put into words of ours. */
struct redis_fault {
	const char *prefix; /* the reply starts with it */
	enum vt_result result;
	bool drop;         /* the connection is of no more use: the server should be looked up or asked in anew */
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
