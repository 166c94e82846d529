/*
 * error_table.c - finding, counting, adding and replacing entries beside others that do the same.
 *
 * A count carries a piece of its fingerprint, so that a process which found an entry and comes to count when it has
 * been given to another error fails its compare-and-swap, instead of counting there.
 */
#include "error_table.h"

#include <sched.h>
#include <string.h>

#include "owner.h"

#define TAG_SHIFT 48
#define COUNT_MASK ((UINT64_C(1) << TAG_SHIFT) - 1)
#define ADD_TRIES 50
#define COPY_TRIES 20

static uint64_t
tag_of(uint64_t fingerprint)
{
	return fingerprint << TAG_SHIFT;
}

/* ---- Counting ----------------------------------------------------------------------------------- */

static struct error_entry *
find(struct error_table *table, uint64_t fingerprint)
{
	for (unsigned i = 0; i < ERRORS_MAX; i++)
		if (atomic_load_explicit(&table->fingerprints[i], memory_order_acquire) == fingerprint)
			return &table->entries[i];
	return NULL;
}

/* False where the entry is another error's by now. */
static bool
count_one(struct error_entry *entry, uint64_t fingerprint)
{
	uint64_t count = atomic_load_explicit(&entry->count, memory_order_relaxed);
	do {
		if ((count & ~COUNT_MASK) != tag_of(fingerprint))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&entry->count, &count, count + 1, memory_order_relaxed,
	                                                memory_order_relaxed));
	return true;
}

static void
raise_to(_Atomic int64_t *word, int64_t value)
{
	int64_t before = atomic_load_explicit(word, memory_order_relaxed);
	while (before < value && !atomic_compare_exchange_weak(word, &before, value))
		;
}

static const char *
id_of(const struct error_note *note)
{
	return note->correlation_id != NULL ? note->correlation_id : "";
}

/* Where another is writing its ID just now, that one is as good as ours. */
static void
write_id(struct error_entry *entry, const struct error_note *note)
{
	if (!owner_claim(&entry->id_writer, note->self))
		return;
	size_t size = strnlen(id_of(note), ERROR_ID_BYTES - 1);
	seqlock_write_begin(&entry->id_lock);
	memcpy(entry->correlation_id, id_of(note), size);
	entry->correlation_id[size] = '\0';
	seqlock_write_end(&entry->id_lock);
	owner_release(&entry->id_writer, note->self);
}

static bool
count_known(struct error_table *table, const struct error_note *note)
{
	struct error_entry *entry = find(table, note->fingerprint);
	if (entry == NULL || !count_one(entry, note->fingerprint))
		return false;
	raise_to(&entry->last_ns, note->real_ns);
	if (id_of(note)[0] != '\0')
		write_id(entry, note);
	return true;
}

/* ---- Adding ------------------------------------------------------------------------------------- */

/* A free one, else the one that was not seen for the longest. */
static unsigned
choose(const struct error_table *table)
{
	unsigned chosen = 0;
	for (unsigned i = 0; i < ERRORS_MAX; i++) {
		if (atomic_load_explicit(&table->fingerprints[i], memory_order_relaxed) == 0)
			return i;
		if (atomic_load_explicit(&table->entries[i].last_ns, memory_order_relaxed) <
		    atomic_load_explicit(&table->entries[chosen].last_ns, memory_order_relaxed))
			chosen = i;
	}
	return chosen;
}

/* Whoever dies in here leaves a free entry. */
static void
fill(struct error_table *table, unsigned index, const struct error_note *note)
{
	struct error_entry *entry = &table->entries[index];
	if (atomic_exchange(&table->fingerprints[index], 0) != 0)
		atomic_fetch_add_explicit(&table->replaced, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&entry->count, tag_of(note->fingerprint) | 1, memory_order_relaxed);
	atomic_store_explicit(&entry->first_ns, note->real_ns, memory_order_relaxed);
	atomic_store_explicit(&entry->last_ns, note->real_ns, memory_order_relaxed);
	entry->kind = *note->kind;
	write_id(entry, note);
	atomic_store_explicit(&table->fingerprints[index], note->fingerprint, memory_order_release);
}

/* In one's turn. Another may have added the same while this process waited for it. */
static void
add(struct error_table *table, const struct error_note *note)
{
	if (!count_known(table, note))
		fill(table, choose(table), note);
}

void
error_table_note(struct error_table *table, const struct error_note *note)
{
	atomic_fetch_add_explicit(&table->total, 1, memory_order_relaxed);
	for (int i = 0; i < ADD_TRIES; i++) {
		if (count_known(table, note))
			return;
		if (owner_claim(&table->adder, note->self)) {
			add(table, note);
			owner_release(&table->adder, note->self);
			return;
		}
		sched_yield();
	}
	atomic_fetch_add_explicit(&table->unlisted, 1, memory_order_relaxed);
}

/* ---- Reading ------------------------------------------------------------------------------------ */

static void
close_texts(struct error_row *row)
{
	row->correlation_id[sizeof row->correlation_id - 1] = '\0';
	row->kind.level[sizeof row->kind.level - 1] = '\0';
	row->kind.route[sizeof row->kind.route - 1] = '\0';
	row->kind.message[sizeof row->kind.message - 1] = '\0';
	row->kind.code[sizeof row->kind.code - 1] = '\0';
	row->kind.place[sizeof row->kind.place - 1] = '\0';
}

/* False where it is free, or was given to another meanwhile. */
static bool
copy_entry(const struct error_table *table, unsigned index, struct error_row *row)
{
	const struct error_entry *entry = &table->entries[index];
	row->fingerprint = atomic_load_explicit(&table->fingerprints[index], memory_order_acquire);
	if (row->fingerprint == 0)
		return false;
	row->count = atomic_load_explicit(&entry->count, memory_order_relaxed) & COUNT_MASK;
	row->first_ns = atomic_load_explicit(&entry->first_ns, memory_order_relaxed);
	row->last_ns = atomic_load_explicit(&entry->last_ns, memory_order_relaxed);
	row->kind = entry->kind;
	if (!seqlock_read(&entry->id_lock, row->correlation_id, entry->correlation_id, sizeof row->correlation_id))
		row->correlation_id[0] = '\0';
	close_texts(row);
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&table->fingerprints[index], memory_order_relaxed) == row->fingerprint;
}

unsigned
error_table_copy(const struct error_table *table, struct error_row rows[static ERRORS_MAX])
{
	unsigned count = 0;
	for (unsigned i = 0; i < ERRORS_MAX; i++)
		for (int n = 0; n < COPY_TRIES; n++)
			if (copy_entry(table, i, &rows[count])) {
				count++;
				break;
			}
	return count;
}

struct error_totals
error_table_totals(const struct error_table *table)
{
	struct error_totals totals = {.total = atomic_load(&table->total),
	                              .replaced = atomic_load(&table->replaced),
	                              .unlisted = atomic_load(&table->unlisted)};
	for (unsigned i = 0; i < ERRORS_MAX; i++)
		totals.kinds += atomic_load_explicit(&table->fingerprints[i], memory_order_relaxed) != 0;
	return totals;
}
