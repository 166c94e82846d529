/*
 * redis_tracking_state.h - what redis_tracking.c and redis_errands.c share, and nobody else.
 */
#ifndef STORE_REDIS_TRACKING_STATE_H
#define STORE_REDIS_TRACKING_STATE_H

#include "backoff.h"
#include "redis_link.h"
#include "redis_tracking.h"

#define REDIS_TRACKING_CHANNEL "__redis__:invalidate"
#define RUN_ID_BYTES 64

struct side {
	struct redis *redis;
	bool asked;      /* for a sign of life that has not come */
	int64_t beat_ns; /* when it was asked last */
};

struct redis_tracking {
	struct redis_tracking_config config;
	char *prefix;
	struct side sides[REDIS_TRACKING_SIDES];
	size_t errand; /* REDIS_ERRANDS: it listens */
	bool asked;    /* for what the errand wants */
	int64_t deadline_ns;
	struct backoff backoff;
	const char *error;
	char run_id[RUN_ID_BYTES];
	long long client_id;
};

/* ---- redis_errands.c: what is asked until it listens ---- */

#define REDIS_ERRANDS 5

/* Of the errand that tracking has come to. */
enum redis_tracking_side redis_errand_side(const struct redis_tracking *tracking);
/* Drives it: IO_DONE with *good, or with tracking->error. */
enum io_progress redis_errand_step(struct redis_tracking *tracking, struct io_want *want, bool *good);
/* Sends a command whose reply may be an array. False: no memory. */
bool redis_errand_ask(struct redis *redis, const struct redis_command *command);
/* One reply, where it has come. IO_DONE with reply NULL: the connection is gone or the server refused. */
enum io_progress redis_errand_receive(struct redis *redis, struct io_want *want, redisReply **reply);
bool redis_errand_is_text(const redisReply *reply, const char *text);

#endif
