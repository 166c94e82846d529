/*
 * oversight.h - what a module does wrong that cannot be answered with a 500, because its request has ended or the process is
 * not the worker.
 *
 * A request that has ended is inert: it gives nothing, takes nothing, and says here that it was used. A copy of the worker,
 * which is what a handler makes that forks and returns, ends before it answers for a second time. Both are counted in
 * memory that copies share, by any thread, and told by the worker itself, who alone may write its log.
 */
#ifndef HTTP_OVERSIGHT_H
#define HTTP_OVERSIGHT_H

#include <stdbool.h>

struct arena;
struct oversight;
struct vt_request;
struct vt_response;

/* Of the calling process: every copy that is forked from it later knows that it is one. NULL: no memory. */
struct oversight *oversight_create(void);
void oversight_destroy(struct oversight *oversight);

/* True in a copy of the process that made it. Costs a load. False for NULL, as all that follow do nothing for it. */
bool oversight_in_copy(const struct oversight *oversight);
/* Ends a copy, and nothing but a copy. */
void oversight_end_copy(struct oversight *oversight);
/* A request was used after its end; in any thread. */
void oversight_note_late(struct oversight *oversight);

struct oversight_counts {
	unsigned late, copies;
};
/* What there was since the last time; in the process that made it. */
struct oversight_counts oversight_take(struct oversight *oversight);

/*
 * Ends a request and its response: whoever still has their addresses gets "", NULL, 0 and VT_ERROR from them, until they
 * are begun anew. spent is an arena that is always failed; services are those of nobody.
 */
void request_end(struct vt_request *req, struct arena *spent, void *services);
void response_end(struct vt_response *res, struct arena *spent);

#endif
