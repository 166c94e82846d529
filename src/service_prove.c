/*
 * service_prove.c - what a setting means beyond its own form: users that must exist, URLs that only the stores can
 * read, commands that must be executable. Each refusal names its setting.
 *
 * Must never change anything, and never connect.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "check_spec.h"
#include "command_words.h"
#include "database.h"
#include "err.h"
#include "log_destination.h"
#include "redis.h"
#include "service_state.h"
#include "settings.h"

static void
prove(struct service *service, const char *setting, int status, const struct err *err)
{
	if (status != 0)
		settings_refuse(service->reader, setting, err->text);
}

static void
prove_redis_url(struct service *service)
{
	struct err err;
	struct redis_address address;
	int status = redis_address_parse(&address, service->settings->redis_url, &err);
	prove(service, "REDIS_URL", status, &err);
	if (status == 0)
		redis_address_fini(&address);
}

/* The sentences about users and groups do not know which setting named them. */
static void
prove_identity(struct service *service, const char *setting, int status, const struct err *reason)
{
	struct err err;
	err_set(&err, "%s: %.400s", setting, status != 0 ? reason->text : "");
	prove(service, setting, status, &err);
}

/* What only the stores know of a url in CHECKS. */
static int
prove_check_url(const struct check_spec *spec, struct err *err)
{
	struct redis_address address;
	if (spec->url[0] == '\0')
		return 0;
	if (spec->kind == SPEC_POSTGRES)
		return database_check_no_names(spec->url, err);
	if (redis_address_parse(&address, spec->url, err) != 0)
		return -1;
	bool is_name = address.host != NULL && !address_host_is_known(address.host, strlen(address.host));
	redis_address_fini(&address);
	return is_name ? err_set(err,
	                         "the host is given by name, and looking it up would block; allowed are addresses, "
	                         "sockets and localhost.")
	               : 0;
}

/* Of ALERT_COMMAND or a check's command. */
static int
prove_command(const char *text, struct err *err)
{
	struct command_words words;
	if (command_words_split(&words, text, err) != 0)
		return -1;
	if (access(words.argv[0], X_OK) == 0)
		return 0;
	return err_set(err, "%.300s cannot be executed: %s.", words.argv[0], strerror(errno));
}

static void
prove_checks(struct service *service)
{
	const struct text_list *checks = &service->settings->checks;
	for (size_t i = 0; i < checks->count; i++) {
		struct check_spec spec;
		struct err reason, err;
		if (check_spec_parse(&spec, checks->items[i], NULL) != 0)
			continue;
		bool command = spec.kind == SPEC_COMMAND;
		if ((command ? prove_command(spec.target, &reason) : prove_check_url(&spec, &reason)) == 0)
			continue;
		err_set(&err, "CHECKS: %s: %s%.400s", spec.name, command ? "" : "url: ", reason.text);
		settings_refuse(service->reader, "CHECKS", err.text);
	}
}

void
service_prove(struct service *service)
{
	const struct settings *settings = service->settings;
	struct err err, reason;
	prove(service, "LOG_FILE", log_destination_prove(settings->log_file, &err), &err);
	if (settings->database_url != NULL)
		prove(service, "DATABASE_URL", database_check_url(settings->database_url, &err), &err);
	if (settings->redis_url != NULL)
		prove_redis_url(service);
	prove_checks(service);
	if (settings->alert_command != NULL && prove_command(settings->alert_command, &reason) != 0) {
		err_set(&err, "ALERT_COMMAND: %.400s", reason.text);
		settings_refuse(service->reader, "ALERT_COMMAND", err.text);
	}
	int status = identity_resolve(&service->run_as, settings->run_user, NULL, &err);
	prove_identity(service, "RUN_USER", status, &err);
	if (status == 0 && settings->run_group != NULL)
		prove_identity(service, "RUN_GROUP",
		               identity_resolve(&service->run_as, settings->run_user, settings->run_group, &err), &err);
	prove_identity(service, "LISTEN_OWNER",
	               identity_resolve_pair(&service->socket_owner, settings->listen_owner, &err), &err);
}
