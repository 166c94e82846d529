/* control.h - what is said to the supervisor that owns a scoreboard, from outside: signals (signal(7)). */
#ifndef SHM_CONTROL_H
#define SHM_CONTROL_H

#include <signal.h>

#define CONTROL_RELOAD SIGHUP
#define CONTROL_UPGRADE SIGUSR2
#define CONTROL_DRAIN (SIGRTMIN + 1)
#define CONTROL_RESUME (SIGRTMIN + 2)

#endif
