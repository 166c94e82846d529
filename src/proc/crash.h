/*
 * crash.h - what a worker that crashes leaves in its slot: the signal, the address, the functions it was in.
 *
 * SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT. The obituary tells it; the signal then does what it always does, a
 * core file included.
 */
#ifndef PROC_CRASH_H
#define PROC_CRASH_H

struct slot;

#define CRASH_FRAMES_MAX 32

/*
 * By a worker, once, in its main thread, as soon as the slot is its own. A signal that somebody else has a handler for
 * (a sanitizer, a module's runtime) is left to that. Without memory crashes are as mute as before.
 */
void crash_watch(struct slot *slot);

#endif
