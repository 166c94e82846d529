/*
 * helper_main.c - the helper's loop: what may take seconds, and what nobody asks for.
 *
 * Runs the commands of CHECKS, and with ALERT_COMMAND the checks themselves and the command. Opens stores of its own
 * for these checks, after the fork, as a worker does. Its few records go straight to the sink: it has no slot.
 */
#include "helper_main.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "alert.h"
#include "check_spec.h"
#include "checks.h"
#include "clock.h"
#include "database.h"
#include "err.h"
#include "log.h"
#include "plugins.h"
#include "redis.h"
#include "services.h"
#include "settings.h"
#include "worker.h"
#include "worker_main.h"

struct helper {
	const struct worker_context *with;
	int signal_fd;
	bool stop, leave;
	struct services services;
	struct plugins *plugins;
	struct alert *alert; /* NULL: no ALERT_COMMAND */
};

bool
helper_needed(const struct settings *settings)
{
	bool needed = settings->alert_command != NULL;
	for (size_t i = 0; i < settings->checks.count && !needed; i++) {
		struct check_spec spec;
		needed = check_spec_parse(&spec, settings->checks.items[i], NULL) == 0 && spec.kind == SPEC_COMMAND;
	}
	return needed;
}

static int
open_helper(struct helper *helper, struct err *err)
{
	const struct worker_context *with = helper->with;
	struct checks_config config = {.settings = with->settings, .board = with->board, .log = with->log};
	helper->services = (struct services){.settings = with->settings, .log = with->log, .board = with->board};
	helper->plugins = plugins_create(&config);
	if (helper->plugins == NULL)
		return err_set(err, "There is no memory for the commands of CHECKS.");
	if (with->settings->alert_command == NULL)
		return 0;
	if (worker_open_stores(with, &helper->services, err) != 0)
		return -1;
	config.database = helper->services.database;
	config.redis = helper->services.redis;
	helper->services.checks = checks_create(&config);
	if (helper->services.checks != NULL)
		helper->alert = alert_create(&(struct alert_config){.settings = with->settings,
		                                                    .board = with->board,
		                                                    .checks = helper->services.checks,
		                                                    .log = with->log});
	return helper->alert != NULL ? 0 : err_set(err, "There is no memory for alerts.");
}

static void
close_helper(struct helper *helper)
{
	alert_destroy(helper->alert);
	plugins_destroy(helper->plugins);
	checks_destroy(helper->services.checks);
	redis_destroy(helper->services.redis);
	database_destroy(helper->services.database);
}

static void
read_signals(struct helper *helper)
{
	struct signalfd_siginfo info;
	struct err err;
	while (read(helper->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		helper->stop |= info.ssi_signo == SIGTERM;
		helper->leave |= info.ssi_signo == WORKER_RETIRE;
		if (info.ssi_signo == SIGUSR1 && log_reopen(helper->with->log, &err) != 0)
			log_event(helper->with->log, VT_ERROR_LEVEL, "vitals.log", "A file cannot be opened again",
			          VT_STR("reason", err.text));
	}
}

static void
wait_for_work(const struct helper *helper)
{
	enum { SIGNALS, ALERT, PLUGINS = ALERT + CHILD_POLLS, COUNT = PLUGINS + PLUGINS_POLLS };
	struct pollfd polls[COUNT];
	int64_t next_ns = helper->leave ? DEADLINE_NEVER : plugins_next_ns(helper->plugins);
	polls[SIGNALS] = (struct pollfd){.fd = helper->signal_fd, .events = POLLIN};
	for (int i = ALERT; i < PLUGINS; i++)
		polls[i] = (struct pollfd){.fd = -1};
	if (helper->alert != NULL) {
		alert_polls(helper->alert, &polls[ALERT]);
		next_ns = deadline_min(next_ns, alert_next_ns(helper->alert));
	}
	plugins_polls(helper->plugins, &polls[PLUGINS]);
	poll(polls, COUNT, deadline_poll_ms(next_ns));
}

/* Leaving waits for an alert that is under way: whether it was told would not be known otherwise. */
static void
run(struct helper *helper)
{
	for (;;) {
		read_signals(helper);
		bool busy = helper->alert != NULL && alert_runs(helper->alert);
		if (helper->stop || (helper->leave && !busy))
			return;
		plugins_step(helper->plugins, helper->leave);
		if (helper->alert != NULL)
			alert_step(helper->alert, helper->leave);
		if (!helper->leave || (helper->alert != NULL && alert_runs(helper->alert)))
			wait_for_work(helper);
	}
}

int
helper_main(void *context, int signal_fd)
{
	struct helper helper = {.with = context, .signal_fd = signal_fd};
	struct err err;
	log_use_ring(helper.with->log, NULL, NULL);
	int status = open_helper(&helper, &err);
	if (status == 0)
		run(&helper);
	else
		log_event(helper.with->log, VT_CRITICAL, "vitals.helper", "The helper cannot start",
		          VT_STR("reason", err.text));
	close_helper(&helper);
	return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
