/* redis_watch.c - see redis_watch.h. The ping is that of redis_ping.c, on a connection that lasts for one probe. */
#include "redis_watch.h"

#include <stdlib.h>

#include "clock.h"
#include "err.h"
#include "redis_link.h"

struct redis_watch {
	struct redis *redis;
	uint64_t claim; /* 0: no probe is under way */
	int64_t deadline_ns;
};

struct redis_watch *
redis_watch_create(const struct redis_config *config, struct err *err)
{
	struct redis_watch *watch = calloc(1, sizeof *watch);
	if (watch == NULL) {
		err_set(err, "There is no memory for watching Redis.");
		return NULL;
	}
	watch->redis = redis_create(config, err);
	if (watch->redis != NULL)
		return watch;
	free(watch);
	return NULL;
}

void
redis_watch_destroy(struct redis_watch *watch)
{
	if (watch == NULL)
		return;
	redis_destroy(watch->redis);
	free(watch);
}

static void
begin(struct redis_watch *watch)
{
	struct redis *redis = watch->redis;
	int64_t now_ns = clock_mono_ns();
	if (breaker_due_ns(redis->breaker, BREAKER_BY_KEEPER) == DEADLINE_NEVER)
		return;
	watch->deadline_ns = now_ns + redis->timeout_ms * NS_PER_MS;
	watch->claim = breaker_claim(redis->breaker, BREAKER_BY_KEEPER, now_ns, watch->deadline_ns);
	if (watch->claim != 0)
		redis_ping_begin(redis);
}

static void
conclude(struct redis_watch *watch, bool well)
{
	redis_drop(watch->redis);
	redis_guard_conclude(watch->redis, watch->claim, well);
	watch->claim = 0;
}

int64_t
redis_watch_step(struct redis_watch *watch, struct io_want *want)
{
	enum vt_result result;
	if (watch->claim == 0)
		begin(watch);
	if (watch->claim != 0) {
		if (clock_mono_ns() >= watch->deadline_ns)
			conclude(watch, false);
		else if (redis_ping_step(watch->redis, want, &result) == IO_WAIT)
			return want->until_ns > 0 ? deadline_min(want->until_ns, watch->deadline_ns)
			                          : watch->deadline_ns;
		else
			conclude(watch, result == VT_OK);
	}
	*want = (struct io_want){.fd = -1};
	return breaker_due_ns(watch->redis->breaker, BREAKER_BY_KEEPER);
}
