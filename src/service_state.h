/*
 * service_state.h - what the files of the service share, and nobody else includes.
 *
 * service.c runs; service_prove.c proves the settings; service_open.c opens what is opened before the fork, or takes it
 * over; service_renew.c hands it to the next program; service_alone.c serves without a supervisor.
 */
#ifndef SERVICE_STATE_H
#define SERVICE_STATE_H

#include "app.h"
#include "correlation.h"
#include "handover.h"
#include "identity.h"
#include "launcher.h"
#include "service.h"
#include "service_manager.h"
#include "worker_main.h"

struct metrics;
struct redact;
struct router;
struct trace_log;

/* The listeners of one setting. */
struct listener_set {
	struct listener *listeners;
	size_t count;
	bool given; /* by a launcher, not opened by us */
};

struct service {
	const struct program *program;
	struct settings_reader *reader;
	const struct settings *settings;
	struct vt_app app;
	struct router *admin_router;
	struct redact *redact;
	struct log *log;
	struct trace_log *trace_log;       /* NULL: no TRACE_FILE */
	char instance_id[UUID_TEXT_BYTES]; /* of this start, for its spans */
	struct scoreboard *board;
	struct metrics *metrics;                  /* the supervisor's own; NULL: ENABLE_METRICS is off */
	bool board_adopted;                       /* from the program before, with what its rings hold */
	struct listener_set sets[HANDOVER_ROLES]; /* by role: LISTEN, ADMIN_LISTEN */
	struct handoff handoffs[HANDOVER_ROLES];
	struct identity run_as, socket_owner;
	struct handover inherited; /* from the program before */
	struct service_manager manager;
	struct worker_context workers;
};

/* ---- service.c ---- */

/* Once all is open: what every worker is told. -1 with err: no memory. */
int service_brief_workers(struct service *service, struct err *err);

/* ---- service_prove.c ---- */

/* Refuses what does not hold by settings_refuse(), and notes who RUN_USER, RUN_GROUP and LISTEN_OWNER are. */
void service_prove(struct service *service);

/* ---- service_open.c ---- */

int service_open_log(struct service *service, struct err *err);
/* Once the scoreboard is open: levels that are set there hold, and errors are counted there. */
void service_share_log(struct service *service);
/* The path of the scoreboard as set, or by user and LISTEN. */
int service_board_path(const struct service *service, char *path, size_t size_bytes, struct err *err);
/* The scoreboard of processes that serve alone. -1 with err. */
int service_share_board(struct service *service, const char *path, struct err *err);
/* Everything, privileges given up at the end. -1 with err. */
int service_open_all(struct service *service, struct err *err);
/* What a launcher gave, for a process that serves alone, or LISTEN. */
int service_open_public(struct service *service, struct err *err);
void service_close_listeners(struct service *service);
/* Proves, in a rehearsal, that what the former program did not open can be opened; opens nothing for good. */
int service_try_opening(struct service *service, struct err *err);

/* ---- service_renew.c ---- */

/* As struct supervisor_config's renew. */
int service_renew(void *context, enum renewal renewal, const struct roster *roster, enum performance performance,
                  struct err *err);

/* ---- service_alone.c ---- */

/* Serves in this process until told to stop. */
int service_run_alone(struct service *service, struct err *err);

#endif
