/*
 * redis_sentinel.c - asks the sentinels which server is the primary, one after another, the one first that answered last.
 *
 * Each has its share of what is left of REDIS_TIMEOUT, so that one that hangs leaves time for the others and for the
 * server itself. What one says is not believed: the server is asked for its ROLE when it is greeted. The connection to
 * a sentinel is one of redis_link.c's and lasts for one question.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "redis_link.h"

#define HOST_BYTES 256
#define LEAST_SHARE_MS 1
#define PORT_MOST 65535

struct redis_sentinels {
	struct redis asker; /* its address is the present sentinel's */
	size_t first;       /* who is asked first */
	size_t tried;       /* in this search */
	bool begun, asked;  /* the present one */
	int64_t share_ends_ns;
	const char *error;
	char name[HOST_BYTES];
	struct redis_host primary;
};

static char *
copy_of(const char *text)
{
	return text != NULL && text[0] != '\0' ? strdup(text) : NULL;
}

static bool
is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

bool
redis_sentinels_create(struct redis *redis, const struct redis_config *config)
{
	struct redis_sentinels *sentinels = calloc(1, sizeof *sentinels);
	if (sentinels == NULL)
		return false;
	struct redis *asker = &sentinels->asker;
	asker->breaker = &asker->own;
	asker->error = "";
	asker->address.user = copy_of(config->sentinel_user);
	asker->address.password = copy_of(config->sentinel_password);
	redis->sentinels = sentinels;
	return (asker->address.user != NULL) == is_given(config->sentinel_user) &&
	       (asker->address.password != NULL) == is_given(config->sentinel_password);
}

void
redis_sentinels_destroy(struct redis_sentinels *sentinels)
{
	if (sentinels == NULL)
		return;
	redis_drop(&sentinels->asker);
	sentinels->asker.address.host = NULL; /* the list's */
	redis_address_fini(&sentinels->asker.address);
	free(sentinels);
}

const struct redis_host *
redis_sentinels_primary(const struct redis_sentinels *sentinels)
{
	return &sentinels->primary;
}

static void
leave_one(struct redis_sentinels *sentinels)
{
	redis_drop(&sentinels->asker);
	sentinels->begun = sentinels->asked = false;
}

void
redis_sentinels_abandon(struct redis_sentinels *sentinels)
{
	leave_one(sentinels);
	sentinels->tried = 0;
}

void
redis_sentinels_distrust(struct redis *redis)
{
	redis->sentinels->first = (redis->sentinels->first + 1) % redis->address.sentinel_count;
}

/* An equal share for each that is left, and for the server itself. */
static void
begin_one(const struct redis *redis)
{
	struct redis_sentinels *sentinels = redis->sentinels;
	size_t count = redis->address.sentinel_count;
	const struct redis_host *host = &redis->address.sentinels[(sentinels->first + sentinels->tried) % count];
	int64_t now_ns = clock_mono_ns();
	int64_t share_ns = (redis->deadline_ns - now_ns) / (int64_t)(count - sentinels->tried + 1);
	int64_t least_ns = LEAST_SHARE_MS * NS_PER_MS;
	sentinels->share_ends_ns = now_ns + (share_ns > least_ns ? share_ns : least_ns);
	sentinels->asker.address.host = host->host;
	sentinels->asker.address.port = host->port;
	sentinels->begun = true;
}

static bool
ask(struct redis *asker, const char *service)
{
	static const char get[] = "get-master-addr-by-name";
	const struct redis_command command = {
		.argv = {"SENTINEL", get, service}, .size_bytes = {8, sizeof get - 1, strlen(service)}, .argc = 3};
	if (!redis_command_begin(asker, &command))
		return false;
	asker->array_max_bytes = REDIS_ARRAY_MAX_BYTES;
	return true;
}

static bool
is_text(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING && reply->len > 0 && memchr(reply->str, '\0', reply->len) == NULL;
}

/* Host and port; nothing where it does not know the service. */
static enum vt_result
read_answer(struct redis_sentinels *sentinels, const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_NIL) {
		sentinels->error = "the sentinels do not know the service";
		return VT_MISS;
	}
	sentinels->error = "a sentinel's answer cannot be read";
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !is_text(reply->element[0]) ||
	    !is_text(reply->element[1]) || reply->element[0]->len >= sizeof sentinels->name)
		return VT_ERROR;
	char *end;
	long port = strtol(reply->element[1]->str, &end, 10);
	if (*end != '\0' || port < 1 || port > PORT_MOST)
		return VT_ERROR;
	snprintf(sentinels->name, sizeof sentinels->name, "%s", reply->element[0]->str);
	sentinels->primary = (struct redis_host){.host = sentinels->name, .port = (int)port};
	return VT_OK;
}

/* What keeps one from answering, as far as it said something. */
static void
note_refusal(struct redis_sentinels *sentinels)
{
	const char *words = sentinels->asker.error;
	if (strcmp(words, "the server wants a password") == 0 || strcmp(words, "authentication failed") == 0)
		sentinels->error = "the sentinels do not let this service in";
}

/* One sentinel, from connecting to what it said. */
static enum io_progress
ask_step(struct redis *redis, struct io_want *want, enum vt_result *result)
{
	struct redis_sentinels *sentinels = redis->sentinels;
	struct redis *asker = &sentinels->asker;
	redisReply *reply = NULL;
	if (!sentinels->asked) {
		if (redis_connect_step(asker, want, result) == IO_WAIT)
			return IO_WAIT;
		if (*result == VT_OK && !ask(asker, redis->address.service))
			*result = VT_NO_MEMORY;
		sentinels->asked = true;
	} else {
		*result = VT_OK;
	}
	if (*result == VT_OK && redis_command_step(asker, want, result, &reply) == IO_WAIT)
		return IO_WAIT;
	if (reply != NULL)
		*result = read_answer(sentinels, reply);
	else
		note_refusal(sentinels);
	freeReplyObject(reply);
	return IO_DONE;
}

enum io_progress
redis_sentinels_step(struct redis *redis, struct io_want *want, enum vt_result *result)
{
	struct redis_sentinels *sentinels = redis->sentinels;
	size_t count = redis->address.sentinel_count;
	if (sentinels->tried == 0 && !sentinels->begun)
		sentinels->error = "no sentinel answers";
	for (; sentinels->tried < count; sentinels->tried++) {
		if (!sentinels->begun)
			begin_one(redis);
		if (ask_step(redis, want, result) == IO_WAIT) {
			want->until_ns = sentinels->share_ends_ns;
			if (clock_mono_ns() < sentinels->share_ends_ns)
				return IO_WAIT;
			*result = VT_TIMEOUT;
		}
		leave_one(sentinels);
		if (*result == VT_OK) {
			sentinels->first = (sentinels->first + sentinels->tried) % count;
			sentinels->tried = 0;
			return IO_DONE;
		}
	}
	sentinels->tried = 0;
	redis->finding = REDIS_FOUND_ILL;
	redis->error = sentinels->error;
	*result = VT_UNAVAILABLE;
	return IO_DONE;
}
