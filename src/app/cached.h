/*
 * cached.h - the handler in front of a route's own where its answers are cached (struct vt_cached).
 *
 * Looks the answer up, has it made by one worker at a time where there is none, and leaves what is to be made anew
 * behind the response to cached_refresh().
 */
#ifndef APP_CACHED_H
#define APP_CACHED_H

#include "flight.h"
#include "vitals.h"

/* What a worker is to do when the response is written and its connection is back among the idle. */
struct refresh {
	bool wanted;
	struct flight_seat seat; /* led since it was found to be due */
};

/* Serves a request whose route has a cache rule. */
enum vt_result cached_serve(struct vt_request *req, struct vt_response *res);
/* Makes the answer anew for a request that repeats the one which found it due; nobody sees the response. Lands the flight. */
void cached_refresh(struct vt_request *req, struct vt_response *res);

#endif
