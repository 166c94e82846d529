/*
 * setup_watch.h - what a module's setup may not do to the process, which is about to become all workers.
 *
 * A thread would be in the supervisor alone, since a fork takes only the thread that forks; a child would be a second
 * service; a working directory that has changed would make a reload read other files.
 */
#ifndef APP_SETUP_WATCH_H
#define APP_SETUP_WATCH_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct setup_watch {
	pid_t pid;
	size_t threads;
	struct stat directory;
	mode_t mask;
};

/* Before a setup. */
void setup_watch_begin(struct setup_watch *watch);
/* After it: NULL, or what was done, as a sentence behind the module's name. Does not return in a child that was forked. */
const char *setup_watch_end(const struct setup_watch *watch);

#endif
