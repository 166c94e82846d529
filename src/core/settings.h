/*
 * settings.h - every setting of the service, read once at start and constant from then on.
 *
 * settings_table.c is the only place where a setting's name, type, default, range and help live;
 * --help, --print-settings and the manual page are made from it. The environment wins over the file,
 * the file over the default. All errors are collected, so that one run shows them all.
 */
#ifndef CORE_SETTINGS_H
#define CORE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "log_schema.h"
#include "ratio.h"
#include "text_list.h"
#include "vitals.h"

struct err;

/* The most that WORKERS and WORKERS_MAX may be. */
#define WORKERS_MOST 1024
/* How many processes share a scoreboard where each serves by itself and WORKERS_MAX says nothing. */
#define WORKERS_ALONE_MAX 64

/* With its escapes it must fit into a record. */
#define LOG_BODY_SIZE_MAX_BYTES ((size_t)8 << 10)

/* How many checks may be declared beside those that are always there; as many as the scoreboard has room for. */
#define CHECKS_MOST 12

/* The values in force. Durations are milliseconds, sizes bytes. A text that is not set is NULL. */
struct settings {
	char *service_name, *service_version;
	struct text_list listen, admin_listen;
	int64_t listen_mode, listen_backlog;
	char *listen_owner; /* "user" or "user:group" */
	char *run_user, *run_group;
	int64_t workers, workers_max; /* workers 0: serve in this process */
	int64_t workers_idle_ms;      /* how long a worker beyond WORKERS must be needless before it goes */
	int64_t max_requests;         /* a worker's; 0: no bound */
	int64_t handoff_after_ms;     /* 0: never */
	int64_t max_connections;      /* a worker's */
	int64_t idle_timeout_ms;      /* a kept-alive connection's; 0: never */
	int64_t request_timeout_ms, request_grace_ms, admission_timeout_ms;
	int64_t drain_ms, fast_stop_ms, reload_timeout_ms;
	int64_t queue_timeout_ms;        /* 0: never */
	int64_t body_buffer_bytes;       /* bodies up to this are waited for without spending a worker */
	int64_t max_pending_bytes;       /* a worker's, of requests that have arrived in part */
	int64_t linger_bytes, linger_ms; /* what is still read and thrown away before a connection is closed */
	int64_t max_request_bytes, max_params, max_params_bytes, max_json_depth, max_request_memory_bytes;
	struct text_list modules;
	int64_t log_level; /* enum vt_level */
	char *log_file;
	int64_t log_format;            /* enum log_format */
	int64_t log_sample_millionths; /* of the requests that succeed, those whose records are written */
	bool log_probes, log_bodies;
	int64_t log_body_bytes;
	int64_t log_buffer_bytes, log_flush_ms; /* the first a process's own */
	int64_t slow_request_ms;                /* 0: none is slow */
	struct text_list redact_fields;
	char *trace_file;
	int64_t trace_buffer_bytes; /* a process's own */
	int64_t trace_sample;       /* of the traces that start here, in millionths */
	bool enable_metrics, enable_health_checks, enable_status;
	int64_t metrics_series_max;
	int64_t health_check_timeout_ms, health_cache_ms;
	int64_t saturated_after_ms, ready_max_queue_percent; /* 0 percent: the queue does not matter */
	struct text_list critical_checks;
	struct text_list checks; /* as check_spec.h reads them */
	char *alert_command;     /* command_words.h */
	int64_t alert_after_ms, alert_interval_ms, alert_timeout_ms, alert_retries;
	struct text_list disk_paths;
	int64_t disk_max_percent, memory_max_percent;
	struct text_list admin_allow;
	char *admin_token;
	char *database_url;
	int64_t db_pool_recycle_ms, db_connect_timeout_ms, db_query_timeout_ms;
	int64_t db_prepare;                   /* auto, on, off: enum database_prepare */
	int64_t db_comment_sample_millionths; /* of the requests, those whose statements name them */
	char *redis_url;
	char *redis_sentinel_user, *redis_sentinel_password;
	int64_t redis_timeout_ms, cache_ttl_default_ms;
	bool cache_tracking;
	int64_t cache_memory_bytes, cache_untracked_ttl_ms;
	char *cache_prefix;
	char *scoreboard, *pid_file;
	bool debug;
	bool core_dumps;
};

struct settings_reader;

/*
 * Reads file (NULL: ".env" in the working directory where there is one) and environment
 * (environ's form). Never fails but for want of memory (NULL): errors are found with
 * settings_problem(). The reader owns the settings.
 */
struct settings_reader *settings_read(const char *file, char *const *environment);
void settings_destroy(struct settings_reader *reader);
const struct settings *settings_values(const struct settings_reader *reader);

/* A module's setting: 0, or -1 with the sentence also among the problems. */
int settings_declare(struct settings_reader *reader, const struct vt_setting *setting);
/* A declared setting's value; NULL, false, 0 for a name that was not declared with that type. */
const char *settings_module_text(const struct settings_reader *reader, const char *name);
bool settings_module_bool(const struct settings_reader *reader, const char *name);
int64_t settings_module_int(const struct settings_reader *reader, const char *name);
/* Once all modules have declared theirs: unknown names in the file become problems, with the nearest known. */
void settings_finish(struct settings_reader *reader);

/* The problems so far, whole sentences that name file and line or the environment, in order; NULL past the last. */
const char *settings_problem(const struct settings_reader *reader, size_t n);
/* Adds one that was found elsewhere (a module refused, an address is taken). */
void settings_add_problem(struct settings_reader *reader, const char *sentence);

/* The same for a setting of the table: the sentence, which names it, is put behind the place where its value stands. */
void settings_refuse(struct settings_reader *reader, const char *name, const char *sentence);

/* NAME=value lines as they are in force, each with where it comes from as a comment; secrets redacted. */
void settings_print(const struct settings_reader *reader, FILE *out);
/* Name, default, range and help of each, for --help. */
void settings_print_help(FILE *out);

#endif
