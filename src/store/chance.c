/* chance.c - a number from the kernel, or from the clock where the kernel has none yet. */
#include "chance.h"

#include <sys/random.h>

#include "clock.h"

uint32_t
chance(void)
{
	uint32_t number;
	if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number)
		number = (uint32_t)clock_mono_ns() * UINT32_C(2654435761);
	return number;
}
