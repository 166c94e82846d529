/*
 * ctl.h - the commands of vitalsctl.
 *
 * Each looks at a scoreboard, read-only; what shall change is asked of the supervisor by a signal, and its answer is
 * read in the scoreboard again. Only log levels are written by vitalsctl itself, which opens the file anew for that.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct scoreboard;

struct ctl {
	struct scoreboard *board;
	const char *path; /* of the scoreboard */
	bool json;
	int64_t timeout_ms; /* for the supervisor to do what is asked */

	/* As they were given, NULL or false where they were not; each command says what is wrong with its own. */
	const char *operand;                                    /* log-level's: LEVEL, reset */
	const char *duration, *logger, *route, *correlation_id; /* log-level's */
	const char *limit;                                      /* errors' */
	bool recent;                                            /* errors' */
	const char *interval;                                   /* top's */
	bool once;                                              /* top's */
};

/* Each prints its answer; -1 with err where it could not be done. */
int ctl_status(const struct ctl *ctl, struct err *err);
int ctl_drain(const struct ctl *ctl, struct err *err);
int ctl_resume(const struct ctl *ctl, struct err *err);
int ctl_reload(const struct ctl *ctl, struct err *err);
int ctl_upgrade(const struct ctl *ctl, struct err *err);
int ctl_log_level(const struct ctl *ctl, struct err *err);
int ctl_errors(const struct ctl *ctl, struct err *err);
int ctl_top(const struct ctl *ctl, struct err *err);

/* -1 with err where the command's own arguments are wrong, whatever the service does; before anything else. */
int ctl_prove_log_level(const struct ctl *ctl, struct err *err);
int ctl_prove_errors(const struct ctl *ctl, struct err *err);
int ctl_prove_top(const struct ctl *ctl, struct err *err);

#endif
