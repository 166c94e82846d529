/*
 * owner.h - who lives in a slot, as one word.
 *
 * A process is named by its pid and its start time, since pids are used again. Both stand in one 64-bit word, so
 * that processes without a common supervisor can take a slot from nobody, or from a dead process, by one
 * compare-and-swap and no other process ever sees half of the change.
 */
#ifndef SHM_OWNER_H
#define SHM_OWNER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The 22 bits hold every pid: the kernel's PID_MAX_LIMIT is 2^22. */
#define OWNER_PID_BITS 22

/* This process. */
uint64_t owner_self(void);
/* 0 for a word that names nobody. */
pid_t owner_pid(uint64_t owner);
/* In clock ticks since boot, as field 22 of /proc/PID/stat has it. */
uint64_t owner_started(uint64_t owner);
/* False for nobody, and for a process that has ended, reaped or not, whoever has its pid now. */
bool owner_lives(uint64_t owner);

/*
 * Takes a word that says whose turn it is, where nobody or a dead process has it; false: a living one has it. Never
 * waits; looks into /proc only where the word is taken.
 */
bool owner_claim(_Atomic uint64_t *word, uint64_t self);
/* Gives it back; does nothing where it is not self's. */
void owner_release(_Atomic uint64_t *word, uint64_t self);

#endif
