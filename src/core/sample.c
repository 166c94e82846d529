/* sample.c - see sample.h. The function is part of what services have in common: a change of it is one of the protocol. */
#include "sample.h"

#include "fnv.h"

#define WHOLE 1000000

/* FNV alone hardly moves its upper bits by the last characters, where IDs that are counted up differ. */
static uint64_t
mixed(uint64_t hash)
{
	hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
	hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 33;
}

bool
sample_takes(const char *id, int64_t millionths)
{
	if (millionths <= 0 || millionths >= WHOLE)
		return millionths > 0;
	return ((mixed(fnv_text(FNV_OFFSET, id)) >> 32) * WHOLE) >> 32 < (uint64_t)millionths;
}
