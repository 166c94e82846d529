/*
 * log.c - joins record and sink. Called from everywhere, in every process; never fails its caller, and never
 * calls malloc for a record.
 */
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "clock.h"
#include "err.h"
#include "insist.h"
#include "log_record.h"
#include "log_ring.h"
#include "log_sink.h"
#include "strbuf.h"

/* How long a record waits for room in a ring that is full. */
#define WAIT_MS 10

struct log {
	enum vt_level level;
	const struct redact *redact;
	struct log_sink sink;
	struct ring ring;       /* of this process; size_bytes 0: there is none */
	_Atomic uint32_t *wake; /* the ring's reader sleeps on it */
	bool stuck;             /* the last record found no room */
	pthread_mutex_t mutex;  /* threads of this process put one at a time */
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
	log->redact = config->redact;
	pthread_mutex_init(&log->mutex, NULL);
	if (log_sink_open(&log->sink, config->file, err) != 0) {
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
	free(log);
}

bool
log_enabled(const struct log *log, enum vt_level level)
{
	return log != NULL && (int)level >= (int)log->level;
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
	log_record_write(line, record, log->redact, clock_real_ns());
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
	pthread_mutex_lock(&log->mutex);
	put_or_drop(log, &frame, line->data);
	pthread_mutex_unlock(&log->mutex);
	/* What is held cannot be read yet: log_settle() wakes. */
	if (record->moment != LOG_END)
		ring_wake(&log->ring, log->wake, record->level >= VT_ERROR_LEVEL);
}

void
log_write(struct log *log, const struct log_record *record)
{
	if (!log_enabled(log, record->level))
		return;
	int kept_errno = errno;
	char storage[LOG_RECORD_MAX_BYTES + 1];
	struct strbuf line;
	strbuf_init_fixed(&line, storage, sizeof storage);
	log_format(log, record, &line);
	if (has_ring(log))
		put(log, record, &line);
	else
		log_sink_write(&log->sink, line.data, line.length);
	errno = kept_errno;
}
