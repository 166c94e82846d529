/*
 * cache_link.c - opens, greets and closes the connection to Redis, and carries one command at a time.
 *
 * hiredis formats commands and reads replies; every wait is ours. A host given by name is resolved inside
 * redisConnectNonBlock(), which blocks as long as the resolver does; addresses and sockets do not resolve.
 *
 * hiredis's reader->maxbuf bounds only the memory it keeps when idle. What a reply may make us hold is
 * bounded here, by looking at what is buffered after each read (16 KiB at most): past the bound the
 * connection is closed. Error texts are ours: hiredis's name the host, Redis's can hold anything.
 */
#include "cache_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cache_reply.h"
#include "clock.h"
#include "io_wait.h"
#include "net_error.h"

void
cache_drop(struct cache *cache)
{
	if (cache->context != NULL)
		redisFree(cache->context);
	cache->context = NULL;
	cache->state = CACHE_ABSENT;
	cache->ping = CACHE_PING_NONE;
}

/* The connection is of no more use: says why and drops it. */
static enum io_progress
give_up(struct cache *cache, enum vt_result how, const char *words, enum vt_result *result)
{
	cache->error = words;
	cache_drop(cache);
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
cache_command_begin(struct cache *cache, const struct cache_command *command)
{
	cache->flushed = false;
	const char **argv = (const char **)(uintptr_t)command->argv; /* hiredis lacks the const, and only reads */
	if (redisAppendCommandArgv(cache->context, command->argc, argv, command->size_bytes) == REDIS_OK)
		return true;
	cache->error = "no memory for the command";
	cache_drop(cache);
	return false;
}

static bool
append_texts(struct cache *cache, const char *first, const char *second, const char *third)
{
	const char *const texts[] = {first, second, third};
	struct cache_command command = {.argc = 0};
	for (size_t i = 0; i < 3; i++) {
		if (texts[i] == NULL)
			continue;
		command.argv[command.argc] = texts[i];
		command.size_bytes[command.argc++] = strlen(texts[i]);
	}
	return cache_command_begin(cache, &command);
}

static bool
start_connecting(struct cache *cache)
{
	const struct redis_address *address = &cache->address;
	cache->context = address->path != NULL ? redisConnectUnixNonBlock(address->path)
	                                       : redisConnectNonBlock(address->host, address->port);
	if (cache->context == NULL || cache->context->err != 0) {
		cache->error = context_words(cache->context);
		return false;
	}
	if (address->path == NULL) /* hiredis sets it on blocking connections only */
		(void)setsockopt(cache->context->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	cache->state = CACHE_CONNECTING;
	return true;
}

/* The socket is writable: connected, or failed. */
static bool
connected(struct cache *cache)
{
	int error_number = 0;
	socklen_t size = sizeof error_number;
	if (getsockopt(cache->context->fd, SOL_SOCKET, SO_ERROR, &error_number, &size) != 0)
		error_number = errno;
	if (error_number == 0)
		return true;
	cache->error = net_error_words(error_number);
	if (cache->error == NULL)
		cache->error = "the connection failed";
	return false;
}

/* AUTH and SELECT leave together; their replies come in order. */
static bool
begin_greeting(struct cache *cache)
{
	const struct redis_address *address = &cache->address;
	char database[16];
	cache->state = CACHE_GREETING;
	cache->greetings = 0;
	if (address->password != NULL) {
		if (!append_texts(cache, "AUTH", address->user, address->password))
			return false;
		cache->greetings++;
	}
	if (address->database != 0) {
		snprintf(database, sizeof database, "%d", address->database);
		if (!append_texts(cache, "SELECT", database, NULL))
			return false;
		cache->greetings++;
	}
	return true;
}

enum io_progress
cache_connect_step(struct cache *cache, struct io_want *want, enum vt_result *result)
{
	if (cache->state == CACHE_ABSENT && !start_connecting(cache))
		return give_up(cache, VT_UNAVAILABLE, cache->error, result);
	if (cache->state == CACHE_CONNECTING) {
		*want = (struct io_want){.fd = cache->context->fd, .events = POLLOUT};
		if (!io_ready(want))
			return IO_WAIT;
		if (!connected(cache) || !begin_greeting(cache))
			return give_up(cache, VT_UNAVAILABLE, cache->error, result);
	}
	while (cache->state == CACHE_GREETING && cache->greetings > 0) {
		if (cache_answer_step(cache, want, result) == IO_WAIT)
			return IO_WAIT;
		if (*result != VT_OK)
			return give_up(cache, VT_UNAVAILABLE, cache->error, result);
		cache->greetings--;
	}
	cache->state = CACHE_READY;
	cache->used_ns = clock_mono_ns();
	*result = VT_OK;
	return IO_DONE;
}

/* Takes one reply out of the reader, where a whole one is there. False: dropped. */
static bool
take_reply(struct cache *cache, redisReply **reply, enum vt_result *result)
{
	const redisReader *reader = cache->context->reader;
	const char *words;
	void *taken = NULL;
	*reply = NULL;
	if (reader->len == reader->pos)
		return true;
	if (!cache_reply_acceptable(reader, CACHE_REPLY_MAX_BYTES, &words)) {
		give_up(cache, VT_UNAVAILABLE, words, result);
		return false;
	}
	if (redisGetReplyFromReader(cache->context, &taken) != REDIS_OK) {
		give_up(cache, VT_UNAVAILABLE, context_words(cache->context), result);
		return false;
	}
	*reply = taken;
	return true;
}

/* An error reply is no reply to the caller. */
static enum io_progress
judge(struct cache *cache, redisReply **reply, enum vt_result *result)
{
	const struct cache_fault *fault;
	cache->used_ns = clock_mono_ns();
	backoff_reset(&cache->backoff);
	*result = VT_OK;
	if ((*reply)->type != REDIS_REPLY_ERROR)
		return IO_DONE;
	fault = cache_reply_fault((*reply)->str);
	freeReplyObject(*reply);
	*reply = NULL;
	if (fault->drop)
		return give_up(cache, fault->result, fault->words, result);
	cache->error = fault->words;
	*result = fault->result;
	return IO_DONE;
}

enum io_progress
cache_command_step(struct cache *cache, struct io_want *want, enum vt_result *result, redisReply **reply)
{
	int done = 0;
	*reply = NULL;
	if (!cache->flushed) {
		if (redisBufferWrite(cache->context, &done) != REDIS_OK)
			return give_up(cache, VT_UNAVAILABLE, context_words(cache->context), result);
		cache->flushed = done != 0;
	}
	/* A reply may be there already: those to AUTH and SELECT arrive together. */
	if (!take_reply(cache, reply, result))
		return IO_DONE;
	if (*reply == NULL) {
		if (redisBufferRead(cache->context) != REDIS_OK)
			return give_up(cache, VT_UNAVAILABLE, context_words(cache->context), result);
		if (!take_reply(cache, reply, result))
			return IO_DONE;
	}
	if (*reply != NULL)
		return judge(cache, reply, result);
	*want = (struct io_want){.fd = cache->context->fd, .events = cache->flushed ? POLLIN : POLLIN | POLLOUT};
	return IO_WAIT;
}

bool
cache_ask_info(struct cache *cache, const char *section)
{
	return append_texts(cache, "INFO", section, NULL);
}

bool
cache_ask_ping(struct cache *cache)
{
	return append_texts(cache, "PING", NULL, NULL);
}

enum io_progress
cache_answer_step(struct cache *cache, struct io_want *want, enum vt_result *result)
{
	redisReply *reply;
	if (cache_command_step(cache, want, result, &reply) == IO_WAIT)
		return IO_WAIT;
	if (reply == NULL)
		return IO_DONE;
	if (reply->type != REDIS_REPLY_STATUS)
		give_up(cache, VT_UNAVAILABLE, "what answers does not speak the protocol", result);
	freeReplyObject(reply);
	return IO_DONE;
}

void
cache_drop_unfit(struct cache *cache)
{
	if (cache->state == CACHE_READY && cache->ping == CACHE_PING_NONE) {
		/* An idle connection has nothing to read: not its end, and no reply that nobody waits for. */
		const redisReader *reader = cache->context->reader;
		const struct io_want want = {.fd = cache->context->fd, .events = POLLIN};
		if (reader->len == reader->pos && !io_ready(&want))
			return;
	}
	cache_drop(cache);
}
