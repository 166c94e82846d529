/* helper_main.h - the helper from the fork to its end: commands of CHECKS, and ALERT_COMMAND. */
#ifndef HELPER_MAIN_H
#define HELPER_MAIN_H

#include <stdbool.h>

struct settings;

/* Whether these settings need a helper. */
bool helper_needed(const struct settings *settings);
/* As helper_main_fn; the context is a struct worker_context. */
int helper_main(void *context, int signal_fd);

#endif
