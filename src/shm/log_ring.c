/*
 * log_ring.c - the memory ordering of the rings, in one place.
 *
 * Called by core/log.c, which puts, and by core/log_writer.c, which takes. The bytes of a record are plain memory;
 * head, stored with release behind them, makes them visible, and tail, stored with release by the reader, gives
 * their room back.
 */
#include "log_ring.h"

#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

bool
ring_put(const struct ring *ring, const struct frame *frame, const void *record)
{
	struct log_ring *shared = ring->shared;
	uint64_t head = atomic_load_explicit(&shared->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&shared->tail, memory_order_acquire);
	size_t needed = ring_bytes_of(frame->size_bytes);
	if (needed > ring->size_bytes - (head - tail))
		return false;
	copy_in(ring, head, frame, sizeof *frame);
	copy_in(ring, head + sizeof *frame, record, frame->size_bytes);
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
	if (ring_bytes_of(size_bytes) > ring->size_bytes - used)
		syscall(SYS_futex, &shared->waits, FUTEX_WAIT, 1, &timeout, NULL, 0);
	atomic_store(&shared->waits, 0);
}

void
ring_settle(const struct ring *ring)
{
	if (atomic_load_explicit(&ring->shared->held, memory_order_relaxed) != 0)
		atomic_store_explicit(&ring->shared->held, 0, memory_order_release);
}

void
ring_abandon(const struct ring *ring)
{
	uint64_t held = atomic_load_explicit(&ring->shared->held, memory_order_acquire);
	/* Held before head was moved: then there is no such record. */
	if (held != 0 && held - 1 < atomic_load_explicit(&ring->shared->head, memory_order_acquire))
		atomic_store_explicit(&ring->shared->undecided, held, memory_order_release);
	atomic_store_explicit(&ring->shared->held, 0, memory_order_release);
}

void
ring_wake(const struct ring *ring, _Atomic uint32_t *wake, bool urgent)
{
	/* The record first, then the look at who sleeps; the reader does it the other way round. */
	atomic_thread_fence(memory_order_seq_cst);
	uint32_t state = atomic_load_explicit(wake, memory_order_relaxed);
	if (state == WAKE_AWAKE)
		return;
	uint64_t used = atomic_load_explicit(&ring->shared->head, memory_order_relaxed) -
	                atomic_load_explicit(&ring->shared->tail, memory_order_relaxed);
	if (state == WAKE_GATHERING && !urgent && used < ring->size_bytes / 2)
		return;
	if (atomic_exchange(wake, WAKE_AWAKE) != WAKE_AWAKE)
		syscall(SYS_futex, wake, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

uint64_t
ring_readable_end(const struct ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->shared->head, memory_order_acquire);
	uint64_t held = atomic_load_explicit(&ring->shared->held, memory_order_acquire);
	return held != 0 && held - 1 < head ? held - 1 : head;
}

bool
ring_frame(const struct ring *ring, uint64_t at, uint64_t end, struct frame *frame)
{
	if (end - at < sizeof *frame || end - at > ring->size_bytes)
		return false;
	copy_out(ring, at, frame, sizeof *frame);
	return frame->size_bytes > 0 && ring_bytes_of(frame->size_bytes) <= end - at;
}

void
ring_record(const struct ring *ring, uint64_t at, const struct frame *frame, void *record)
{
	copy_out(ring, at + sizeof *frame, record, frame->size_bytes);
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

void
ring_set_aside(const struct ring *ring, uint64_t at)
{
	const uint8_t kind = FRAME_SET_ASIDE;
	copy_in(ring, at + offsetof(struct frame, kind), &kind, sizeof kind);
}
