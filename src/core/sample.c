/* sample.c - see sample.h. The function is part of what services have in common: a change of it is one of the protocol. */
#include "sample.h"

#define WHOLE 1000000
#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

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
	uint64_t hash = FNV_OFFSET;
	if (millionths <= 0 || millionths >= WHOLE)
		return millionths > 0;
	for (; *id != '\0'; id++)
		hash = (hash ^ (unsigned char)*id) * FNV_PRIME;
	return ((mixed(hash) >> 32) * WHOLE) >> 32 < (uint64_t)millionths;
}
