/*
 * redis_link.c - opens, greets and closes the connection to Redis, and carries one command at a time.
 *
 * hiredis formats commands and reads replies; every wait is ours. A host given by name is resolved inside
 * redisConnectNonBlock(), which blocks as long as the resolver does; addresses and sockets do not resolve.
 *
 * hiredis's reader->maxbuf bounds only the memory it keeps when idle. What a reply may make us hold is
 * bounded here, by looking at what is buffered after each read (16 KiB at most): past the bound the
 * connection is closed. Error texts are ours: hiredis's name the host, Redis's can hold anything.
 */
#include "redis_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "io_wait.h"
#include "net_error.h"
#include "redis_reply.h"

#define DROP_AGAIN_MS 1000
#define VERIFY_MS 1000
/* A connection that was well so lately is not looked at: its end could as well come a moment after the look. */
#define LOOKED_AT_AFTER_MS 10

void
redis_drop(struct redis *redis)
{
	if (redis->context != NULL)
		redisFree(redis->context);
	redis->context = NULL;
	if (redis->sentinels != NULL)
		redis_sentinels_abandon(redis->sentinels);
	redis->role_due = 0;
	redis->array_max_bytes = 0;
	redis->state = REDIS_ABSENT;
	redis->ping = REDIS_PING_NONE;
}

/* The connection is of no more use: says why and drops it. */
static enum io_progress
give_up(struct redis *redis, enum vt_result how, const char *words, enum vt_result *result)
{
	redis->error = words;
	redis_drop(redis);
	*result = how;
	return IO_DONE;
}

static const char *
context_words(const redisContext *context)
{
	const char *words = NULL;
	if (context == NULL || context->err == REDIS_ERR_OOM)
		return "no memory for the connection";
	if (context->err == REDIS_ERR_EOF)
		return "the server closed the connection";
	if (context->err == REDIS_ERR_PROTOCOL)
		return "what answers does not speak the protocol";
	words = net_error_find(context->errstr);
	if (words == NULL)
		words = context->err == REDIS_ERR_OTHER ? "the host name cannot be resolved" : "the connection failed";
	return words;
}

bool
redis_command_begin(struct redis *redis, const struct redis_command *command)
{
	redis->flushed = false;
	const char **argv = (const char **)(uintptr_t)command->argv; /* hiredis lacks the const, and only reads */
	if (redisAppendCommandArgv(redis->context, command->argc, argv, command->size_bytes) == REDIS_OK)
		return true;
	redis->error = "no memory for the command";
	redis_drop(redis);
	return false;
}

static bool
append_texts(struct redis *redis, const char *first, const char *second, const char *third)
{
	const char *const texts[] = {first, second, third};
	struct redis_command command = {.argc = 0};
	for (size_t i = 0; i < 3; i++) {
		if (texts[i] == NULL)
			continue;
		command.argv[command.argc] = texts[i];
		command.size_bytes[command.argc++] = strlen(texts[i]);
	}
	return redis_command_begin(redis, &command);
}

/* What this process lacks says nothing about the server. */
static bool
is_ours(const char *words)
{
	static const char *const ours[] = {"no memory for the connection", "no descriptor is free",
	                                   "no local address is free"};
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (strcmp(words, ours[i]) == 0)
			return true;
	return false;
}

static bool
start_connecting(struct redis *redis)
{
	const struct redis_address *address = &redis->address;
	const struct redis_host own = {address->host, address->port};
	const struct redis_host *host = redis->sentinels != NULL ? redis_sentinels_primary(redis->sentinels) : &own;
	redis->context = address->path != NULL ? redisConnectUnixNonBlock(address->path)
	                                       : redisConnectNonBlock(host->host, host->port);
	if (redis->context == NULL || redis->context->err != 0) {
		redis->error = context_words(redis->context);
		redis->finding = is_ours(redis->error) ? REDIS_FOUND_NOTHING : REDIS_FOUND_ILL;
		return false;
	}
	if (address->path == NULL) /* hiredis sets it on blocking connections only */
		(void)setsockopt(redis->context->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	redis->state = REDIS_CONNECTING;
	return true;
}

/* The socket is writable: connected, or failed. */
static bool
connected(struct redis *redis)
{
	int error_number = 0;
	socklen_t size = sizeof error_number;
	if (getsockopt(redis->context->fd, SOL_SOCKET, SO_ERROR, &error_number, &size) != 0)
		error_number = errno;
	if (error_number == 0)
		return true;
	redis->finding = REDIS_FOUND_ILL;
	redis->error = net_error_words(error_number);
	if (redis->error == NULL)
		redis->error = "the connection failed";
	return false;
}

static bool
ask_role(struct redis *redis)
{
	if (!append_texts(redis, "ROLE", NULL, NULL))
		return false;
	redis->array_max_bytes = REDIS_ARRAY_MAX_BYTES;
	return true;
}

/* AUTH, SELECT and ROLE leave together; their replies come in order. */
static bool
begin_greeting(struct redis *redis)
{
	const struct redis_address *address = &redis->address;
	char database[16];
	redis->state = REDIS_GREETING;
	redis->greetings = 0;
	if (address->password != NULL) {
		if (!append_texts(redis, "AUTH", address->user, address->password))
			return false;
		redis->greetings++;
	}
	if (address->database != 0) {
		snprintf(database, sizeof database, "%d", address->database);
		if (!append_texts(redis, "SELECT", database, NULL))
			return false;
		redis->greetings++;
	}
	if (redis->sentinels == NULL)
		return true;
	redis->role_due = ++redis->greetings;
	return ask_role(redis);
}

static enum io_progress
look_step(struct redis *redis, struct io_want *want, enum vt_result *result)
{
	if (redis->sentinels == NULL) {
		*result = VT_OK;
		return IO_DONE;
	}
	redis->state = REDIS_LOOKING;
	return redis_sentinels_step(redis, want, result);
}

/* The server's address is known or told, and connecting to it is begun. */
static enum io_progress
begin_connecting(struct redis *redis, struct io_want *want, enum vt_result *result)
{
	if (redis->state == REDIS_ABSENT)
		redis->epoch = breaker_epoch(breaker_look(redis->breaker));
	if (look_step(redis, want, result) == IO_WAIT)
		return IO_WAIT;
	if (*result == VT_OK && !start_connecting(redis))
		*result = VT_UNAVAILABLE;
	return IO_DONE;
}

enum io_progress
redis_connect_step(struct redis *redis, struct io_want *want, enum vt_result *result)
{
	if (redis->state == REDIS_ABSENT || redis->state == REDIS_LOOKING) {
		if (begin_connecting(redis, want, result) == IO_WAIT)
			return IO_WAIT;
		if (*result != VT_OK)
			return give_up(redis, VT_UNAVAILABLE, redis->error, result);
	}
	if (redis->state == REDIS_CONNECTING) {
		*want = (struct io_want){.fd = redis->context->fd, .events = POLLOUT};
		if (!io_ready(want))
			return IO_WAIT;
		if (!connected(redis) || !begin_greeting(redis))
			return give_up(redis, VT_UNAVAILABLE, redis->error, result);
	}
	while (redis->state == REDIS_GREETING && redis->greetings > 0) {
		if (redis_answer_step(redis, want, result) == IO_WAIT)
			return IO_WAIT;
		if (*result != VT_OK)
			redis->finding = REDIS_FOUND_ILL;
		if (*result != VT_OK)
			return give_up(redis, VT_UNAVAILABLE, redis->error, result);
		redis->greetings--;
	}
	redis->state = REDIS_READY;
	redis->used_ns = clock_mono_ns();
	*result = VT_OK;
	return IO_DONE;
}

/* Takes one reply out of the reader, where a whole one is there. False: dropped. */
static bool
take_reply(struct redis *redis, redisReply **reply, enum vt_result *result)
{
	const redisReader *reader = redis->context->reader;
	const char *words;
	void *taken = NULL;
	*reply = NULL;
	if (reader->len == reader->pos)
		return true;
	enum redis_shape shape = redis_reply_judge(reader, REDIS_REPLY_MAX_BYTES, redis->array_max_bytes, &words);
	if (shape == REDIS_SHAPE_PART)
		return true;
	if (shape == REDIS_SHAPE_REFUSED) {
		give_up(redis, VT_UNAVAILABLE, words, result);
		return false;
	}
	if (redisGetReplyFromReader(redis->context, &taken) != REDIS_OK) {
		give_up(redis, VT_UNAVAILABLE, context_words(redis->context), result);
		return false;
	}
	*reply = taken;
	return true;
}

/* A replica stays one for a while: asking anew at each of its refusals would be a connection a request. */
static bool
is_to_be_dropped(struct redis *redis, const struct redis_fault *fault)
{
	if (fault->drop != REDIS_DROP_NOW_AND_THEN)
		return fault->drop == REDIS_DROP;
	if (redis->refused_ns > 0 && redis->used_ns - redis->refused_ns < DROP_AGAIN_MS * NS_PER_MS)
		return false;
	redis->refused_ns = redis->used_ns;
	return true;
}

/* An error reply is no reply to the caller. */
static enum io_progress
judge(struct redis *redis, redisReply **reply, enum vt_result *result)
{
	const struct redis_fault *fault;
	redis->used_ns = clock_mono_ns();
	redis->finding = REDIS_FOUND_WELL;
	*result = VT_OK;
	if ((*reply)->type != REDIS_REPLY_ERROR)
		return IO_DONE;
	fault = redis_reply_fault((*reply)->str);
	freeReplyObject(*reply);
	*reply = NULL;
	if (fault->reach == REDIS_REFUSES_ALL)
		redis->finding = REDIS_FOUND_ILL;
	if (is_to_be_dropped(redis, fault))
		return give_up(redis, fault->result, fault->words, result);
	redis->error = fault->words;
	*result = fault->result;
	return IO_DONE;
}

enum io_progress
redis_command_step(struct redis *redis, struct io_want *want, enum vt_result *result, redisReply **reply)
{
	int done = 0;
	bool asked_just_now = false;
	*reply = NULL;
	if (!redis->flushed) {
		if (redisBufferWrite(redis->context, &done) != REDIS_OK)
			return give_up(redis, VT_UNAVAILABLE, context_words(redis->context), result);
		asked_just_now = redis->flushed = done != 0;
	}
	/* A reply may be there already: those to AUTH and SELECT arrive together. */
	if (!take_reply(redis, reply, result))
		return IO_DONE;
	if (*reply == NULL && !asked_just_now) {
		if (redisBufferRead(redis->context) != REDIS_OK)
			return give_up(redis, VT_UNAVAILABLE, context_words(redis->context), result);
		if (!take_reply(redis, reply, result))
			return IO_DONE;
	}
	if (*reply != NULL)
		return judge(redis, reply, result);
	*want = (struct io_want){.fd = redis->context->fd, .events = redis->flushed ? POLLIN : POLLIN | POLLOUT};
	return IO_WAIT;
}

bool
redis_ask_info(struct redis *redis, const char *section)
{
	return append_texts(redis, "INFO", section, NULL);
}

bool
redis_ask_ping(struct redis *redis)
{
	if (redis->sentinels == NULL)
		return append_texts(redis, "PING", NULL, NULL);
	redis->role_due = 1;
	return ask_role(redis);
}

bool
redis_ping_due(const struct redis *redis)
{
	int64_t now_ns = clock_mono_ns();
	if (redis->sentinels != NULL && now_ns - redis->verified_ns >= VERIFY_MS * NS_PER_MS)
		return true;
	return now_ns - redis->used_ns >= redis->ping_idle_ms * NS_PER_MS;
}

static bool
is_primary(const redisReply *role)
{
	return role->type == REDIS_REPLY_ARRAY && role->elements > 0 && role->element[0]->type == REDIS_REPLY_STRING &&
	       strcmp(role->element[0]->str, "master") == 0;
}

/* Whom the sentinels named may have become a replica, before they asked it or since. */
static void
judge_role(struct redis *redis, const redisReply *role, enum vt_result *result)
{
	redis->array_max_bytes = 0;
	redis->verified_ns = redis->used_ns;
	if (is_primary(role))
		return;
	redis_sentinels_distrust(redis);
	give_up(redis, VT_UNAVAILABLE, "the server that the sentinels name is not the primary", result);
}

enum io_progress
redis_answer_step(struct redis *redis, struct io_want *want, enum vt_result *result)
{
	redisReply *reply;
	if (redis_command_step(redis, want, result, &reply) == IO_WAIT)
		return IO_WAIT;
	if (reply == NULL)
		return IO_DONE;
	if (redis->role_due > 0 && --redis->role_due == 0)
		judge_role(redis, reply, result);
	else if (reply->type != REDIS_REPLY_STATUS)
		give_up(redis, VT_UNAVAILABLE, "what answers does not speak the protocol", result);
	freeReplyObject(reply);
	return IO_DONE;
}

/* An idle connection has nothing to read: not its end, and no reply that nobody waits for. */
static bool
has_ended(const struct redis *redis)
{
	const struct io_want want = {.fd = redis->context->fd, .events = POLLIN};
	return clock_mono_ns() - redis->used_ns >= LOOKED_AT_AFTER_MS * NS_PER_MS && io_ready(&want);
}

void
redis_drop_unfit(struct redis *redis)
{
	bool same = redis->epoch == breaker_epoch(breaker_look(redis->breaker));
	if (redis->state == REDIS_READY && redis->ping == REDIS_PING_NONE && same) {
		const redisReader *reader = redis->context->reader;
		if (reader->len == reader->pos && !has_ended(redis))
			return;
	}
	redis_drop(redis);
}
