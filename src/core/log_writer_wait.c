/*
 * log_writer_wait.c - how the log writer sleeps: on a futex that whoever puts a record wakes, or until a sink has room.
 *
 * Called between two passes. Every wait has an end.
 */
#include <linux/futex.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "futex_wait.h"
#include "log.h"
#include "log_sink.h"
#include "log_writer_parts.h"
#include "scoreboard.h"

#define IDLE_MS 1000
#define RETRY_MS 50

static bool
anything_to_read(const struct log_writer *writer)
{
	for (size_t kind = 0; kind < RING_KINDS; kind++) {
		const struct log_merge *merge = &writer->channels[kind].merge;
		/* Of a batch that its sink does not take there is nothing more to read. */
		for (size_t i = 0; i < merge->count && log_batch_done(&writer->channels[kind].batch); i++)
			if (ring_readable_end(&merge->sources[i].ring) !=
			    atomic_load_explicit(&merge->sources[i].ring.shared->tail, memory_order_relaxed))
				return true;
	}
	return false;
}

static void
sleep_on(_Atomic uint32_t *wake, uint32_t state, int64_t ms)
{
	const struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS};
	syscall(SYS_futex, wake, FUTEX_WAIT, state, &timeout, NULL, 0);
	atomic_store(wake, WAKE_AWAKE);
}

/* False where it was nudged since it was awake: there is something to be looked at. */
static bool
fall_asleep(_Atomic uint32_t *wake, uint32_t state)
{
	uint32_t awake = WAKE_AWAKE;
	if (atomic_compare_exchange_strong(wake, &awake, state))
		return true;
	atomic_store(wake, WAKE_AWAKE);
	return false;
}

static void
gather(const struct log_writer *writer, int64_t ms)
{
	if (fall_asleep(writer->wake, WAKE_GATHERING))
		sleep_on(writer->wake, WAKE_GATHERING, ms);
}

static void
wait_for_records(struct log_writer *writer, int64_t ms)
{
	if (writer->undecided != NULL) {
		int until = deadline_poll_ms(log_undecided_due_ns(writer->undecided));
		ms = until >= 0 && until < ms ? until : ms;
	}
	if (!fall_asleep(writer->wake, WAKE_ASLEEP))
		return;
	/* First asleep, then the last look: who puts does it the other way round (ring_wake()). */
	atomic_thread_fence(memory_order_seq_cst);
	if (anything_to_read(writer))
		atomic_store(writer->wake, WAKE_AWAKE);
	else
		sleep_on(writer->wake, WAKE_ASLEEP, ms);
}

/*
 * For room in a pipe; a file whose disk is full says nothing, and is tried again. What says that it is ready and then
 * takes nothing (a pipe without a reader, /dev/full) is believed once.
 */
void
log_writer_wait_for_sinks(struct log_writer *writer)
{
	struct pollfd waits[RING_KINDS];
	nfds_t count = 0;
	size_t done_bytes = 0;
	for (size_t kind = 0; kind < RING_KINDS; kind++) {
		const struct channel *channel = &writer->channels[kind];
		done_bytes += channel->batch.done_bytes;
		int fd = log_batch_done(&channel->batch) ? -1 : log_sink_wait_fd(channel->sink);
		if (fd >= 0)
			waits[count++] = (struct pollfd){.fd = fd, .events = POLLOUT};
	}
	bool futile = writer->futile_bytes == done_bytes;
	writer->futile_bytes = LOG_WRITER_NOT_FUTILE;
	if (futile || count == 0)
		poll(NULL, 0, RETRY_MS);
	else if (poll(waits, count, RETRY_MS) > 0)
		writer->futile_bytes = done_bytes;
}

void
log_writer_wait(struct log_writer *writer, enum log_progress progress)
{
	/* A sink for spans that takes nothing holds up no log record. */
	int64_t most_ms = progress == LOG_BLOCKED ? RETRY_MS : IDLE_MS;
	if (writer->progress == LOG_BLOCKED)
		log_writer_wait_for_sinks(writer);
	else if (writer->progress == LOG_NOTHING && progress != LOG_WROTE)
		wait_for_records(writer, most_ms);
	else if (writer->config.gather_ms > 0)
		gather(writer, writer->config.gather_ms);
}

void
log_writer_nudge(const struct scoreboard *board, enum log_writer_scope scope, unsigned slot)
{
	const struct ring ring = scoreboard_ring(board, log_writer_first_place(scope, slot), RING_LOG);
	/* Where it is awake it is about to sleep, perhaps, and has looked at its orders already. */
	atomic_store(&ring.shared->wake, WAKE_NUDGED);
	futex_wake_all(&ring.shared->wake);
}
