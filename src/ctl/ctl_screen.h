/* ctl_screen.h - a terminal that is drawn on again and again, and given back as it was. */
#ifndef CTL_CTL_SCREEN_H
#define CTL_CTL_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

#include "ctl_top.h"

struct err;

struct ctl_screen {
	int signal_fd;
	bool reads_keys; /* standard input is a terminal too, whose modes these are: */
	struct termios before;
};

/* Standard output is a terminal. -1 with err; then nothing is to be closed. */
int ctl_screen_open(struct ctl_screen *screen, struct err *err);
void ctl_screen_close(struct ctl_screen *screen);
/* How large it is now. */
struct ctl_frame ctl_screen_size(void);
/* Shows a text of whole lines from the top; what else was there is gone. False: the terminal is. */
bool ctl_screen_show(const char *text);

enum ctl_screen_event { SCREEN_AGAIN, SCREEN_END };
/* Until the deadline, a new size, the return from a stop (SCREEN_AGAIN), or q, Ctrl-C, SIGTERM, hang-up (SCREEN_END). */
enum ctl_screen_event ctl_screen_wait(struct ctl_screen *screen, int64_t deadline_ns);

#endif
