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

/* Other programs may append to the file too: so many bytes of theirs are looked through. */
#define OTHERS_MAX_BYTES 65536

void
log_intent_begin(struct ring_intent *intent, const struct log_sink *sink, const struct log_batch *batch)
{
	struct stat st = {0};
	size_t done = batch->done_bytes, extra = batch->extra_bytes;
	atomic_store_explicit(&intent->extra, done < extra ? extra - done : 0, memory_order_relaxed);
	atomic_store_explicit(&intent->done, done > extra ? done - extra : 0, memory_order_relaxed);
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

/* For reading: the sink itself is open for writing only. */
static int
open_again(const struct log_sink *sink)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", sink->fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* What has been appended to the file since the intent, as far as a batch and what others wrote can reach. */
struct growth {
	char *text;
	size_t size_bytes;
	bool whole; /* up to the file's end */
};

/* False where it cannot be told: no file, another one, no memory. */
static bool
read_growth(const struct ring_intent *intent, const struct log_sink *sink, size_t most, struct growth *growth)
{
	struct stat st;
	off_t offset = (off_t)atomic_load_explicit(&intent->offset, memory_order_relaxed);
	if (fstat(sink->fd, &st) != 0 || !is_same_file(intent, &st))
		return false;
	int fd = open_again(sink);
	*growth = (struct growth){.text = malloc(most)};
	if (fd >= 0 && growth->text != NULL)
		for (ssize_t n; growth->size_bytes < most &&
		                (n = pread(fd, growth->text + growth->size_bytes, most - growth->size_bytes,
		                           offset + (off_t)growth->size_bytes)) > 0;)
			growth->size_bytes += (size_t)n;
	growth->whole = growth->size_bytes < most;
	bool read = fd >= 0 && growth->text != NULL;
	if (fd >= 0)
		close(fd);
	if (!read)
		free(growth->text);
	return read;
}

/*
 * How many bytes of the records stand there. Lines that no ring remembers and another program's may stand before
 * them: it is the first line's start where all that follows, up to the end of either, is the same.
 */
static size_t
match(const struct growth *growth, const char *records, size_t size_bytes)
{
	const char *end = growth->text + growth->size_bytes;
	for (const char *p = growth->text; p < end; p++) {
		size_t rest = (size_t)(end - p), common = rest < size_bytes ? rest : size_bytes;
		if ((common == size_bytes || growth->whole) && memcmp(p, records, common) == 0)
			return common;
		p = memchr(p, '\n', rest);
		if (p == NULL)
			break;
	}
	return 0;
}

/* On a pipe or a socket it is known as far as the one that died came to say: the write it died over may be missing. */
static enum intent_extra
look_at_what_was_said(const struct ring_intent *intent, struct log_batch *batch)
{
	uint64_t left = atomic_load_explicit(&intent->left, memory_order_acquire);
	batch->done_bytes = left < batch->size_bytes ? batch->size_bytes - (size_t)left : 0;
	return left <= batch->size_bytes ? INTENT_EXTRA_WRITTEN : INTENT_EXTRA_MISSING;
}

/* A piece of a line that nobody can complete any more is taken back. */
static void
cut_torn_line(const struct ring_intent *intent, const struct log_sink *sink, const struct growth *growth)
{
	size_t whole_lines = growth->size_bytes;
	while (whole_lines > 0 && growth->text[whole_lines - 1] != '\n')
		whole_lines--;
	if (growth->whole && whole_lines < growth->size_bytes)
		(void)!ftruncate(sink->fd,
		                 (off_t)(atomic_load_explicit(&intent->offset, memory_order_relaxed) + whole_lines));
}

enum intent_extra
log_intent_look(const struct ring_intent *intent, const struct log_sink *sink, struct log_batch *batch)
{
	struct growth growth;
	size_t extra = (size_t)atomic_load_explicit(&intent->extra, memory_order_relaxed);
	size_t done = (size_t)atomic_load_explicit(&intent->done, memory_order_relaxed);
	if (atomic_load_explicit(&intent->inode, memory_order_relaxed) == 0)
		return look_at_what_was_said(intent, batch);
	batch->done_bytes = done < batch->size_bytes ? done : batch->size_bytes;
	if (!read_growth(intent, sink, batch->capacity_bytes + OTHERS_MAX_BYTES, &growth))
		return extra == 0 ? INTENT_EXTRA_WRITTEN : INTENT_EXTRA_MISSING;
	size_t left = batch->size_bytes - batch->done_bytes;
	size_t found = left > 0 ? match(&growth, batch->bytes + batch->done_bytes, left) : 0;
	batch->done_bytes += found;
	if (found == 0)
		cut_torn_line(intent, sink, &growth);
	bool written = growth.size_bytes >= extra + found;
	free(growth.text);
	return written ? INTENT_EXTRA_WRITTEN : INTENT_EXTRA_MISSING;
}
