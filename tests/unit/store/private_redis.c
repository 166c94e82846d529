/* private_redis.c - see private_redis.h. */
#include "private_redis.h"

#include <check.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "err.h"
#include "io_wait.h"

#define START_TIMEOUT_MS 20000

static void
find_program(char path[512])
{
	const char *search = getenv("PATH");
	for (const char *p = search != NULL ? search : "/usr/bin"; *p != '\0';) {
		int length = (int)strcspn(p, ":");
		snprintf(path, 512, "%.*s/redis-server", length, p);
		if (access(path, X_OK) == 0)
			return;
		p += length;
		p += *p == ':';
	}
	ck_abort_msg("redis-server is not in PATH: install it to run this test.");
}

void
private_redis_init(struct private_server *server)
{
	private_server_init(server, "redis");
	private_redis_up(server, NULL);
}

void
private_redis_socket(const struct private_server *server, char *path, size_t size_bytes)
{
	snprintf(path, size_bytes, "%s/redis.sock", server->dir);
}

/* Any reply will do: with a password it is an error. */
static bool
answers(const char *path, const char *command)
{
	redisContext *context = redisConnectUnixWithTimeout(path, (struct timeval){.tv_sec = 2});
	redisReply *reply = NULL;
	if (context != NULL && context->err == 0) {
		redisSetTimeout(context, (struct timeval){.tv_sec = 2});
		reply = redisCommand(context, command);
	}
	bool good = reply != NULL;
	if (good)
		freeReplyObject(reply);
	if (context != NULL)
		redisFree(context);
	return good;
}

void
private_redis_up(struct private_server *server, const char *password)
{
	char program[512], path[96];
	private_redis_socket(server, path, sizeof path);
	private_server_signal(server, SIGCONT);
	if (!private_server_alive(server)) {
		find_program(program);
		private_server_start(server, (char *[]){program, "--port", "0", "--unixsocket", path,
		                                        "--unixsocketperm", "777", "--save", "", "--appendonly", "no",
		                                        "--daemonize", "no", password != NULL ? "--requirepass" : NULL,
		                                        (char *)(uintptr_t)password, NULL});
	}
	int64_t deadline_ns = deadline_in_ms(START_TIMEOUT_MS);
	bool good;
	while (!(good = answers(path, "PING")) && clock_mono_ns() < deadline_ns)
		private_server_nap();
	ck_assert_msg(good, "Redis did not start; see %s/log", server->dir);
}

void
private_redis_command(const struct private_server *server, const char *command)
{
	char path[96];
	private_redis_socket(server, path, sizeof path);
	ck_assert_msg(answers(path, command), "%s was not answered", command);
}

void
private_redis_down(struct private_server *server)
{
	private_server_stop(server, SIGTERM);
	ck_assert_msg(!private_server_alive(server), "Redis did not stop");
}

/* ---- Caches on it ---- */

int64_t
private_redis_ms_since(int64_t start_ns)
{
	return (clock_mono_ns() - start_ns) / NS_PER_MS;
}

struct redis *
private_redis_open(const struct private_server *server, const char *userinfo, const char *query, int64_t ping_idle_ms)
{
	struct err err;
	char path[96], url[256];
	private_redis_socket(server, path, sizeof path);
	snprintf(url, sizeof url, "unix://%s%s%s", userinfo, path, query);
	const struct redis_config config = {
		.url = url, .timeout_ms = 200, .ttl_default_ms = 60000, .ping_idle_ms = ping_idle_ms};
	struct redis *redis = redis_create(&config, &err);
	ck_assert_msg(redis != NULL, "%s", err.text);
	return redis;
}

enum vt_result
private_redis_set(struct redis *redis, const char *key, const char *value)
{
	const struct redis_item item = {.key = key, .value = value, .size_bytes = strlen(value)};
	return redis_set(redis, &item, DEADLINE_NEVER);
}

void
private_redis_expect(struct redis *redis, const char *key, const char *value)
{
	struct arena *arena = arena_create(4096, 1 << 20);
	const char *text;
	size_t size;
	enum vt_result result = redis_get(redis, arena, key, DEADLINE_NEVER, &text, &size);
	ck_assert_msg(result == VT_OK, "%d, %s", (int)result, redis_error(redis));
	ck_assert_str_eq(text, value);
	ck_assert_uint_eq(size, strlen(value));
	arena_destroy(arena);
}

enum vt_result
private_redis_ping(struct redis *redis, int64_t timeout_ms)
{
	int64_t deadline_ns = deadline_in_ms(timeout_ms);
	enum vt_result result;
	struct io_want want;
	redis_ping_begin(redis);
	while (redis_ping_step(redis, &want, &result) == IO_WAIT)
		if (!io_wait(&want, deadline_ns)) {
			redis_ping_abandon(redis);
			return VT_TIMEOUT;
		}
	return result;
}

int64_t
private_redis_recovers_ms(struct redis *redis)
{
	int64_t start_ns = clock_mono_ns();
	while (redis_delete(redis, "no such key", DEADLINE_NEVER) != VT_OK) {
		ck_assert_msg(private_redis_ms_since(start_ns) < 5000, "no recovery: %s", redis_error(redis));
		private_server_nap();
	}
	return private_redis_ms_since(start_ns);
}
