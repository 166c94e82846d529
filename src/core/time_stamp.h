/*
 * time_stamp.h - the time stamps that web servers put on requests. Pure: the caller says what time it is.
 *
 * nginx writes $msec, seconds since the epoch: "1700000000.123"; Apache "t=1700000000123456", microseconds (%t of
 * mod_headers), or "t=1700000000.123". Anything else is no time stamp: its unit would be a guess.
 */
#ifndef CORE_TIME_STAMP_H
#define CORE_TIME_STAMP_H

#include <stdint.h>

/* Seconds with one to nine digits after the point, "t=" before them or not; or "t=" and whole microseconds. -1: neither. */
int time_stamp_parse(const char *text, int64_t *real_ns);

/*
 * How long ago it was at now_ns, both on the real-time clock: 0 where clocks differ a little and it is yet to
 * come; -1 where it is no time stamp, or more than an hour away in either direction, which no request is.
 */
int64_t time_stamp_age_ns(const char *text, int64_t now_ns);

#endif
