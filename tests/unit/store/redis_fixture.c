/* redis_fixture.c - see redis_fixture.h. */
#include "redis_fixture.h"

#include <signal.h>

#include "clock.h"

struct private_server server;
struct arena *arena;

void
fixture_start(void)
{
	signal(SIGPIPE, SIG_IGN); /* as in the service */
	private_redis_init(&server);
}

void
fixture_stop(void)
{
	private_server_fini(&server);
}

void
fixture_each(void)
{
	private_redis_up(&server, NULL);
	arena = arena_create(4096, (size_t)32 << 20);
}

void
fixture_after_each(void)
{
	arena_destroy(arena);
}

enum vt_result
fixture_get(struct redis *redis, const char *key, const char **value, size_t *size_bytes)
{
	return redis_get(redis, arena, key, DEADLINE_NEVER, value, size_bytes);
}
