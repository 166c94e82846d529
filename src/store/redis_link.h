/*
 * redis_link.h - the connection behind redis.h, shared by the redis*.c files and by nobody else.
 *
 *   ABSENT -> CONNECTING -> GREETING (AUTH, SELECT) -> READY, and from each back to ABSENT by redis_drop().
 *
 * Works in steps as database_link.h does. One command is under way at a time and has one reply.
 */
#ifndef STORE_REDIS_LINK_H
#define STORE_REDIS_LINK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "backoff.h"
#include "io_step.h"
#include "redis.h"

/* The largest value that is stored or read, and what a reply may hold besides it. */
#define REDIS_VALUE_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define REDIS_REPLY_MAX_BYTES (REDIS_VALUE_MAX_BYTES + 64 * 1024)

enum redis_state { REDIS_ABSENT, REDIS_CONNECTING, REDIS_GREETING, REDIS_READY };

enum redis_ping { REDIS_PING_NONE, REDIS_PING_CONNECTING, REDIS_PING_ASKING };

struct redis {
	struct redis_address address;
	int64_t timeout_ms, ttl_default_ms, ping_idle_ms;

	enum redis_state state;
	redisContext *context;
	int greetings; /* replies to AUTH and SELECT that are still to come */
	bool flushed;  /* what is to be sent has left our buffer */
	int64_t used_ns;
	struct backoff backoff;

	enum redis_ping ping;
	bool ping_reopened;
	bool asking; /* INFO of redis_ask.c is under way */

	const char *error; /* static words */
};

struct redis_command {
	const char *argv[6];
	size_t size_bytes[6];
	int argc;
};

/* From any state to READY: IO_DONE with VT_OK, or with VT_UNAVAILABLE and the connection dropped. */
enum io_progress redis_connect_step(struct redis *redis, struct io_want *want, enum vt_result *result);
/* Closes the connection without waiting. */
void redis_drop(struct redis *redis);
/* Drops a connection that must not be used: half open, ended, or with bytes nobody asked for. */
void redis_drop_unfit(struct redis *redis);

/* Puts a command into the buffer. False: no memory, dropped. */
bool redis_command_begin(struct redis *redis, const struct redis_command *command);
/*
 * Drives it: IO_DONE with VT_OK and a reply that is the caller's, to be freed; or with another result and
 * no reply. The connection is dropped where its state is not known.
 */
enum io_progress redis_command_step(struct redis *redis, struct io_want *want, enum vt_result *result,
                                    redisReply **reply);
/* INFO of a section. */
bool redis_ask_info(struct redis *redis, const char *section);
/* PING and its reply. */
bool redis_ask_ping(struct redis *redis);
enum io_progress redis_answer_step(struct redis *redis, struct io_want *want, enum vt_result *result);

/* ---- redis.c ---- */

/*
 * Sends the commands together and waits for their replies, in their order. VT_OK: all of them, the caller's to free. Else
 * none, and the connection is dropped where a reply is still to come.
 */
enum vt_result redis_run(struct redis *redis, const struct redis_command *commands, size_t count, int64_t deadline_ns,
                         redisReply **replies);
/* A reply of a type that the command cannot have: the two sides are out of step. Drops the connection. */
enum vt_result redis_out_of_step(struct redis *redis);

#endif
