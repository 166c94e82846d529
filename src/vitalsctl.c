/*
 * vitalsctl.c - looks at a running service and steers it.
 *
 * Finds the scoreboard as vitalsd does, by the same settings, unless it is named. The only file here that prints
 * errors and ends the process.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "err.h"
#include "place.h"
#include "scoreboard.h"
#include "settings.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

#define PATH_BYTES 4096
#define TIMEOUT_DEFAULT_MS 60000
#define TIMEOUT_MAX_S 86400

enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_MISUSED = 2 };

/* Above every character: there are no short options. */
enum option_code {
	OPTION_ENV_FILE = 256,
	OPTION_SCOREBOARD,
	OPTION_TIMEOUT,
	OPTION_JSON,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_FOR,
	OPTION_LOGGER,
	OPTION_ROUTE,
	OPTION_CORRELATION_ID,
	OPTION_LIMIT,
	OPTION_RECENT,
	OPTION_INTERVAL,
	OPTION_ONCE
};

#define BIT(code) (1U << ((code)-OPTION_ENV_FILE))
#define OPTIONS_OF_ALL                                                                                                 \
	(BIT(OPTION_ENV_FILE) | BIT(OPTION_SCOREBOARD) | BIT(OPTION_TIMEOUT) | BIT(OPTION_JSON) | BIT(OPTION_HELP) |   \
	 BIT(OPTION_VERSION))

static const struct command {
	const char *name;
	int (*run)(const struct ctl *ctl, struct err *err);
	int (*prove)(const struct ctl *ctl, struct err *err); /* the arguments; NULL: there are none to prove */
	bool takes_operand;
	unsigned options; /* of its own */
	const char *help;
} commands[] = {
	{.name = "status",
         .run = ctl_status,
         .help = "the service and what each worker is doing; also when the service is stuck"},
	{.name = "top",
         .run = ctl_top,
         .prove = ctl_prove_top,
         .options = BIT(OPTION_INTERVAL) | BIT(OPTION_ONCE),
         .help = "the same again and again, with rates, the longest request first; q ends it"},
	{.name = "errors",
         .run = ctl_errors,
         .prove = ctl_prove_errors,
         .options = BIT(OPTION_LIMIT) | BIT(OPTION_RECENT),
         .help = "which errors there were, the most frequent first"},
	{.name = "log-level",
         .run = ctl_log_level,
         .prove = ctl_prove_log_level,
         .takes_operand = true,
         .options = BIT(OPTION_FOR) | BIT(OPTION_LOGGER) | BIT(OPTION_ROUTE) | BIT(OPTION_CORRELATION_ID),
         .help = "the levels that are set for a while"},
	{.name = "drain",
         .run = ctl_drain,
         .help = "not ready any more, so that load balancers turn away; it serves on"},
	{.name = "resume", .run = ctl_resume, .help = "ready again"},
	{.name = "reload", .run = ctl_reload, .help = "settings and modules anew; waits until the new workers serve"},
	{.name = "upgrade", .run = ctl_upgrade, .help = "the program's file too"},
};

static const struct option options[] = {
	{"env-file", required_argument, NULL, OPTION_ENV_FILE},
	{"scoreboard", required_argument, NULL, OPTION_SCOREBOARD},
	{"timeout", required_argument, NULL, OPTION_TIMEOUT},
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"for", required_argument, NULL, OPTION_FOR},
	{"logger", required_argument, NULL, OPTION_LOGGER},
	{"route", required_argument, NULL, OPTION_ROUTE},
	{"correlation-id", required_argument, NULL, OPTION_CORRELATION_ID},
	{"limit", required_argument, NULL, OPTION_LIMIT},
	{"recent", no_argument, NULL, OPTION_RECENT},
	{"interval", required_argument, NULL, OPTION_INTERVAL},
	{"once", no_argument, NULL, OPTION_ONCE},
	{NULL, 0, NULL, 0},
};

/* In the order of --help; without a help it is a heading. */
static const struct {
	const char *name, *help;
} explanations[] = {
	{"log-level [LEVEL | reset]", NULL},
	{"LEVEL", "DEBUG, INFO, WARNING, ERROR or CRITICAL instead of LOG_LEVEL, for a while"},
	{"reset", "ends all that are set"},
	{"--for TIME", "how long: 15m unless said, up to 24h"},
	{"--logger NAME", "for this logger alone, and those below it: vitals.request"},
	{"--route TEMPLATE", "for the requests of one route alone: /users/{id}"},
	{"--correlation-id ID", "for the requests of that ID alone"},
	{"errors", NULL},
	{"--recent", "the last seen first"},
	{"--limit N", "so many of them"},
	{"top", NULL},
	{"--interval TIME", "between two looks: 1s unless said, from 100ms to 1h"},
	{"--once", "one look, as without a terminal"},
	{"every command", NULL},
	{"--env-file FILE", "the service's settings, instead of .env"},
	{"--scoreboard FILE", "its scoreboard, instead of the one that the settings name"},
	{"--timeout SECONDS", "how long to wait for what was asked (60)"},
	{"--json", "the answer as one JSON object: of status, errors and log-level"},
	{"--help, --version", "this text; the version"},
};

struct arguments {
	const struct command *command;
	unsigned seen; /* options, by BIT() */
	const char *env_file, *scoreboard;
	struct ctl ctl;
	bool help, version;
};

static void
print_usage(FILE *out)
{
	fprintf(out, "Usage: vitalsctl [OPTION …] COMMAND\n\n");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(out, "  %-20s %s\n", commands[i].name, commands[i].help);
	for (size_t i = 0; i < sizeof explanations / sizeof *explanations; i++)
		if (explanations[i].help == NULL)
			fprintf(out, "\n%s:\n", explanations[i].name);
		else
			fprintf(out, "  %-20s %s\n", explanations[i].name, explanations[i].help);
}

static int
take_timeout(struct arguments *arguments, const char *value, struct err *err)
{
	char *end;
	long seconds = strtol(value, &end, 10);
	if (end == value || *end != '\0' || seconds < 1 || seconds > TIMEOUT_MAX_S)
		return err_set(err, "--timeout is \"%.32s\"; allowed is a whole number of seconds from 1 to %d.", value,
		               TIMEOUT_MAX_S);
	arguments->ctl.timeout_ms = seconds * 1000;
	return 0;
}

static int
take_command(struct arguments *arguments, const char *name, struct err *err)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(name, commands[i].name) == 0)
			arguments->command = &commands[i];
	return arguments->command != NULL ? 0 : err_set(err, "\"%.64s\" is not a command; see --help.", name);
}

/* What only one command takes. */
static int
take_own_option(struct ctl *ctl, int option, struct err *err)
{
	switch (option) {
	case OPTION_FOR:
		ctl->duration = optarg;
		return 0;
	case OPTION_LOGGER:
		ctl->logger = optarg;
		return 0;
	case OPTION_ROUTE:
		ctl->route = optarg;
		return 0;
	case OPTION_CORRELATION_ID:
		ctl->correlation_id = optarg;
		return 0;
	case OPTION_LIMIT:
		ctl->limit = optarg;
		return 0;
	case OPTION_RECENT:
		ctl->recent = true;
		return 0;
	case OPTION_INTERVAL:
		ctl->interval = optarg;
		return 0;
	case OPTION_ONCE:
		ctl->once = true;
		return 0;
	case ':':
		return err_set(err, "The last option needs a value; see --help.");
	default:
		return err_set(err, "There is no such option; see --help.");
	}
}

static int
take_option(struct arguments *arguments, int option, struct err *err)
{
	switch (option) {
	case OPTION_ENV_FILE:
		arguments->env_file = optarg;
		return 0;
	case OPTION_SCOREBOARD:
		arguments->scoreboard = optarg;
		return 0;
	case OPTION_TIMEOUT:
		return take_timeout(arguments, optarg, err);
	case OPTION_JSON:
		arguments->ctl.json = true;
		return 0;
	case OPTION_HELP:
		arguments->help = true;
		return 0;
	case OPTION_VERSION:
		arguments->version = true;
		return 0;
	default:
		return take_own_option(&arguments->ctl, option, err);
	}
}

/* Operands and options that the command does not take are a slip, and what was meant is not what would be done. */
static int
prove_arguments(const struct arguments *arguments, char **operands, struct err *err)
{
	const struct command *command = arguments->command;
	if (command == NULL)
		return 0;
	const char *needless = operands[0] == NULL || !command->takes_operand ? operands[0] : operands[1];
	if (needless != NULL)
		return err_set(err, "One command at a time; \"%.64s\" is one too many.", needless);
	for (const struct option *option = options; option->name != NULL; option++)
		if ((arguments->seen & BIT(option->val) & ~(OPTIONS_OF_ALL | command->options)) != 0)
			return err_set(err, "%s takes no --%s; see --help.", command->name, option->name);
	return command->prove != NULL ? command->prove(&arguments->ctl, err) : 0;
}

static int
take_arguments(struct arguments *arguments, int argc, char **argv, struct err *err)
{
	for (int option; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
		if (take_option(arguments, option, err) != 0)
			return -1;
		arguments->seen |= option >= OPTION_ENV_FILE && option <= OPTION_ONCE ? BIT(option) : 0;
	}
	if (optind < argc && take_command(arguments, argv[optind++], err) != 0)
		return -1;
	if (arguments->command != NULL && arguments->command->takes_operand && optind < argc)
		arguments->ctl.operand = argv[optind];
	return prove_arguments(arguments, argv + optind, err);
}

/* Where vitalsd with these settings has its scoreboard. */
static int
find_scoreboard(const struct arguments *arguments, char *path, struct err *err)
{
	struct settings_reader *reader;
	if (arguments->scoreboard != NULL) {
		snprintf(path, PATH_BYTES, "%s", arguments->scoreboard);
		return 0;
	}
	reader = settings_read(arguments->env_file, environ);
	if (reader == NULL)
		return err_set(err, "There is no memory to read the settings.");
	const struct settings *settings = settings_values(reader);
	int status = 0;
	if (arguments->env_file != NULL && access(arguments->env_file, R_OK) != 0)
		status = err_set(err, "%s", settings_problem(reader, 0));
	else if (settings->scoreboard != NULL)
		snprintf(path, PATH_BYTES, "%s", settings->scoreboard);
	else
		status = scoreboard_place(path, PATH_BYTES, geteuid(), settings->listen.items[0], err);
	settings_destroy(reader);
	return status;
}

static int
run(const struct arguments *arguments, struct err *err)
{
	char path[PATH_BYTES];
	struct ctl ctl = arguments->ctl;
	if (find_scoreboard(arguments, path, err) != 0)
		return -1;
	if (access(path, F_OK) != 0)
		return err_set(err,
		               "There is no scoreboard %s: the service does not run, or --env-file or --scoreboard has "
		               "to name another one.",
		               path);
	ctl.path = path;
	ctl.board = scoreboard_attach(path, err);
	if (ctl.board == NULL)
		return -1;
	int status = arguments->command->run(&ctl, err);
	scoreboard_close(ctl.board);
	return status;
}

static int
complain(const struct err *err, int status)
{
	fprintf(stderr, "vitalsctl: %s\n", err->text);
	return status;
}

int
main(int argc, char **argv)
{
	struct err err;
	struct arguments arguments = {.ctl = {.timeout_ms = TIMEOUT_DEFAULT_MS}};
	if (take_arguments(&arguments, argc, argv, &err) != 0)
		return complain(&err, EXIT_MISUSED);
	if (arguments.help) {
		print_usage(stdout);
		return EXIT_DONE;
	}
	if (arguments.version) {
		printf("vitalsctl %s\n", PACKAGE_VERSION);
		return EXIT_DONE;
	}
	if (arguments.command == NULL) {
		print_usage(stderr);
		return EXIT_MISUSED;
	}
	return run(&arguments, &err) == 0 ? EXIT_DONE : complain(&err, EXIT_FAILED);
}
