/* options.c - parses the command line. Everything else is a setting: a service has one place to look at. */
#include "options.h"

#include <string.h>

#include "err.h"

static const struct {
	const char *name;
	enum options_action action;
	const char *help;
} actions[] = {
	{"--check", ACTION_CHECK, "read the settings, load the modules, list every error, start nothing"},
	{"--print-settings", ACTION_PRINT_SETTINGS,
         "the settings in force and where each comes from, secrets left out"},
	{"--help", ACTION_HELP, "this text"},
	{"--version", ACTION_VERSION, "the version"},
};

static const char env_file_option[] = "--env-file";

static int
take_action(struct options *options, const char *argument)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (strcmp(argument, actions[i].name) == 0) {
			options->action = actions[i].action;
			return 0;
		}
	return -1;
}

int
options_parse(struct options *options, int argc, char **argv, struct err *err)
{
	const size_t length = sizeof env_file_option - 1;
	*options = (struct options){.action = ACTION_SERVE};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], env_file_option) == 0 && i + 1 < argc)
			options->env_file = argv[++i];
		else if (strncmp(argv[i], env_file_option, length) == 0 && argv[i][length] == '=')
			options->env_file = argv[i] + length + 1;
		else if (strcmp(argv[i], env_file_option) == 0)
			return err_set(err, "%s needs the name of a file.", env_file_option);
		else if (take_action(options, argv[i]) != 0)
			return err_set(err, "\"%s\" is not an option; see --help.", argv[i]);
	}
	return 0;
}

void
options_print_usage(FILE *out, const char *program)
{
	fprintf(out, "Usage: %s [--env-file FILE] [--check | --print-settings | --help | --version]\n\n", program);
	fprintf(out, "  %-18s %s\n", "--env-file FILE",
	        "read settings from FILE instead of .env; the environment wins over it");
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		fprintf(out, "  %-18s %s\n", actions[i].name, actions[i].help);
}
