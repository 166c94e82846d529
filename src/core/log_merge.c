/* log_merge.c - see log_merge.h. A ring in which something else than records stands is read no further: to its end. */
#include "log_merge.h"

#include <stdlib.h>

int
log_merge_init(struct log_merge *merge, size_t count)
{
	*merge = (struct log_merge){.sources = calloc(count, sizeof *merge->sources), .count = count};
	return merge->sources != NULL ? 0 : -1;
}

void
log_merge_fini(struct log_merge *merge)
{
	free(merge->sources);
	*merge = (struct log_merge){0};
}

void
merge_source_skip(struct merge_source *source)
{
	source->at = source->end;
	source->pending = false;
	source->damaged = true;
}

static void
look(struct merge_source *source)
{
	source->pending = source->at != source->end;
	if (source->pending && !ring_frame(&source->ring, source->at, source->end, &source->frame))
		merge_source_skip(source);
}

void
log_merge_begin(struct log_merge *merge, enum merge_range range)
{
	for (size_t i = 0; i < merge->count; i++) {
		struct merge_source *source = &merge->sources[i];
		const struct log_ring *shared = source->ring.shared;
		source->at = atomic_load_explicit(&shared->tail, memory_order_relaxed);
		source->end = range == MERGE_TAKEN ? atomic_load_explicit(&shared->taken, memory_order_relaxed)
		                                   : ring_readable_end(&source->ring);
		look(source);
	}
}

struct merge_source *
log_merge_next(struct log_merge *merge)
{
	struct merge_source *oldest = NULL;
	for (size_t i = 0; i < merge->count; i++) {
		struct merge_source *source = &merge->sources[i];
		if (source->pending && (oldest == NULL || source->frame.mono_ns < oldest->frame.mono_ns))
			oldest = source;
	}
	return oldest;
}

void
merge_source_advance(struct merge_source *source)
{
	source->at += ring_bytes_of(source->frame.size_bytes);
	look(source);
}

void
log_merge_take(struct log_merge *merge)
{
	for (size_t i = 0; i < merge->count; i++)
		atomic_store_explicit(&merge->sources[i].ring.shared->taken, merge->sources[i].at,
		                      memory_order_relaxed);
}

void
log_merge_commit(struct log_merge *merge)
{
	for (size_t i = 0; i < merge->count; i++)
		ring_give_back(&merge->sources[i].ring, merge->sources[i].at);
}

void
log_merge_untake(struct log_merge *merge)
{
	for (size_t i = 0; i < merge->count; i++) {
		struct log_ring *shared = merge->sources[i].ring.shared;
		atomic_store_explicit(&shared->taken, atomic_load_explicit(&shared->tail, memory_order_relaxed),
		                      memory_order_relaxed);
	}
}
