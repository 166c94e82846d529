/* options.h - the command line of vitalsd. */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include <stdio.h>

struct err;

enum options_action { ACTION_SERVE, ACTION_CHECK, ACTION_PRINT_SETTINGS, ACTION_HELP, ACTION_VERSION };

struct options {
	enum options_action action;
	const char *env_file; /* NULL: ".env" where there is one */
};

/* -1 with a sentence for an argument that is unknown, lacks its value, or is no option. */
int options_parse(struct options *options, int argc, char **argv, struct err *err);
/* The usage, before the settings' own help. */
void options_print_usage(FILE *out, const char *program);

#endif
