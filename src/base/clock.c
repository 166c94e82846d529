/* clock.c - clocks, deadlines, time stamps. */
#include "clock.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#include "decimal.h"
#include "insist.h"

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;
	int status = clock_gettime(id, &ts);
	INSIST(status == 0);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t
clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
clock_real_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
deadline_in_ms(int64_t ms)
{
	int64_t now = clock_mono_ns();
	if (ms > (INT64_MAX - now) / NS_PER_MS)
		return DEADLINE_NEVER;
	return now + ms * NS_PER_MS;
}

int
deadline_poll_ms(int64_t deadline_ns)
{
	if (deadline_ns == DEADLINE_NEVER)
		return -1;
	int64_t left = deadline_ns - clock_mono_ns();
	if (left <= 0)
		return 0;
	int64_t ms = (left - 1) / NS_PER_MS + 1;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

int64_t
deadline_min(int64_t a_ns, int64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

/* "2026-01-02T03:04:05." */
#define SECOND_BYTES 20

static void
write_second(time_t seconds, char out[static SECOND_BYTES])
{
	struct tm tm;
	struct tm *utc = gmtime_r(&seconds, &tm);
	INSIST(utc != NULL);
	char *p = decimal_padded(out, (uint64_t)tm.tm_year + 1900, 4);
	*p++ = '-';
	p = decimal_padded(p, (uint64_t)tm.tm_mon + 1, 2);
	*p++ = '-';
	p = decimal_padded(p, (uint64_t)tm.tm_mday, 2);
	*p++ = 'T';
	p = decimal_padded(p, (uint64_t)tm.tm_hour, 2);
	*p++ = ':';
	p = decimal_padded(p, (uint64_t)tm.tm_min, 2);
	*p++ = ':';
	p = decimal_padded(p, (uint64_t)tm.tm_sec, 2);
	*p = '.';
}

/* The calendar is asked once a second and thread: three stamps a request are of the same. */
void
clock_rfc3339(int64_t real_ns, char out[RFC3339_BYTES])
{
	static _Thread_local char second[SECOND_BYTES];
	static _Thread_local time_t second_of;
	time_t seconds = (time_t)(real_ns / NS_PER_S);
	int64_t fraction = real_ns % NS_PER_S;
	if (fraction < 0) {
		fraction += NS_PER_S;
		seconds--;
	}
	if (second[0] == '\0' || seconds != second_of) {
		write_second(seconds, second);
		second_of = seconds;
	}
	memcpy(out, second, SECOND_BYTES);
	char *p = decimal_padded(out + SECOND_BYTES, (uint64_t)fraction / 1000, 6);
	*p++ = 'Z';
	*p = '\0';
}
