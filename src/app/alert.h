/*
 * alert.h - ALERT_COMMAND: runs the checks also when nobody asks, and tells a change of health that lasts.
 *
 * For the helper alone. What was told stands in the scoreboard, so that neither the helper's death nor a reload tells it
 * twice or forgets it.
 */
#ifndef APP_ALERT_H
#define APP_ALERT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "child.h"

struct alert;
struct checks;
struct log;
struct scoreboard;
struct settings;

struct alert_config {
	const struct settings *settings; /* with ALERT_COMMAND */
	struct scoreboard *board;
	struct checks *checks;
	struct log *log;
};

/* NULL: no memory. */
struct alert *alert_create(const struct alert_config *config);
/* Kills a command that runs. */
void alert_destroy(struct alert *alert);
/* Does what is due. leaving: begins nothing any more. */
void alert_step(struct alert *alert, bool leaving);
void alert_polls(const struct alert *alert, struct pollfd polls[CHILD_POLLS]);
bool alert_runs(const struct alert *alert);
/* When there is something to do next, SIGCHLD apart. */
int64_t alert_next_ns(const struct alert *alert);

#endif
