/*
 * oversight.c - see oversight.h.
 *
 * Called by dispatch.c at the end of each request, by chain.c behind a handler, and by the functions of vitals.h that a
 * request which has ended may still get.
 */
#include "oversight.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "request.h"
#include "response.h"

#define LONG_AGO_NS 1

struct oversight {
	const volatile unsigned char *original; /* 1; the kernel clears it in a copy: MADV_WIPEONFORK, madvise(2) */
	struct shared {
		atomic_uint late, copies;
	} * shared;
	size_t page_bytes;
};

static void *
map_page(size_t bytes, int flags)
{
	void *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	return page != MAP_FAILED ? page : NULL;
}

struct oversight *
oversight_create(void)
{
	struct oversight *oversight = calloc(1, sizeof *oversight);
	if (oversight == NULL)
		return NULL;
	oversight->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *original = map_page(oversight->page_bytes, MAP_PRIVATE);
	oversight->original = original;
	oversight->shared = map_page(oversight->page_bytes, MAP_SHARED);
	if (original == NULL || oversight->shared == NULL ||
	    madvise(original, oversight->page_bytes, MADV_WIPEONFORK) != 0) {
		oversight_destroy(oversight);
		return NULL;
	}
	*original = 1;
	return oversight;
}

void
oversight_destroy(struct oversight *oversight)
{
	if (oversight == NULL)
		return;
	if (oversight->original != NULL)
		munmap((void *)(uintptr_t)oversight->original, oversight->page_bytes);
	if (oversight->shared != NULL)
		munmap(oversight->shared, oversight->page_bytes);
	free(oversight);
}

bool
oversight_in_copy(const struct oversight *oversight)
{
	return oversight != NULL && *oversight->original == 0;
}

void
oversight_end_copy(struct oversight *oversight)
{
	if (!oversight_in_copy(oversight))
		return;
	atomic_fetch_add(&oversight->shared->copies, 1);
	_exit(EXIT_FAILURE);
}

void
oversight_note_late(struct oversight *oversight)
{
	if (oversight != NULL)
		atomic_fetch_add(&oversight->shared->late, 1);
}

static unsigned
take(atomic_uint *count)
{
	return atomic_load_explicit(count, memory_order_relaxed) == 0 ? 0 : atomic_exchange(count, 0);
}

struct oversight_counts
oversight_take(struct oversight *oversight)
{
	if (oversight == NULL)
		return (struct oversight_counts){0};
	return (struct oversight_counts){.late = take(&oversight->shared->late),
	                                 .copies = take(&oversight->shared->copies)};
}

void
request_end(struct vt_request *req, struct arena *spent, void *services)
{
	const struct request_setup ended = {
		.arena = spent, .limits = req->with.limits, .services = services, .oversight = req->with.oversight};
	request_init(req, &ended);
	req->ended = true;
	req->deadline_ns = LONG_AGO_NS;
	req->body_state = BODY_FAILED;
	req->body_result = VT_ERROR;
}

void
response_end(struct vt_response *res, struct arena *spent)
{
	response_init(res, spent, "");
	res->ended = true;
	res->answered = true;
}
