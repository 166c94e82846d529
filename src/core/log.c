/*
 * log.c - joins record and sink. Called from everywhere, in every process; never fails its caller, and never
 * calls malloc for a record.
 */
#include "log.h"

#include <stdlib.h>

#include "clock.h"
#include "err.h"
#include "insist.h"
#include "log_record.h"
#include "log_sink.h"
#include "strbuf.h"

struct log {
	enum vt_level level;
	struct log_style style;
	struct log_sink sink;
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

uint64_t
log_dropped(const struct log *log)
{
	return log->sink.dropped;
}

void
log_write(struct log *log, const struct log_record *record)
{
	if (!log_enabled(log, record->level))
		return;
	char storage[LOG_RECORD_MAX_BYTES + 1];
	struct strbuf line;
	strbuf_init_fixed(&line, storage, sizeof storage);
	log_record_write(&line, record, &log->style, clock_real_ns());
	log_sink_write(&log->sink, line.data, line.length);
}
