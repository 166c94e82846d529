/*
 * plugins.h - the commands of CHECKS, run in turn by the helper, each as often as it is to be.
 *
 * A command answers as a Nagios plugin does: by its exit code (0 well, 1 a warning, 2 critical, 3 unknown) and by the
 * first line that it says, without what follows a '|'. What it found is left in the scoreboard for check_command.c.
 */
#ifndef APP_PLUGINS_H
#define APP_PLUGINS_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "child.h"

struct checks_config;
struct plugins;

#define PLUGINS_MOST 12
#define PLUGINS_POLLS (PLUGINS_MOST * CHILD_POLLS)

/* NULL: no memory. */
struct plugins *plugins_create(const struct checks_config *config);
/* Kills what runs. */
void plugins_destroy(struct plugins *plugins);
/* Starts what is due, takes what has ended. leaving: starts nothing any more. */
void plugins_step(struct plugins *plugins, bool leaving);
void plugins_polls(const struct plugins *plugins, struct pollfd polls[PLUGINS_POLLS]);
int64_t plugins_next_ns(const struct plugins *plugins);

#endif
