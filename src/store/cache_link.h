/*
 * cache_link.h - the connection behind cache.h, shared by the cache*.c files and by nobody else.
 *
 *   ABSENT -> CONNECTING -> GREETING (AUTH, SELECT) -> READY, and from each back to ABSENT by cache_drop().
 *
 * Works in steps as database_link.h does. One command is under way at a time and has one reply.
 */
#ifndef STORE_CACHE_LINK_H
#define STORE_CACHE_LINK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "backoff.h"
#include "cache.h"
#include "io_step.h"

/* The largest value that is stored or read, and what a reply may hold besides it. */
#define CACHE_VALUE_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define CACHE_REPLY_MAX_BYTES (CACHE_VALUE_MAX_BYTES + 64 * 1024)

enum cache_state { CACHE_ABSENT, CACHE_CONNECTING, CACHE_GREETING, CACHE_READY };

enum cache_ping { CACHE_PING_NONE, CACHE_PING_CONNECTING, CACHE_PING_ASKING };

struct cache {
	struct redis_address address;
	int64_t timeout_ms, ttl_default_ms, ping_idle_ms;

	enum cache_state state;
	redisContext *context;
	int greetings; /* replies to AUTH and SELECT that are still to come */
	bool flushed;  /* what is to be sent has left our buffer */
	int64_t used_ns;
	struct backoff backoff;

	enum cache_ping ping;
	bool ping_reopened;
	bool asking; /* INFO of cache_ask.c is under way */

	const char *error; /* static words */
};

struct cache_command {
	const char *argv[5];
	size_t size_bytes[5];
	int argc;
};

/* From any state to READY: IO_DONE with VT_OK, or with VT_UNAVAILABLE and the connection dropped. */
enum io_progress cache_connect_step(struct cache *cache, struct io_want *want, enum vt_result *result);
/* Closes the connection without waiting. */
void cache_drop(struct cache *cache);
/* Drops a connection that must not be used: half open, ended, or with bytes nobody asked for. */
void cache_drop_unfit(struct cache *cache);

/* Puts a command into the buffer. False: no memory, dropped. */
bool cache_command_begin(struct cache *cache, const struct cache_command *command);
/*
 * Drives it: IO_DONE with VT_OK and a reply that is the caller's, to be freed; or with another result and
 * no reply. The connection is dropped where its state is not known.
 */
enum io_progress cache_command_step(struct cache *cache, struct io_want *want, enum vt_result *result,
                                    redisReply **reply);
/* INFO of a section. */
bool cache_ask_info(struct cache *cache, const char *section);
/* PING and its reply. */
bool cache_ask_ping(struct cache *cache);
enum io_progress cache_answer_step(struct cache *cache, struct io_want *want, enum vt_result *result);

#endif
