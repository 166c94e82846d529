/* log_batch.c - see log_batch.h. */
#include "log_batch.h"

#include <stdlib.h>

#include "insist.h"

/* Records are seldom shorter. */
#define SHORT_LINE_BYTES 64

int
log_batch_init(struct log_batch *batch, size_t capacity_bytes)
{
	*batch = (struct log_batch){.capacity_bytes = capacity_bytes, .capacity = capacity_bytes / SHORT_LINE_BYTES};
	batch->bytes = malloc(capacity_bytes);
	batch->lines = calloc(batch->capacity, sizeof *batch->lines);
	if (batch->bytes != NULL && batch->lines != NULL)
		return 0;
	log_batch_fini(batch);
	return -1;
}

void
log_batch_fini(struct log_batch *batch)
{
	free(batch->bytes);
	free(batch->lines);
	*batch = (struct log_batch){0};
}

void
log_batch_reset(struct log_batch *batch)
{
	batch->size_bytes = batch->count = batch->done_bytes = batch->extra_bytes = batch->refused = 0;
}

char *
log_batch_add(struct log_batch *batch, size_t size_bytes, uint8_t level)
{
	if (batch->count == batch->capacity || size_bytes > batch->capacity_bytes - batch->size_bytes)
		return NULL;
	batch->lines[batch->count++] =
		(struct batch_line){.start = batch->size_bytes, .size_bytes = size_bytes, .level = level};
	batch->size_bytes += size_bytes;
	return batch->bytes + batch->size_bytes - size_bytes;
}

void
log_batch_took(struct log_batch *batch, size_t size_bytes)
{
	batch->done_bytes += size_bytes;
	if (batch->left != NULL)
		atomic_store_explicit(batch->left, batch->size_bytes - batch->done_bytes, memory_order_release);
}

void
log_batch_remove_last(struct log_batch *batch)
{
	INSIST(batch->count > 0);
	batch->size_bytes -= batch->lines[--batch->count].size_bytes;
}

bool
log_batch_done(const struct log_batch *batch)
{
	return batch->done_bytes == batch->size_bytes;
}

size_t
log_batch_line(const struct log_batch *batch)
{
	size_t low = 0, high = batch->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct batch_line *line = &batch->lines[middle];
		if (line->start + line->size_bytes <= batch->done_bytes)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
