/*
 * slow_request.h - the record of a request that took long: where its time went.
 */
#ifndef APP_SLOW_REQUEST_H
#define APP_SLOW_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

struct vt_request;
struct vt_response;

/* From SLOW_REQUEST_MS on. The time before the service had the request does not count. */
bool slow_request(const struct vt_request *req, int64_t now_ns);
/*
 * Writes the record, at WARNING; when the response is written, now_ns. reading, handler, database, cache and writing
 * add up to the duration; queue is before it.
 */
void slow_request_log(const struct vt_request *req, const struct vt_response *res, int64_t now_ns);

#endif
