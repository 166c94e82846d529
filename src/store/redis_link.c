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

void
redis_drop(struct redis *redis)
{
	if (redis->context != NULL)
		redisFree(redis->context);
	redis->context = NULL;
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

static bool
start_connecting(struct redis *redis)
{
	const struct redis_address *address = &redis->address;
	redis->context = address->path != NULL ? redisConnectUnixNonBlock(address->path)
	                                       : redisConnectNonBlock(address->host, address->port);
	if (redis->context == NULL || redis->context->err != 0) {
		redis->error = context_words(redis->context);
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
	redis->error = net_error_words(error_number);
	if (redis->error == NULL)
		redis->error = "the connection failed";
	return false;
}

/* AUTH and SELECT leave together; their replies come in order. */
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
	return true;
}

enum io_progress
redis_connect_step(struct redis *redis, struct io_want *want, enum vt_result *result)
{
	if (redis->state == REDIS_ABSENT && !start_connecting(redis))
		return give_up(redis, VT_UNAVAILABLE, redis->error, result);
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
	if (!redis_reply_acceptable(reader, REDIS_REPLY_MAX_BYTES, &words)) {
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

/* An error reply is no reply to the caller. */
static enum io_progress
judge(struct redis *redis, redisReply **reply, enum vt_result *result)
{
	const struct redis_fault *fault;
	redis->used_ns = clock_mono_ns();
	backoff_reset(&redis->backoff);
	*result = VT_OK;
	if ((*reply)->type != REDIS_REPLY_ERROR)
		return IO_DONE;
	fault = redis_reply_fault((*reply)->str);
	freeReplyObject(*reply);
	*reply = NULL;
	if (fault->drop)
		return give_up(redis, fault->result, fault->words, result);
	redis->error = fault->words;
	*result = fault->result;
	return IO_DONE;
}

enum io_progress
redis_command_step(struct redis *redis, struct io_want *want, enum vt_result *result, redisReply **reply)
{
	int done = 0;
	*reply = NULL;
	if (!redis->flushed) {
		if (redisBufferWrite(redis->context, &done) != REDIS_OK)
			return give_up(redis, VT_UNAVAILABLE, context_words(redis->context), result);
		redis->flushed = done != 0;
	}
	/* A reply may be there already: those to AUTH and SELECT arrive together. */
	if (!take_reply(redis, reply, result))
		return IO_DONE;
	if (*reply == NULL) {
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
	return append_texts(redis, "PING", NULL, NULL);
}

enum io_progress
redis_answer_step(struct redis *redis, struct io_want *want, enum vt_result *result)
{
	redisReply *reply;
	if (redis_command_step(redis, want, result, &reply) == IO_WAIT)
		return IO_WAIT;
	if (reply == NULL)
		return IO_DONE;
	if (reply->type != REDIS_REPLY_STATUS)
		give_up(redis, VT_UNAVAILABLE, "what answers does not speak the protocol", result);
	freeReplyObject(reply);
	return IO_DONE;
}

void
redis_drop_unfit(struct redis *redis)
{
	if (redis->state == REDIS_READY && redis->ping == REDIS_PING_NONE) {
		/* An idle connection has nothing to read: not its end, and no reply that nobody waits for. */
		const redisReader *reader = redis->context->reader;
		const struct io_want want = {.fd = redis->context->fd, .events = POLLIN};
		if (reader->len == reader->pos && !io_ready(&want))
			return;
	}
	redis_drop(redis);
}
