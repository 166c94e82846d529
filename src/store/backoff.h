/*
 * backoff.h - how long to leave a server alone after it could not be reached.
 *
 * Pure: time and chance are handed in. The wait doubles with each failure in a row from BACKOFF_FIRST_MS
 * to BACKOFF_MAX_MS, less up to a half of it by chance, so that workers that lost the server together do
 * not come back together. The upper bound is what a user waits at most after the server's return.
 */
#ifndef STORE_BACKOFF_H
#define STORE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 1000

/* All zeroes: no failure yet. */
struct backoff {
	unsigned failures; /* in a row */
	int64_t until_ns;  /* monotonic */
};

/* One more failure. chance_number is any number. */
void backoff_fail(struct backoff *backoff, int64_t now_ns, uint32_t chance_number);
/* The server answered. */
void backoff_reset(struct backoff *backoff);
/* May it be tried now? */
bool backoff_over(const struct backoff *backoff, int64_t now_ns);

#endif
