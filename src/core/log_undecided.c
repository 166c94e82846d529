/* log_undecided.c - see log_undecided.h. A table of the requests that began last, and a list of what is kept back. */
#include "log_undecided.h"

#include <stdlib.h>

#include "clock.h"
#include "log_ring.h"

/* Begun requests are remembered by key, the later one in its place: half a second's at tens of thousands a second. */
#define BEGUN_ENTRIES 16384
/* One for each worker that may be killed within LOG_UNDECIDED_MS. */
#define KEPT_MAX 256

struct begun {
	uint64_t key;
	int64_t mono_ns;
};

struct kept {
	struct frame frame;
	int64_t due_ns;
	char *record;
};

struct log_undecided {
	struct begun begun[BEGUN_ENTRIES];
	struct kept kept[KEPT_MAX];
	size_t count;
	char *handed_out; /* the record of the last call of log_undecided_next() */
};

struct log_undecided *
log_undecided_create(void)
{
	return calloc(1, sizeof(struct log_undecided));
}

void
log_undecided_destroy(struct log_undecided *undecided)
{
	if (undecided == NULL)
		return;
	for (size_t i = 0; i < undecided->count; i++)
		free(undecided->kept[i].record);
	free(undecided->handed_out);
	free(undecided);
}

void
log_undecided_begun(struct log_undecided *undecided, const struct frame *frame)
{
	undecided->begun[frame->key % BEGUN_ENTRIES] = (struct begun){.key = frame->key, .mono_ns = frame->mono_ns};
}

static bool
begun_again(const struct log_undecided *undecided, const struct kept *kept)
{
	const struct begun *begun = &undecided->begun[kept->frame.key % BEGUN_ENTRIES];
	return begun->key == kept->frame.key && begun->mono_ns > kept->frame.mono_ns;
}

char *
log_undecided_add(struct log_undecided *undecided, const struct frame *frame, int64_t now_ns)
{
	char *record = undecided->count < KEPT_MAX ? malloc(frame->size_bytes) : NULL;
	if (record != NULL)
		undecided->kept[undecided->count++] = (struct kept){
			.frame = *frame, .due_ns = now_ns + LOG_UNDECIDED_MS * NS_PER_MS, .record = record};
	return record;
}

/* The order does not matter: each has its time stamp. */
static struct kept
take(struct log_undecided *undecided, size_t index)
{
	struct kept kept = undecided->kept[index];
	undecided->kept[index] = undecided->kept[--undecided->count];
	return kept;
}

bool
log_undecided_next(struct log_undecided *undecided, int64_t now_ns, enum undecided_wait wait, struct frame *frame,
                   const char **record)
{
	free(undecided->handed_out);
	undecided->handed_out = NULL;
	for (size_t i = 0; i < undecided->count;) {
		const struct kept *kept = &undecided->kept[i];
		if (begun_again(undecided, kept)) {
			free(take(undecided, i).record);
		} else if (wait == UNDECIDED_END || now_ns >= kept->due_ns) {
			struct kept decided = take(undecided, i);
			*frame = decided.frame;
			*record = undecided->handed_out = decided.record;
			return true;
		} else {
			i++;
		}
	}
	return false;
}

int64_t
log_undecided_due_ns(const struct log_undecided *undecided)
{
	int64_t due_ns = DEADLINE_NEVER;
	for (size_t i = 0; i < undecided->count; i++)
		due_ns = deadline_min(due_ns, undecided->kept[i].due_ns);
	return due_ns;
}
