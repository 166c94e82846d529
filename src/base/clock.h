/*
 * clock.h - the two clocks, deadlines, and time stamps as text.
 *
 * Durations and deadlines are on the monotonic clock, int64_t nanoseconds; time stamps that people
 * read are on the real-time clock.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define DEADLINE_NEVER INT64_MAX

int64_t clock_mono_ns(void);
int64_t clock_real_ns(void);

/* The deadline ms from now; DEADLINE_NEVER where it would overflow. */
int64_t deadline_in_ms(int64_t ms);
/* Milliseconds until the deadline, rounded up, 0 when passed, at most INT_MAX: what poll() takes. -1 for DEADLINE_NEVER. */
int deadline_poll_ms(int64_t deadline_ns);
/* The earlier of two. */
int64_t deadline_min(int64_t a_ns, int64_t b_ns);

#define RFC3339_BYTES 28
/* "2026-01-31T23:59:59.123456Z" and a NUL, RFC 3339 section 5.6, UTC, microseconds. */
void clock_rfc3339(int64_t real_ns, char out[RFC3339_BYTES]);

#endif
