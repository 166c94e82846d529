/*
 * vitals.c - vt_main(): what the command line asks for.
 *
 * The only library function that prints: it is the program.
 */
#include "vitals.h"

#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "err.h"
#include "options.h"
#include "program.h"
#include "service.h"
#include "settings.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

enum exit_status { EXIT_STOPPED = 0, EXIT_FAILED = 1, EXIT_MISUSED = 2 };

static size_t
print_problems(const struct settings_reader *reader)
{
	size_t n = 0;
	for (const char *problem; (problem = settings_problem(reader, n)) != NULL; n++)
		fprintf(stderr, "vitalsd: %s\n", problem);
	return n;
}

static int
serve(struct service *service, char **argv)
{
	struct err err;
	char path[PATH_MAX];
	if (program_path(argv[0], path, sizeof path, &err) == 0 &&
	    service_run(service, &(struct program){.argv = argv, .path = path}, &err) == 0)
		return EXIT_STOPPED;
	fprintf(stderr, "vitalsd: %s\n", err.text);
	return EXIT_FAILED;
}

static int
check(struct service *service)
{
	struct err err;
	if (service_rehearse(service, &err) == 0) {
		printf("The settings are right.\n");
		return EXIT_STOPPED;
	}
	fprintf(stderr, "vitalsd: %s\n", err.text);
	return EXIT_MISUSED;
}

static int
act(const struct options *options, const struct settings_reader *reader, struct service *service, char **argv)
{
	if (options->action == ACTION_PRINT_SETTINGS)
		settings_print(reader, stdout);
	size_t problems = print_problems(reader);
	if (problems > 0)
		return EXIT_MISUSED;
	if (options->action == ACTION_CHECK)
		return check(service);
	return options->action == ACTION_SERVE ? serve(service, argv) : EXIT_STOPPED;
}

/* Were one of them closed, the next socket would take its number, and a message would go to a peer. */
static void
hold_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) < 0)
			return;
}

/*
 * Numbers are written with a point, whatever locale a module sets for the process: what a thread has chosen for itself
 * comes first.
 */
static void
hold_locale(void)
{
	locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (plain != (locale_t)0)
		uselocale(plain);
}

/* A module that calls exit() in its setup would end the service without a word. The flag outlives vt_main(). */
static void
explain_exit(int status, void *preparing)
{
	if (!*(const bool *)preparing)
		return;
	fprintf(stderr, "vitalsd: A module has ended the process in its setup, with status %d; see MODULES.\n", status);
	fflush(NULL);
	_exit(EXIT_MISUSED);
}

static struct service *
prepare(struct settings_reader *reader, vt_setup_fn *setup)
{
	bool *preparing = malloc(sizeof *preparing);
	if (preparing == NULL)
		return NULL;
	*preparing = true;
	if (on_exit(explain_exit, preparing) != 0) {
		free(preparing);
		return NULL;
	}
	struct service *service = service_prepare(reader, setup);
	*preparing = false;
	return service;
}

int
vt_main(int argc, char **argv, vt_setup_fn *setup)
{
	struct options options;
	struct err err;
	hold_standard_descriptors();
	hold_locale();
	if (options_parse(&options, argc, argv, &err) != 0) {
		fprintf(stderr, "vitalsd: %s\n", err.text);
		return EXIT_MISUSED;
	}
	if (options.action == ACTION_VERSION) {
		printf("vitalsd %s\n", PACKAGE_VERSION);
		return EXIT_STOPPED;
	}
	if (options.action == ACTION_HELP) {
		options_print_usage(stdout, argv[0]);
		settings_print_help(stdout);
		return EXIT_STOPPED;
	}
	struct settings_reader *reader = settings_read(options.env_file, environ);
	struct service *service = reader != NULL ? prepare(reader, setup) : NULL;
	int status = EXIT_FAILED;
	if (service != NULL)
		status = act(&options, reader, service, argv);
	else
		fprintf(stderr, "vitalsd: There is no memory to start.\n");
	service_destroy(service);
	settings_destroy(reader);
	return status;
}
