/* log_intent.c - see log_intent.h. The order of the stores is what a successor relies on. */
#include "log_intent.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log_batch.h"
#include "log_sink.h"

/* Other programs may append to the file too: so far behind its place the batch is looked for. */
#define OTHERS_MAX_BYTES 65536

void
log_intent_begin(struct ring_intent *intent, const struct log_sink *sink, const struct log_batch *batch)
{
	struct stat st = {0};
	if (sink != NULL && fstat(sink->fd, &st) == 0 && S_ISREG(st.st_mode)) {
		atomic_store_explicit(&intent->device, st.st_dev, memory_order_relaxed);
		atomic_store_explicit(&intent->inode, st.st_ino, memory_order_relaxed);
		atomic_store_explicit(&intent->offset, (uint64_t)st.st_size, memory_order_relaxed);
	} else {
		atomic_store_explicit(&intent->inode, 0, memory_order_relaxed);
	}
	atomic_store_explicit(&intent->left, batch->size_bytes - batch->done_bytes, memory_order_relaxed);
	atomic_store_explicit(&intent->state, INTENT_WRITING, memory_order_release);
}

void
log_intent_written(struct ring_intent *intent)
{
	atomic_store_explicit(&intent->state, INTENT_WRITTEN, memory_order_release);
}

void
log_intent_clear(struct ring_intent *intent)
{
	atomic_store_explicit(&intent->state, INTENT_NONE, memory_order_release);
}

enum intent_state
log_intent_state(const struct ring_intent *intent)
{
	uint32_t state = atomic_load_explicit(&intent->state, memory_order_acquire);
	return state <= INTENT_WRITTEN ? (enum intent_state)state : INTENT_NONE;
}

static bool
is_same_file(const struct ring_intent *intent, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_ino == atomic_load_explicit(&intent->inode, memory_order_relaxed) &&
	       st->st_dev == atomic_load_explicit(&intent->device, memory_order_relaxed);
}

/* The file from offset on, at most size bytes; the sink itself is open for writing only. */
static size_t
read_back(const struct log_sink *sink, uint64_t offset, char *text, size_t size)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", sink->fd);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	size_t got = 0;
	for (ssize_t n; got < size && (n = pread(fd, text + got, size - got, (off_t)(offset + got))) > 0;)
		got += (size_t)n;
	close(fd);
	return got;
}

/*
 * The batch may begin with lines that no ring remembers, before those that are looked for here, and another program's
 * lines may stand between: the first line's start where all that follows it, up to the end of either, is the same.
 */
static size_t
match(const char *text, size_t size, const struct log_batch *batch)
{
	for (const char *p = text; p < text + size; p++) {
		size_t rest = (size_t)(text + size - p);
		size_t common = rest < batch->size_bytes ? rest : batch->size_bytes;
		if ((p == text || p[-1] == '\n') && memcmp(p, batch->bytes, common) == 0)
			return common;
		p = memchr(p, '\n', rest);
		if (p == NULL)
			break;
	}
	return 0;
}

/* The batch was longer where it began with lines that no ring remembers: what is left is its end in any case. */
static size_t
done_so_far(const struct ring_intent *intent, const struct log_batch *batch)
{
	uint64_t left = atomic_load_explicit(&intent->left, memory_order_acquire);
	return left < batch->size_bytes ? batch->size_bytes - (size_t)left : 0;
}

size_t
log_intent_found(const struct ring_intent *intent, const struct log_sink *sink, const struct log_batch *batch)
{
	struct stat st;
	if (atomic_load_explicit(&intent->inode, memory_order_relaxed) == 0)
		return done_so_far(intent, batch);
	if (fstat(sink->fd, &st) != 0 || !is_same_file(intent, &st))
		return 0;
	size_t size = batch->size_bytes + OTHERS_MAX_BYTES;
	char *text = malloc(size);
	if (text == NULL)
		return 0;
	size_t got = read_back(sink, atomic_load_explicit(&intent->offset, memory_order_relaxed), text, size);
	size_t found = match(text, got, batch);
	free(text);
	return found;
}
