/*
 * sample.h - which of many requests are taken, where a ratio of them shall be.
 *
 * By the request's ID and nothing else, so that every service of a chain takes the same requests, and a service
 * takes for a smaller ratio some of those that it takes for a larger one.
 */
#ifndef CORE_SAMPLE_H
#define CORE_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The first 32 bits of a 64-bit hash (FNV-1a, its bits mixed), as a fraction of 1, lie below the ratio. 1,000,000
 * millionths is always, 0 never.
 */
bool sample_takes(const char *id, int64_t millionths);

#endif
