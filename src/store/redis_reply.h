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

#define REDIS_ARRAY_DEPTH 3 /* that of ROLE */

enum redis_shape { REDIS_SHAPE_WHOLE, REDIS_SHAPE_PART, REDIS_SHAPE_REFUSED };

/* Is there a whole reply, an array or not? PART: so far it may become one. */
enum redis_shape redis_reply_walk(const char *data, size_t size_bytes);
/*
 * May what was read be handed to hiredis? An array where array_max_bytes is not 0, and when it is whole; nothing that
 * needs more than max_bytes, or array_max_bytes, of buffer. REFUSED with the words why.
 */
enum redis_shape redis_reply_judge(const struct redisReader *reader, size_t max_bytes, size_t array_max_bytes,
                                   const char **words);

#endif
