/*
 * check_record.c - the checks' results in shared memory.
 *
 * Written by the worker that holds the claim (checks_claim.c), read by all. A result is behind a seqlock
 * against a writer at work, and under a checksum against one that was frozen in the middle, lost its
 * claim to another, and then went on.
 */
#include <string.h>

#include "fnv.h"
#include "insist.h"
#include "layout.h"

/* FNV-1a over the members, not over the padding between them. */
static uint64_t
checksum(const struct check_result *result)
{
	uint64_t hash = FNV_OFFSET;
	hash = fnv_bytes(hash, &result->checked_ns, sizeof result->checked_ns);
	hash = fnv_bytes(hash, &result->duration_ns, sizeof result->duration_ns);
	hash = fnv_bytes(hash, &result->identity, sizeof result->identity);
	hash = fnv_bytes(hash, &result->status, sizeof result->status);
	hash = fnv_bytes(hash, &result->percent, sizeof result->percent);
	hash = fnv_bytes(hash, &result->total_bytes, sizeof result->total_bytes);
	hash = fnv_bytes(hash, &result->free_bytes, sizeof result->free_bytes);
	return fnv_bytes(hash, result->text, sizeof result->text);
}

static void
seal(struct check_record *record, const struct check_result *result)
{
	struct sealed_result sealed = {.result = *result};
	sealed.result.text[sizeof sealed.result.text - 1] = '\0';
	sealed.checksum = checksum(&sealed.result);
	seqlock_write_begin(&record->lock);
	memcpy(&record->sealed, &sealed, sizeof sealed);
	seqlock_write_end(&record->lock);
}

static bool
unseal(const struct check_record *record, struct check_result *result)
{
	struct sealed_result sealed;
	if (!seqlock_read(&record->lock, &sealed, &record->sealed, sizeof sealed) || sealed.result.checked_ns == 0 ||
	    sealed.checksum != checksum(&sealed.result))
		return false;
	*result = sealed.result;
	return true;
}

void
check_publish(struct scoreboard *board, unsigned index, const struct check_result *result)
{
	INSIST(index < SCOREBOARD_MAX_CHECKS);
	seal(&board->file->checks[index], result);
}

bool
check_read(struct scoreboard *board, unsigned index, struct check_result *result)
{
	INSIST(index < SCOREBOARD_MAX_CHECKS);
	return unseal(&board->file->checks[index], result);
}

void
check_report(struct scoreboard *board, unsigned index, const struct check_result *result)
{
	INSIST(index < SCOREBOARD_MAX_CHECKS);
	seal(&board->file->reports[index], result);
}

bool
check_read_report(struct scoreboard *board, unsigned index, struct check_result *result)
{
	INSIST(index < SCOREBOARD_MAX_CHECKS);
	return unseal(&board->file->reports[index], result);
}
