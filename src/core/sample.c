/* sample.c - see sample.h. The function is part of what services have in common: a change of it is one of the protocol. */
#include "sample.h"

#include "fnv.h"
#include "ratio.h"

bool
sample_takes(const char *id, int64_t millionths)
{
	if (millionths <= 0 || millionths >= RATIO_WHOLE)
		return millionths > 0;
	return ((fnv_scatter(fnv_text(FNV_OFFSET, id)) >> 32) * (uint64_t)RATIO_WHOLE) >> 32 < (uint64_t)millionths;
}
