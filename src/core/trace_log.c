/*
 * trace_log.c - see trace_log.h. TRACE_FILE must be a regular file: the Collector reads files.
 */
#include "trace_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "err.h"
#include "insist.h"
#include "log_form.h"
#include "log_ring.h"
#include "log_sink.h"
#include "vitals.h"

struct trace_log {
	struct log_sink sink;
	struct ring ring; /* size_bytes 0: there is none */
	_Atomic uint32_t *wake;
};

static int
prove_regular(const char *path, struct err *err)
{
	struct stat st;
	if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
		return 0;
	return err_set(err, "The file for spans \"%s\" (TRACE_FILE) is not a regular file.", path);
}

struct trace_log *
trace_log_create(const char *path, struct err *err)
{
	struct trace_log *log = calloc(1, sizeof *log);
	if (log == NULL) {
		err_set(err, "There is no memory for spans.");
		return NULL;
	}
	if (prove_regular(path, err) == 0 &&
	    log_sink_open_file(&log->sink, path, "The file for spans", "TRACE_FILE", err) == 0)
		return log;
	free(log);
	return NULL;
}

void
trace_log_destroy(struct trace_log *log)
{
	if (log == NULL)
		return;
	log_sink_close(&log->sink);
	free(log);
}

int
trace_log_chown(const struct trace_log *log, uid_t uid, gid_t gid, struct err *err)
{
	return log == NULL ? 0 : log_sink_chown(&log->sink, uid, gid, err);
}

int
trace_log_reopen(struct trace_log *log, struct err *err)
{
	return log == NULL ? 0 : log_sink_reopen(&log->sink, err);
}

void
trace_log_use_ring(struct trace_log *log, const struct ring *ring, _Atomic uint32_t *wake)
{
	if (log == NULL)
		return;
	log->ring = ring != NULL ? *ring : (struct ring){0};
	log->wake = wake;
}

void
trace_log_leave_sink(struct trace_log *log)
{
	if (log != NULL && log->ring.size_bytes > 0)
		log_sink_close(&log->sink);
}

struct log_sink *
trace_log_sink(struct trace_log *log)
{
	return log != NULL ? &log->sink : NULL;
}

void
trace_log_write(struct trace_log *log, const char *line, size_t size_bytes)
{
	int kept_errno = errno;
	INSIST(size_bytes <= TRACE_LINE_MAX_BYTES);
	if (log->ring.size_bytes == 0) {
		log_sink_write(&log->sink,
		               &(const struct log_line){.text = line, .size_bytes = size_bytes, .level = VT_INFO});
	} else {
		const struct frame frame = {
			.size_bytes = (uint32_t)size_bytes, .level = VT_INFO, .mono_ns = clock_mono_ns()};
		if (!ring_put(&log->ring, &frame, line))
			ring_drop(&log->ring);
		ring_wake(&log->ring, log->wake, false);
	}
	errno = kept_errno;
}

uint64_t
trace_log_dropped(const struct trace_log *log)
{
	return log->ring.size_bytes > 0 ? atomic_load_explicit(&log->ring.shared->dropped, memory_order_relaxed)
	                                : log->sink.dropped;
}
