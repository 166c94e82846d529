/*
 * redis_look.c - several keys in one exchange, with what is left of their time.
 *
 * GET and PTTL leave together, MGET alone where nobody wants the time that is left. Between the two a key can expire or be written anew; what is left is then that of
 * another value, or the key counts as not there.
 */
#include <hiredis/hiredis.h>
#include <string.h>

#include "arena.h"
#include "redis.h"
#include "redis_link.h"

#define COMMANDS_MAX (2 * REDIS_LOOKS_MAX)
#define PTTL_NO_KEY (-2)

static struct redis_command
about(const char *verb, const char *key)
{
	return (struct redis_command){.argv = {verb, key}, .size_bytes = {strlen(verb), strlen(key)}, .argc = 2};
}

static enum vt_result
take_value(struct redis *redis, struct arena *arena, const redisReply *reply, struct redis_look *look)
{
	if (reply->type == REDIS_REPLY_NIL)
		return VT_OK;
	if (reply->type != REDIS_REPLY_STRING)
		return redis_out_of_step(redis);
	look->value = arena_strndup(arena, reply->str, reply->len);
	look->size_bytes = reply->len;
	return look->value != NULL ? VT_OK : VT_NO_MEMORY;
}

static enum vt_result
take_ttl(struct redis *redis, const redisReply *reply, struct redis_look *look)
{
	if (reply->type != REDIS_REPLY_INTEGER)
		return redis_out_of_step(redis);
	look->ttl_ms = reply->integer;
	if (reply->integer == PTTL_NO_KEY)
		look->value = NULL;
	return VT_OK;
}

static enum vt_result
take_all(struct redis *redis, struct arena *arena, redisReply *const *replies, struct redis_look *looks, size_t count)
{
	enum vt_result result = VT_OK;
	for (size_t i = 0; i < count && result == VT_OK; i++) {
		result = take_value(redis, arena, *replies++, &looks[i]);
		if (looks[i].with == REDIS_WITH_TTL && result == VT_OK)
			result = take_ttl(redis, *replies++, &looks[i]);
	}
	return result;
}

static enum vt_result
look_with_ttl(struct redis *redis, struct arena *arena, struct redis_look *looks, size_t count, int64_t deadline_ns)
{
	struct redis_command commands[COMMANDS_MAX] = {0};
	redisReply *replies[COMMANDS_MAX];
	size_t sent = 0;
	for (size_t i = 0; i < count; i++) {
		commands[sent++] = about("GET", looks[i].key);
		if (looks[i].with == REDIS_WITH_TTL)
			commands[sent++] = about("PTTL", looks[i].key);
	}
	enum vt_result result = redis_run(redis, commands, sent, deadline_ns, replies);
	if (result != VT_OK)
		return result;
	result = take_all(redis, arena, replies, looks, count);
	for (size_t i = 0; i < sent; i++)
		freeReplyObject(replies[i]);
	return result;
}

/* One command and one reply: Redis takes less time over it than over as many GETs. */
static enum vt_result
look_at_once(struct redis *redis, struct arena *arena, struct redis_look *looks, size_t count, int64_t deadline_ns)
{
	struct redis_command command = about("MGET", "");
	redisReply *reply;
	for (size_t i = 0; i < count; i++) {
		command.argv[1 + i] = looks[i].key;
		command.size_bytes[1 + i] = strlen(looks[i].key);
	}
	command.argc = 1 + (int)count;
	command.array_max_bytes = REDIS_REPLY_MAX_BYTES;
	enum vt_result result = redis_run(redis, &command, 1, deadline_ns, &reply);
	if (result != VT_OK)
		return result;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != count)
		result = redis_out_of_step(redis);
	for (size_t i = 0; i < count && result == VT_OK; i++)
		result = take_value(redis, arena, reply->element[i], &looks[i]);
	freeReplyObject(reply);
	return result;
}

enum vt_result
redis_look(struct redis *redis, struct arena *arena, struct redis_look *looks, size_t count, int64_t deadline_ns)
{
	bool with_ttl = false;
	for (size_t i = 0; i < count; i++) {
		looks[i].value = NULL;
		looks[i].size_bytes = 0;
		with_ttl = with_ttl || looks[i].with == REDIS_WITH_TTL;
	}
	if (with_ttl || count == 1)
		return look_with_ttl(redis, arena, looks, count, deadline_ns);
	return look_at_once(redis, arena, looks, count, deadline_ns);
}

enum vt_result
redis_get(struct redis *redis, struct arena *arena, const char *key, int64_t deadline_ns, const char **value,
          size_t *size_bytes)
{
	struct redis_look look = {.key = key};
	enum vt_result result = redis_look(redis, arena, &look, 1, deadline_ns);
	*value = look.value;
	*size_bytes = look.value != NULL ? look.size_bytes : 0;
	return result == VT_OK && look.value == NULL ? VT_MISS : result;
}
