/* pending_count.c - see pending_count.h. Called by app/request_metrics.c and by proc/workforce.c. */
#include "pending_count.h"

#include <string.h>

#include "clock.h"
#include "insist.h"
#include "metric_store.h"

/* ---- By the worker ------------------------------------------------------------------------------ */

static void
give_up(struct pending_table *table, uint64_t key)
{
	for (size_t i = 0; i < PENDING_KEPT; i++) {
		uint64_t expected = key;
		if (atomic_load_explicit(&table->kept[i].key, memory_order_relaxed) == key &&
		    atomic_compare_exchange_strong(&table->kept[i].key, &expected, 0))
			atomic_fetch_sub(&table->waiting, 1);
	}
}

void
pending_begin(struct pending_table *table, uint64_t key, int64_t now_ns)
{
	struct pending_begun *begun = &table->begun[key % PENDING_BEGUN];
	/* Never the time of one with the key of another. */
	atomic_store_explicit(&begun->key, 0, memory_order_relaxed);
	atomic_store_explicit(&begun->mono_ns, now_ns, memory_order_release);
	atomic_store_explicit(&begun->key, key, memory_order_release);
	if (atomic_load_explicit(&table->waiting, memory_order_relaxed) > 0)
		give_up(table, key);
}

uint64_t
pending_counted(const struct series_cells *cells)
{
	uint64_t count = 0;
	for (size_t i = 0; i < SERIES_BUCKETS; i++)
		count += atomic_load_explicit(&cells->buckets[i], memory_order_relaxed);
	return count;
}

void
pending_arm(struct pending_count *pending, uint64_t key, const struct pending_add *adds, size_t count, int64_t now_ns)
{
	INSIST(count <= PENDING_ADDS);
	memcpy(pending->adds, adds, count * sizeof *adds);
	pending->count = (uint32_t)count;
	pending->mono_ns = now_ns;
	atomic_store_explicit(&pending->key, key, memory_order_release);
}

void
pending_clear(struct pending_count *pending)
{
	atomic_store_explicit(&pending->key, 0, memory_order_release);
}

/* ---- By the supervisor -------------------------------------------------------------------------- */

static bool
begun_again(const struct pending_table *table, uint64_t key, int64_t since_ns)
{
	const struct pending_begun *begun = &table->begun[key % PENDING_BEGUN];
	if (atomic_load_explicit(&begun->key, memory_order_acquire) != key)
		return false;
	int64_t mono_ns = atomic_load_explicit(&begun->mono_ns, memory_order_acquire);
	return mono_ns > since_ns && atomic_load_explicit(&begun->key, memory_order_relaxed) == key;
}

static void
add(const struct pending_add *adds, uint32_t count, struct series_cells *to)
{
	for (uint32_t i = 0; i < count; i++) {
		cell_add(&to[adds[i].index].buckets[adds[i].bucket], 1);
		cell_add(&to[adds[i].index].sum, adds[i].value);
	}
}

/* Takes out what had been added before the worker died. Returns how many are left; none of what cannot be. */
static uint32_t
not_yet_added(const struct pending_count *pending, const struct pending_room *room, struct pending_add *left)
{
	uint32_t count = 0, most = pending->count <= PENDING_ADDS ? pending->count : 0;
	for (uint32_t i = 0; i < most; i++) {
		const struct pending_add *one = &pending->adds[i];
		if (one->index < room->series && one->bucket < SERIES_BUCKETS &&
		    pending_counted(&room->cells[one->index]) == one->counted)
			left[count++] = *one;
	}
	return count;
}

static bool
keep(struct pending_table *table, const struct pending_kept *made, uint64_t key)
{
	for (size_t i = 0; i < PENDING_KEPT; i++) {
		struct pending_kept *kept = &table->kept[i];
		if (atomic_load_explicit(&kept->key, memory_order_relaxed) != 0)
			continue;
		kept->mono_ns = made->mono_ns;
		kept->due_ns = made->due_ns;
		kept->count = made->count;
		memcpy(kept->adds, made->adds, sizeof kept->adds);
		atomic_fetch_add(&table->waiting, 1);
		atomic_store(&kept->key, key);
		return true;
	}
	return false;
}

void
pending_bury(struct pending_table *table, struct pending_count *pending, const struct pending_room *room,
             int64_t now_ns)
{
	struct pending_kept made = {.mono_ns = pending->mono_ns, .due_ns = now_ns + PENDING_WAIT_MS * NS_PER_MS};
	uint64_t key = atomic_load_explicit(&pending->key, memory_order_acquire);
	if (key == 0)
		return;
	pending_clear(pending);
	made.count = not_yet_added(pending, room, made.adds);
	if (made.count > 0 && !begun_again(table, key, made.mono_ns) && !keep(table, &made, key))
		add(made.adds, made.count, room->to);
}

/* Who has begun it again since it was looked at is seen the second time. */
static void
settle(struct pending_table *table, struct pending_kept *kept, uint64_t key, struct series_cells *to)
{
	struct pending_add adds[PENDING_ADDS];
	uint32_t count = kept->count;
	bool again = begun_again(table, key, kept->mono_ns);
	memcpy(adds, kept->adds, sizeof adds);
	if (!atomic_compare_exchange_strong(&kept->key, &key, 0))
		return;
	atomic_fetch_sub(&table->waiting, 1);
	if (!again)
		add(adds, count, to);
}

void
pending_settle(struct pending_table *table, struct series_cells *to, int64_t now_ns)
{
	for (size_t i = 0; i < PENDING_KEPT && atomic_load(&table->waiting) > 0; i++) {
		uint64_t key = atomic_load_explicit(&table->kept[i].key, memory_order_acquire);
		if (key != 0 && now_ns >= table->kept[i].due_ns)
			settle(table, &table->kept[i], key, to);
	}
}
