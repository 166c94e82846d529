/*
 * time_stamp.c - reads time stamps to the last byte, and measures from them.
 *
 * Called for each request with what the web server sent. Digits are counted before they are added up, so that
 * nothing overflows.
 */
#include "time_stamp.h"

#include <string.h>

#include "clock.h"

#define DIGITS "0123456789"
#define SECONDS_MAX_DIGITS 10
#define SECONDS_MAX (INT64_MAX / NS_PER_S - 1) /* room for the fraction */
#define MICROSECONDS_MAX_DIGITS 16
#define MICROSECONDS_MAX (INT64_MAX / 1000)
#define FRACTION_MAX_DIGITS 9
#define PLAUSIBLE_NS (3600 * NS_PER_S)

/* So many digits as a number; there are few enough of them. */
static int64_t
number_of(const char *text, size_t digits)
{
	int64_t number = 0;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (text[i] - '0');
	return number;
}

static int
parse_microseconds(const char *text, size_t digits, int64_t *real_ns)
{
	if (digits > MICROSECONDS_MAX_DIGITS)
		return -1;
	int64_t microseconds = number_of(text, digits);
	if (microseconds > MICROSECONDS_MAX)
		return -1;
	*real_ns = microseconds * 1000;
	return 0;
}

static int
parse_seconds(const char *text, size_t digits, int64_t *real_ns)
{
	const char *fraction = text + digits + 1;
	size_t places = strspn(fraction, DIGITS);
	if (digits > SECONDS_MAX_DIGITS || places == 0 || places > FRACTION_MAX_DIGITS || fraction[places] != '\0')
		return -1;
	int64_t seconds = number_of(text, digits), rest = number_of(fraction, places);
	if (seconds > SECONDS_MAX)
		return -1;
	for (size_t i = places; i < FRACTION_MAX_DIGITS; i++)
		rest *= 10;
	*real_ns = seconds * NS_PER_S + rest;
	return 0;
}

int
time_stamp_parse(const char *text, int64_t *real_ns)
{
	size_t prefix = strncmp(text, "t=", 2) == 0 ? 2 : 0;
	text += prefix;
	size_t digits = strspn(text, DIGITS);
	if (digits == 0)
		return -1;
	if (text[digits] == '.')
		return parse_seconds(text, digits, real_ns);
	return prefix > 0 && text[digits] == '\0' ? parse_microseconds(text, digits, real_ns) : -1;
}

int64_t
time_stamp_age_ns(const char *text, int64_t now_ns)
{
	int64_t stamp_ns;
	if (time_stamp_parse(text, &stamp_ns) != 0)
		return -1;
	/* Neither is negative, so the difference does not overflow. */
	int64_t age_ns = now_ns - stamp_ns;
	if (age_ns > PLAUSIBLE_NS || age_ns < -PLAUSIBLE_NS)
		return -1;
	return age_ns > 0 ? age_ns : 0;
}
