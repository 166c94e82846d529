/*
 * redis_link.h - the connection behind redis.h, shared by the redis*.c files and by nobody else.
 *
 *   ABSENT -> LOOKING -> CONNECTING -> GREETING (AUTH, SELECT, ROLE) -> READY, and from each back to ABSENT by
 *   redis_drop(). LOOKING and ROLE are only where sentinels tell which server it is.
 *
 * Works in steps as database_link.h does. One command is under way at a time and has one reply.
 */
#ifndef STORE_REDIS_LINK_H
#define STORE_REDIS_LINK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "breaker.h"
#include "io_step.h"
#include "redis.h"

/* The largest value that is stored or read, and what a reply may hold besides it. */
#define REDIS_VALUE_MAX_BYTES ((size_t)16 * 1024 * 1024)
/* Of a sentinel and of ROLE. */
#define REDIS_ARRAY_MAX_BYTES ((size_t)64 * 1024)
#define REDIS_REPLY_MAX_BYTES (REDIS_VALUE_MAX_BYTES + 64 * 1024)

enum redis_state { REDIS_ABSENT, REDIS_LOOKING, REDIS_CONNECTING, REDIS_GREETING, REDIS_READY };

/* What an operation tells of the server: nothing, that it answers, or that nobody is served at present. */
enum redis_finding { REDIS_FOUND_NOTHING, REDIS_FOUND_WELL, REDIS_FOUND_ILL };

enum redis_ping { REDIS_PING_NONE, REDIS_PING_CONNECTING, REDIS_PING_ASKING };

struct redis {
	struct redis_address address;
	int64_t timeout_ms, ttl_default_ms, ping_idle_ms;

	enum redis_state state;
	redisContext *context;
	int greetings;                     /* replies to AUTH, SELECT and ROLE that are still to come */
	int role_due;                      /* the reply to ROLE is the so manieth to come; 0: none is */
	size_t array_max_bytes;            /* of a reply that may be an array; 0: none may */
	int64_t deadline_ns;               /* of the operation under way, as far as it is REDIS_TIMEOUT's */
	int64_t verified_ns;               /* when the server last said that it is the primary */
	struct redis_sentinels *sentinels; /* NULL: there are none */
	bool flushed;                      /* what is to be sent has left our buffer */
	int64_t used_ns;

	struct log *log;         /* NULL: nothing is logged */
	struct breaker *breaker; /* the pool's, or own */
	struct breaker own;
	unsigned epoch; /* of the breaker when the connection was opened */
	enum redis_finding finding;
	int64_t refused_ns; /* when it was last dropped for being that of a read-only replica */
	int64_t ping_begun_ns;

	enum redis_ping ping;
	bool ping_reopened;
	bool asking; /* INFO of redis_ask.c is under way */

	const char *error; /* static words */
};

struct redis_command {
	const char *argv[8];
	size_t size_bytes[8];
	int argc;
	size_t array_max_bytes; /* of its reply, where that is an array; 0: it is none */
};

/* From any state to READY: IO_DONE with VT_OK, or with VT_UNAVAILABLE and the connection dropped. */
enum io_progress redis_connect_step(struct redis *redis, struct io_want *want, enum vt_result *result);
/* Closes the connection without waiting. */
void redis_drop(struct redis *redis);
/*
 * Drops a connection that must not be used: half open, ended, with bytes nobody asked for, or opened before the breaker
 * was: the server that it leads to may be the one that hung.
 */
void redis_drop_unfit(struct redis *redis);

/* Puts a command into the buffer. False: no memory, dropped. */
bool redis_command_begin(struct redis *redis, const struct redis_command *command);
/*
 * Drives it: IO_DONE with VT_OK and a reply that is the caller's, to be freed; or with another result and
 * no reply. The connection is dropped where its state is not known.
 */
enum io_progress redis_command_step(struct redis *redis, struct io_want *want, enum vt_result *result,
                                    redisReply **reply);

/* ---- redis_sentinel.c ---- */

/* As the configuration says, into redis->sentinels. False: no memory. */
bool redis_sentinels_create(struct redis *redis, const struct redis_config *config);
void redis_sentinels_destroy(struct redis_sentinels *sentinels);
/* Asks them where the primary is: IO_DONE with VT_OK, or with VT_UNAVAILABLE and redis->error. */
enum io_progress redis_sentinels_step(struct redis *redis, struct io_want *want, enum vt_result *result);
/* What they said. */
const struct redis_host *redis_sentinels_primary(const struct redis_sentinels *sentinels);
/* A search that is under way is of no more use. */
void redis_sentinels_abandon(struct redis_sentinels *sentinels);
/* The one that answered was wrong: another one is asked first next time. */
void redis_sentinels_distrust(struct redis *redis);

/* ---- redis_guard.c: the breaker ---- */

/* One operation on its way. */
struct redis_guard {
	uint64_t seen;  /* the breaker, closed, when it began … */
	uint64_t claim; /* … or, not 0: the operation is the probe */
	int64_t deadline_ns;
	bool own; /* the deadline is REDIS_TIMEOUT's, not a shorter one of the caller's */
};

enum redis_wait { REDIS_WAIT_READY, REDIS_WAIT_TIMED_OUT, REDIS_WAIT_SPARED };

/* False: the server is not asked at present. */
bool redis_guard_enter(struct redis *redis, struct redis_guard *guard);
/* As io_wait(); spared: meanwhile somebody has found that the server does not answer. */
enum redis_wait redis_guard_wait(const struct redis *redis, const struct redis_guard *guard,
                                 const struct io_want *want);
/* Tells the others what redis->finding says. */
void redis_guard_leave(struct redis *redis, const struct redis_guard *guard);
/* A ping, which asks nobody's leave, was answered in time. */
void redis_guard_pinged(struct redis *redis);
/* By who claimed: what the probe found, and the record of it. */
void redis_guard_conclude(struct redis *redis, uint64_t claim, bool well);

/* INFO of a section. */
bool redis_ask_info(struct redis *redis, const char *section);
/* PING, or ROLE with sentinels: a demoted primary still answers a PING. And the reply to either. */
bool redis_ask_ping(struct redis *redis);
/* Is it time for that before the next command? */
bool redis_ping_due(const struct redis *redis);
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
