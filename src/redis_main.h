/* redis_main.h - the keeper of Redis: a process beside the workers, or a thread of one that serves alone. */
#ifndef REDIS_MAIN_H
#define REDIS_MAIN_H

#include <stdbool.h>

struct err;
struct redis_thread;
struct settings;
struct worker_context;

/* Whether these settings need one. */
bool redis_needed(const struct settings *settings);
/* As helper_main_fn; the context is a struct worker_context. */
int redis_main(void *context, int signal_fd);

/* With WORKERS=0; of all such processes one at a time keeps. NULL with err. */
struct redis_thread *redis_thread_start(const struct worker_context *with, struct err *err);
/* NULL is allowed. */
void redis_thread_stop(struct redis_thread *thread);

#endif
