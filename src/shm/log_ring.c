/*
 * log_ring.c - the memory ordering of the rings, in one place.
 *
 * Called by core/log.c, which puts, and by core/log_writer.c, which takes. The bytes of a record are plain memory;
 * head, stored with release behind them, makes them visible, and tail, stored with release by the reader, gives
 * their room back.
 */
#include "log_ring.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "checksum.h"
#include "futex_wait.h"

size_t
ring_bytes_of(size_t size_bytes)
{
	return sizeof(struct frame) + (size_bytes + RING_ALIGN - 1) / RING_ALIGN * RING_ALIGN;
}

static void
copy_in(const struct ring *ring, uint64_t at, const void *data, size_t size)
{
	size_t start = (size_t)(at % ring->size_bytes), first = ring->size_bytes - start;
	if (first > size)
		first = size;
	memcpy(ring->bytes + start, data, first);
	memcpy(ring->bytes, (const char *)data + first, size - first);
}

static void
copy_out(const struct ring *ring, uint64_t at, void *data, size_t size)
{
	size_t start = (size_t)(at % ring->size_bytes), first = ring->size_bytes - start;
	if (first > size)
		first = size;
	memcpy(data, ring->bytes + start, first);
	memcpy((char *)data + first, ring->bytes, size - first);
}

/* Every record pays for it twice. */
static uint16_t
checksum_of(const struct frame *frame, const void *record)
{
	struct checksum checksum = {.sum = frame->key + frame->size_bytes,
	                            .sums = (uint64_t)frame->mono_ns + frame->level};
	checksum_add(&checksum, record, frame->size_bytes);
	return (uint16_t)(checksum_value(&checksum) >> 32);
}

/* More than the ring holds where tail or head cannot be: until the reader has put that right, it is full. */
static bool
has_room(const struct ring *ring, uint64_t used, size_t needed)
{
	return used <= ring->size_bytes && needed <= ring->size_bytes - used;
}

bool
ring_put(const struct ring *ring, const struct frame *frame, const void *record)
{
	struct log_ring *shared = ring->shared;
	uint64_t head = atomic_load_explicit(&shared->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&shared->tail, memory_order_acquire);
	size_t needed = ring_bytes_of(frame->size_bytes);
	struct frame sealed = *frame;
	if (frame->size_bytes == 0 || !has_room(ring, head - tail, needed))
		return false;
	sealed.checksum = checksum_of(frame, record);
	copy_in(ring, head, &sealed, sizeof sealed);
	copy_in(ring, head + sizeof sealed, record, frame->size_bytes);
	/* Before head: who sees the record sees that it is held. */
	if (frame->kind == FRAME_END)
		atomic_store_explicit(&shared->held, head + 1, memory_order_relaxed);
	atomic_store_explicit(&shared->head, head + needed, memory_order_release);
	return true;
}

void
ring_drop(const struct ring *ring)
{
	atomic_fetch_add_explicit(&ring->shared->dropped, 1, memory_order_relaxed);
}

void
ring_wait(const struct ring *ring, size_t size_bytes, _Atomic uint32_t *wake, int timeout_ms)
{
	struct log_ring *shared = ring->shared;
	const struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
	atomic_store(&shared->waits, 1);
	ring_wake(ring, wake, true);
	uint64_t used = atomic_load(&shared->head) - atomic_load(&shared->tail);
	if (!has_room(ring, used, ring_bytes_of(size_bytes)))
		syscall(SYS_futex, &shared->waits, FUTEX_WAIT, 1, &timeout, NULL, 0);
	atomic_store(&shared->waits, 0);
}

bool
ring_settle(const struct ring *ring)
{
	if (atomic_load_explicit(&ring->shared->held, memory_order_relaxed) == 0)
		return false;
	atomic_store_explicit(&ring->shared->held, 0, memory_order_release);
	return true;
}

void
ring_mark(const struct ring *ring, uint64_t at, enum frame_kind kind)
{
	const uint8_t byte = (uint8_t)kind;
	copy_in(ring, at + offsetof(struct frame, kind), &byte, sizeof byte);
}

/* No reader looks at a record that is held, so the mark is there before anybody may see it. */
void
ring_abandon(const struct ring *ring)
{
	uint64_t held = atomic_load_explicit(&ring->shared->held, memory_order_acquire);
	/* Held before head was moved: then there is no such record. */
	if (held != 0 && ring->size_bytes > 0 &&
	    held - 1 < atomic_load_explicit(&ring->shared->head, memory_order_acquire))
		ring_mark(ring, held - 1, FRAME_UNDECIDED);
	atomic_store_explicit(&ring->shared->held, 0, memory_order_release);
}

void
ring_wake(const struct ring *ring, _Atomic uint32_t *wake, bool urgent)
{
	/* The record first, then the look at who sleeps; the reader does it the other way round. */
	atomic_thread_fence(memory_order_seq_cst);
	uint32_t state = atomic_load_explicit(wake, memory_order_relaxed);
	if (state != WAKE_GATHERING && state != WAKE_ASLEEP)
		return;
	uint64_t used = atomic_load_explicit(&ring->shared->head, memory_order_relaxed) -
	                atomic_load_explicit(&ring->shared->tail, memory_order_relaxed);
	if (state == WAKE_GATHERING && !urgent && used < ring->size_bytes / 2)
		return;
	/* Not where it was nudged meanwhile: that must stay. */
	if (atomic_compare_exchange_strong(wake, &state, WAKE_AWAKE))
		futex_wake_all(wake);
}

uint64_t
ring_readable_end(const struct ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->shared->head, memory_order_acquire);
	uint64_t held = atomic_load_explicit(&ring->shared->held, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&ring->shared->tail, memory_order_relaxed);
	/* As distances from tail: a place that lies before it is one that cannot be. */
	return held != 0 && held - 1 - tail < head - tail ? held - 1 : head;
}

bool
ring_frame(const struct ring *ring, uint64_t at, uint64_t end, struct frame *frame)
{
	if (end - at < sizeof *frame || end - at > ring->size_bytes)
		return false;
	copy_out(ring, at, frame, sizeof *frame);
	return frame->size_bytes > 0 && ring_bytes_of(frame->size_bytes) <= end - at;
}

bool
ring_record(const struct ring *ring, uint64_t at, const struct frame *frame, void *record)
{
	copy_out(ring, at + sizeof *frame, record, frame->size_bytes);
	return checksum_of(frame, record) == frame->checksum;
}

void
ring_give_back(const struct ring *ring, uint64_t to)
{
	struct log_ring *shared = ring->shared;
	if (to == atomic_load_explicit(&shared->tail, memory_order_relaxed))
		return;
	atomic_store(&shared->tail, to);
	if (atomic_load(&shared->waits) != 0 && atomic_exchange(&shared->waits, 0) != 0)
		syscall(SYS_futex, &shared->waits, FUTEX_WAKE, 1, NULL, NULL, 0);
}
