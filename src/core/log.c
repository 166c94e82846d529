/*
 * log.c - joins record and sink. Called from everywhere, in every process; never fails its caller, and never
 * calls malloc for a record.
 */
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "insist.h"
#include "log_audit.h"
#include "log_errors.h"
#include "log_form.h"
#include "log_level.h"
#include "log_memo.h"
#include "log_record.h"
#include "log_ring.h"
#include "log_sink.h"
#include "strbuf.h"

/* How long a record waits for room in a ring that is full. */
#define WAIT_MS 10

struct log {
	enum vt_level level;
	struct log_style style; /* its memo under the mutex */
	struct log_shared shared;
	_Atomic uint64_t self; /* owner_self(), as soon as it was needed */
	struct log_sink sink;
	struct ring ring;                     /* of this process; size_bytes 0: there is none */
	_Atomic uint64_t *counts[LOG_LEVELS]; /* of records, by level; NULL: not counted */
	_Atomic uint32_t *wake;               /* the ring's reader sleeps on it */
	bool stuck;                           /* the last record found no room */
	pthread_mutex_t mutex;                /* threads of this process put one at a time */
};

struct log *
log_create(const struct log_config *config, struct err *err)
{
	INSIST(config->redact != NULL);
	struct log *log = calloc(1, sizeof *log);
	if (log == NULL) {
		err_set(err, "There is no memory for the log.");
		return NULL;
	}
	log->level = config->level;
	log->style = (struct log_style){.redact = config->redact,
	                                .format = config->format,
	                                .service_name = config->service_name,
	                                .service_version = config->service_version};
	log->style.memo = log_memo_create(); /* without one, records only take longer */
	pthread_mutex_init(&log->mutex, NULL);
	const struct log_sink_config sink = {.where = config->file, .app_name = config->service_name};
	if (log_sink_open(&log->sink, &sink, err) != 0) {
		log_memo_destroy(log->style.memo);
		free(log);
		return NULL;
	}
	return log;
}

void
log_destroy(struct log *log)
{
	if (log == NULL)
		return;
	log_sink_close(&log->sink);
	pthread_mutex_destroy(&log->mutex);
	log_memo_destroy(log->style.memo);
	free(log);
}

void
log_share(struct log *log, const struct log_shared *shared)
{
	log->shared = *shared;
}

/* The usual case, one relaxed load: no level is set for a while, nothing is to be told. */
static bool
is_quiet(const struct log *log)
{
	return log->shared.levels == NULL || log_levels_quiet(log->shared.levels);
}

enum answer { ANSWER_ENABLED, ANSWER_ASKED_FOR };

/* *due: log_audit() has something to tell. */
static bool
look(const struct log *log, enum vt_level level, const struct log_target *target, enum answer answer, bool *due)
{
	struct log_look seen;
	log_level_look(&seen, log->shared.levels, target);
	*due = seen.due;
	if (seen.decided != NULL)
		return (int)level >= seen.decided->level;
	return answer == ANSWER_ENABLED && (int)level >= (int)log->level;
}

bool
log_enabled_for(const struct log *log, enum vt_level level, const char *logger, const struct log_context *context)
{
	bool due;
	if (log == NULL)
		return false;
	if (is_quiet(log))
		return (int)level >= (int)log->level;
	return look(log, level, &(struct log_target){logger, context}, ANSWER_ENABLED, &due);
}

bool
log_enabled(const struct log *log, enum vt_level level)
{
	return log_enabled_for(log, level, NULL, NULL);
}

bool
log_asked_for(const struct log *log, enum vt_level level, const char *logger, const struct log_context *context)
{
	bool due;
	return log != NULL && !is_quiet(log) &&
	       look(log, level, &(struct log_target){logger, context}, ANSWER_ASKED_FOR, &due);
}

int
log_chown(const struct log *log, uid_t uid, gid_t gid, struct err *err)
{
	return log_sink_chown(&log->sink, uid, gid, err);
}

int
log_reopen(struct log *log, struct err *err)
{
	return log_sink_reopen(&log->sink, err);
}

void
log_use_ring(struct log *log, const struct ring *ring, _Atomic uint32_t *wake)
{
	log->ring = ring != NULL ? *ring : (struct ring){0};
	log->wake = wake;
}

void
log_leave_sink(struct log *log)
{
	log_sink_close(&log->sink);
}

struct log_sink *
log_sink_of(struct log *log)
{
	return &log->sink;
}

static bool
has_ring(const struct log *log)
{
	return log->ring.size_bytes > 0;
}

uint64_t
log_dropped(const struct log *log)
{
	return has_ring(log) ? atomic_load_explicit(&log->ring.shared->dropped, memory_order_relaxed)
	                     : log->sink.dropped;
}

void
log_settle(const struct log *log)
{
	if (log != NULL && has_ring(log) && ring_settle(&log->ring))
		ring_wake(&log->ring, log->wake, false);
}

void
log_format(const struct log *log, const struct log_record *record, struct strbuf *line)
{
	struct log_style style = log->style;
	style.memo = NULL; /* whoever calls need not have the mutex */
	log_record_write(line, record, &style, clock_real_ns());
}

/*
 * A full ring is given a moment, since the log writer may only not have come to run; once that was in vain, nobody
 * waits again until there was room.
 */
static void
put_or_drop(struct log *log, const struct frame *frame, const char *text)
{
	bool put = ring_put(&log->ring, frame, text);
	if (!put && !log->stuck) {
		ring_wait(&log->ring, frame->size_bytes, log->wake, WAIT_MS);
		put = ring_put(&log->ring, frame, text);
	}
	log->stuck = !put;
	if (!put)
		ring_drop(&log->ring);
}

static void
put(struct log *log, const struct log_record *record, const struct strbuf *line)
{
	static const uint8_t kinds[] = {[LOG_BETWEEN] = FRAME_PLAIN, [LOG_BEGIN] = FRAME_BEGIN, [LOG_END] = FRAME_END};
	struct frame frame = {.size_bytes = (uint32_t)line->length,
	                      .level = (uint8_t)record->level,
	                      .kind = kinds[record->moment],
	                      .mono_ns = clock_mono_ns(),
	                      .key = record->key};
	put_or_drop(log, &frame, line->data);
	/* What is held cannot be read yet: log_settle() wakes. */
	if (record->moment != LOG_END)
		ring_wake(&log->ring, log->wake, record->level >= VT_ERROR_LEVEL);
}

/* As log_enabled_for(), and tells of changed levels before the first record under them. */
static bool
admit(struct log *log, const struct log_record *record)
{
	bool due;
	if (is_quiet(log))
		return (int)record->level >= (int)log->level;
	bool enabled =
		look(log, record->level, &(struct log_target){record->logger, record->context}, ANSWER_ENABLED, &due);
	if (due)
		log_audit(log, log->shared.levels);
	return enabled;
}

static void
write_error(struct log *log, const struct log_record *record)
{
	char fingerprint[LOG_FINGERPRINT_BYTES];
	struct log_record noted = *record;
	noted.fingerprint = fingerprint;
	log_errors_note(log->shared.errors, &log->self, record, fingerprint);
	if (admit(log, record))
		log_put(log, &noted);
}

void
log_write(struct log *log, const struct log_record *record)
{
	int kept_errno = errno;
	if (log == NULL)
		return;
	if ((int)record->level >= VT_ERROR_LEVEL)
		write_error(log, record);
	else if (admit(log, record))
		log_put(log, record);
	errno = kept_errno;
}

void
log_count_in(struct log *log, _Atomic uint64_t *const cells[static LOG_LEVELS])
{
	memcpy(log->counts, cells, sizeof log->counts);
}

void
log_put(struct log *log, const struct log_record *record)
{
	_Atomic uint64_t *count = log->counts[record->level];
	if (count != NULL)
		atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
	char storage[LOG_RECORD_MAX_BYTES + 1];
	struct strbuf line;
	strbuf_init_fixed(&line, storage, sizeof storage);
	pthread_mutex_lock(&log->mutex);
	log_record_write(&line, record, &log->style, clock_real_ns());
	if (has_ring(log))
		put(log, record, &line);
	pthread_mutex_unlock(&log->mutex);
	if (!has_ring(log))
		log_sink_write(&log->sink, &(const struct log_line){.text = line.data,
		                                                    .size_bytes = line.length,
		                                                    .level = (uint8_t)record->level});
}
