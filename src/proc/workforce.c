/*
 * workforce.c - the supervisor's dealings with workers: start, retire, kill, bury, more of them, fewer.
 *
 * A new generation fills its posts beside the old one, and only when all of it serves are those without a post
 * asked to retire: at no moment is there nobody to give a connection to.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "memory_cgroup.h"
#include "obituary.h"
#include "oom_kills.h"
#include "pending_count.h"
#include "service_manager.h"
#include "supervisor_state.h"
#include "worker.h"

#define FORK_RETRY_MS 1000
/* How often the slots are looked at: while workers start, while a pool may grow, while some are busy, else. */
#define LOOK_STARTING_MS 5
#define LOOK_ELASTIC_MS 20
#define LOOK_BUSY_MS 200
#define LOOK_IDLE_MS 1000

/* ---- Posts -------------------------------------------------------------------------------------- */

static size_t
pool_index(const struct supervisor *supervisor, const struct pool *pool)
{
	return (size_t)(pool - supervisor->config->pools);
}

/* Of a pool's posts, the first ones are to be filled. */
static bool
is_wanted(const struct supervisor *supervisor, const struct post *post)
{
	unsigned before = 0;
	size_t index = pool_index(supervisor, post->pool);
	for (size_t i = 0; i < index; i++)
		before += supervisor->config->pools[i].count_max;
	return (size_t)(post - supervisor->roster.posts) - before < supervisor->wanted[index];
}

/* The next post to look at, NULL behind the last one. */
static struct post *
next_wanted(const struct supervisor *supervisor, struct post *post)
{
	struct post *end = supervisor->roster.posts + supervisor->roster.post_count;
	for (post = post == NULL ? supervisor->roster.posts : post + 1; post < end; post++)
		if (is_wanted(supervisor, post))
			return post;
	return NULL;
}

/* ---- Starting ----------------------------------------------------------------------------------- */

static void
take_seat(struct supervisor *supervisor, struct post *post, struct seat *seat, pid_t pid)
{
	*seat = (struct seat){.slot = seat->slot,
	                      .index = seat->index,
	                      .pid = pid,
	                      .role = post->pool->role,
	                      .generation = supervisor->generation,
	                      .started_ns = clock_mono_ns()};
	post->seat = seat;
	log_event(supervisor->config->log, VT_INFO, SUPERVISOR_LOGGER, "Worker started", VT_INT("worker", seat->index),
	          VT_INT("pid", pid), VT_STR("role", slot_role_name(seat->role)),
	          VT_INT("generation", seat->generation));
}

static void
start_worker(struct supervisor *supervisor, struct post *post, struct seat *seat)
{
	const struct supervisor_config *config = supervisor->config;
	const struct worker_seat place = {.index = seat->index,
	                                  .role = post->pool->role,
	                                  .generation = supervisor->generation,
	                                  .slot = seat->slot,
	                                  .listeners = post->pool->listeners,
	                                  .listener_count = post->pool->listener_count,
	                                  .handoff = post->pool->handoff,
	                                  .supervisor = getpid()};
	pid_t pid = spawn_worker(&place, config->worker_main, config->context);
	if (pid > 0) {
		take_seat(supervisor, post, seat, pid);
		return;
	}
	log_event(config->log, VT_ERROR_LEVEL, SUPERVISOR_LOGGER, "A worker cannot be forked",
	          VT_INT("worker", seat->index), VT_STR("reason", strerror(errno)));
	post->restart_ns = deadline_in_ms(FORK_RETRY_MS);
}

void
workforce_start_due(struct supervisor *supervisor)
{
	int64_t now_ns = clock_mono_ns();
	unsigned held_back = 0;
	for (struct post *post = NULL; (post = next_wanted(supervisor, post)) != NULL;) {
		struct seat *seat = post->seat == NULL ? roster_empty_seat(&supervisor->roster) : NULL;
		if (post->seat == NULL && post->restart_ns > now_ns)
			held_back++;
		else if (seat != NULL)
			start_worker(supervisor, post, seat);
	}
	atomic_store(&supervisor->service->held_back, held_back);
}

/* ---- Ending ------------------------------------------------------------------------------------- */

/*
 * Did the kernel kill this worker for want of memory? Each kill that was counted is one worker's who died of SIGKILL,
 * in the order in which they are buried.
 */
static bool
was_oom_killed(struct supervisor *supervisor, const struct seat *seat, int wait_status)
{
	if (!WIFSIGNALED(wait_status) || WTERMSIG(wait_status) != SIGKILL || seat->told == TOLD_OVERDUE)
		return false;
	if (oom_kills_read(&memory_roots_real) <= supervisor->oom_kills)
		return false;
	supervisor->oom_kills++;
	return true;
}

static void
mourn(struct supervisor *supervisor, const struct seat *seat, struct death *death)
{
	struct scoreboard_service *service = supervisor->service;
	if (!death_in_order(seat->slot, death->wait_status))
		atomic_fetch_add(&service->deaths[death_cause(death)], 1);
	else if (seat->told == TOLD_NOTHING)
		atomic_fetch_add(&service->recycled, 1);
	obituary_write(supervisor->config->log, seat->slot, death);
}

static struct series_cells *
supervisors_cells(const struct supervisor *supervisor)
{
	return scoreboard_cells(supervisor->config->board, SCOREBOARD_SUPERVISOR);
}

/* The request whose response it had written, maybe, and not yet counted. */
static void
bury_count(struct supervisor *supervisor, const struct seat *seat)
{
	struct scoreboard *board = supervisor->config->board;
	struct pending_table *table = scoreboard_pending_table(board);
	const struct pending_room room = {.cells = scoreboard_cells(board, seat->index),
	                                  .to = supervisors_cells(supervisor),
	                                  .series = scoreboard_directory(board).capacity};
	if (table != NULL)
		pending_bury(table, scoreboard_pending(board, seat->index), &room, clock_mono_ns());
}

void
workforce_settle_counts(struct supervisor *supervisor)
{
	struct pending_table *table = scoreboard_pending_table(supervisor->config->board);
	if (table != NULL)
		pending_settle(table, supervisors_cells(supervisor), clock_mono_ns());
}

void
workforce_bury(struct supervisor *supervisor, struct seat *seat, int wait_status)
{
	struct post *post = roster_post_of(&supervisor->roster, seat);
	bool in_order = death_in_order(seat->slot, wait_status);
	struct death death = {.worker = seat->index,
	                      .pid = seat->pid,
	                      .generation = seat->generation,
	                      .wait_status = wait_status,
	                      .overdue = seat->told == TOLD_OVERDUE,
	                      .oom_killed = was_oom_killed(supervisor, seat, wait_status),
	                      .lived_ms = (clock_mono_ns() - seat->started_ns) / NS_PER_MS};
	if (post != NULL && !in_order)
		death.restart_delay_ms = policy_after_death(&post->history, death.lived_ms);
	if (!in_order || supervisor->stage < STAGE_STOPPING)
		mourn(supervisor, seat, &death);
	if (post != NULL) {
		post->seat = NULL;
		post->restart_ns = deadline_in_ms(death.restart_delay_ms);
	}
	scoreboard_abandon_rings(supervisor->config->board, seat->index);
	bury_count(supervisor, seat);
	slot_release(seat->slot);
	seat->pid = 0;
}

void
workforce_signal(const struct supervisor *supervisor, int signal_number)
{
	for (unsigned i = 0; i < supervisor->roster.seat_count; i++)
		if (supervisor->roster.seats[i].pid > 0)
			kill(supervisor->roster.seats[i].pid, signal_number);
}

static void
retire(struct supervisor *supervisor, struct seat *seat)
{
	kill(seat->pid, WORKER_RETIRE);
	seat->told = TOLD_RETIRE;
	seat->kill_ns = deadline_in_ms(supervisor->config->overdue_ms);
}

static void
kill_overdue(struct supervisor *supervisor, struct seat *seat, const char *what)
{
	log_event(supervisor->config->log, VT_ERROR_LEVEL, SUPERVISOR_LOGGER, "Worker is killed",
	          VT_INT("worker", seat->index), VT_INT("pid", seat->pid), VT_STR("reason", what));
	kill(seat->pid, SIGKILL);
	seat->told = TOLD_OVERDUE;
}

void
workforce_enforce(struct supervisor *supervisor)
{
	int64_t now_ns = clock_mono_ns();
	for (unsigned i = 0; i < supervisor->roster.seat_count; i++) {
		struct seat *seat = &supervisor->roster.seats[i];
		if (seat->pid == 0 || seat->told == TOLD_OVERDUE)
			continue;
		if (slot_busy_ns(seat->slot, now_ns) > supervisor->config->overdue_ms * NS_PER_MS)
			kill_overdue(supervisor, seat,
			             "its request did not end within REQUEST_TIMEOUT and REQUEST_GRACE");
		else if (seat->told == TOLD_RETIRE && now_ns >= seat->kill_ns)
			kill_overdue(supervisor, seat, "it did not retire within REQUEST_TIMEOUT and REQUEST_GRACE");
	}
}

/* ---- Generations -------------------------------------------------------------------------------- */

/* Each post once, not all at one moment: with MAX_REQUESTS somebody is always being renewed. */
static bool
everyone_has_served(const struct supervisor *supervisor)
{
	bool all = true;
	for (struct post *post = NULL; (post = next_wanted(supervisor, post)) != NULL;) {
		post->served |= post->seat != NULL && seat_serves(post->seat);
		all &= post->served;
	}
	return all;
}

static void
announce(const struct supervisor *supervisor)
{
	static const char *const messages[] = {[RENEWAL_NONE] = "Service started",
	                                       [RENEWAL_RELOAD] = "Service reloaded",
	                                       [RENEWAL_UPGRADE] = "Service upgraded"};
	const struct supervisor_config *config = supervisor->config;
	unsigned workers = 0;
	for (size_t i = 0; i < config->pool_count; i++)
		workers += supervisor->wanted[i];
	log_event(config->log, VT_INFO, SUPERVISOR_LOGGER, messages[config->renewal], VT_INT("workers", workers),
	          VT_INT("pid", getpid()), VT_INT("generation", supervisor->generation),
	          VT_DOUBLE("seconds", (double)(clock_mono_ns() - supervisor->begun_ns) / NS_PER_S));
}

static void
complete(struct supervisor *supervisor)
{
	supervisor->complete = true;
	atomic_store(&supervisor->service->started, 1);
	if (supervisor->config->renewal != RENEWAL_NONE)
		scoreboard_count_reload(supervisor->config->board);
	announce(supervisor);
	service_manager_ready(supervisor->config->manager, "Serving");
	supervisor->config->started(supervisor->config->context);
}

void
workforce_renew(struct supervisor *supervisor)
{
	if (!supervisor->complete && everyone_has_served(supervisor))
		complete(supervisor);
	for (unsigned i = 0; supervisor->complete && i < supervisor->roster.seat_count; i++) {
		struct seat *seat = &supervisor->roster.seats[i];
		if (seat->pid > 0 && seat->told == TOLD_NOTHING && roster_post_of(&supervisor->roster, seat) == NULL)
			retire(supervisor, seat);
	}
}

/* ---- The size of a pool ------------------------------------------------------------------------- */

static struct pool_demand
demand_of(const struct supervisor *supervisor, const struct pool *pool, int64_t now_ns)
{
	struct pool_demand demand = {.least = pool->count,
	                             .most = pool->count_max,
	                             .wanted = supervisor->wanted[pool_index(supervisor, pool)],
	                             .idle_timeout_ms = supervisor->config->idle_worker_ms};
	int64_t shortest_ns = INT64_MAX;
	for (struct post *post = NULL; (post = next_wanted(supervisor, post)) != NULL;) {
		if (post->pool != pool || post->seat == NULL || !seat_serves(post->seat))
			continue;
		int64_t busy_ns = slot_busy_ns(post->seat->slot, now_ns);
		demand.serving++;
		demand.busy += busy_ns > 0;
		shortest_ns = busy_ns < shortest_ns ? busy_ns : shortest_ns;
	}
	demand.all_busy_ms = demand.serving > 0 ? shortest_ns / NS_PER_MS : 0;
	return demand;
}

/* The posts beyond the new number are given up; who holds one retires. */
static void
give_up_posts(struct supervisor *supervisor, const struct pool *pool)
{
	for (unsigned i = 0; i < supervisor->roster.post_count; i++) {
		struct post *post = &supervisor->roster.posts[i];
		if (post->pool == pool && !is_wanted(supervisor, post))
			post->seat = NULL;
	}
}

static void
resize(struct supervisor *supervisor, size_t index, int64_t now_ns)
{
	const struct pool *pool = &supervisor->config->pools[index];
	struct pool_demand demand = demand_of(supervisor, pool, now_ns);
	unsigned wanted = policy_pool_size(&supervisor->sizes[index], &demand, now_ns / NS_PER_MS);
	if (wanted == supervisor->wanted[index])
		return;
	log_event(supervisor->config->log, VT_INFO, SUPERVISOR_LOGGER,
	          wanted > demand.wanted ? "Pool grows" : "Pool shrinks", VT_INT("workers", wanted),
	          VT_INT("before", demand.wanted));
	supervisor->wanted[index] = wanted;
	atomic_store(&supervisor->service->workers_wanted, supervisor->wanted[0]);
	give_up_posts(supervisor, pool);
}

static bool
is_elastic(const struct pool *pool)
{
	return pool->count < pool->count_max;
}

void
workforce_resize(struct supervisor *supervisor)
{
	int64_t now_ns = clock_mono_ns();
	for (size_t i = 0; supervisor->complete && i < supervisor->config->pool_count; i++)
		if (is_elastic(&supervisor->config->pools[i]))
			resize(supervisor, i, now_ns);
}

/* ---- When to look again ------------------------------------------------------------------------- */

int64_t
workforce_due_ns(const struct supervisor *supervisor)
{
	int64_t due_ns = DEADLINE_NEVER;
	bool seats = roster_empty_seat(&supervisor->roster) != NULL;
	for (struct post *post = NULL; (post = next_wanted(supervisor, post)) != NULL;)
		if (post->seat == NULL && seats)
			due_ns = deadline_min(due_ns, post->restart_ns);
	return due_ns;
}

int
workforce_look_ms(const struct supervisor *supervisor)
{
	bool busy = false, elastic = false;
	if (!supervisor->complete)
		return LOOK_STARTING_MS;
	for (unsigned i = 0; i < supervisor->roster.seat_count; i++) {
		const struct seat *seat = &supervisor->roster.seats[i];
		busy |= seat->pid > 0 && atomic_load_explicit(&seat->slot->state, memory_order_relaxed) != SLOT_IDLE;
	}
	for (size_t i = 0; i < supervisor->config->pool_count; i++)
		elastic |= is_elastic(&supervisor->config->pools[i]);
	if (elastic)
		return LOOK_ELASTIC_MS * (busy ? 1 : 5);
	return busy ? LOOK_BUSY_MS : LOOK_IDLE_MS;
}
