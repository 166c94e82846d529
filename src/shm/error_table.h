/*
 * error_table.h - which errors there were, how often and when last, in shared memory.
 *
 * Written by every process that logs an error, several at once; read by vitalsctl, also when all of them hang. An
 * entry is found by its fingerprint and counted by one compare-and-swap. Only for a new one do processes take turns,
 * by an owner word (owner.h): the turn of one that died is over, and one that is stopped in it keeps the others from
 * adding, not from counting.
 *
 * Full, the entry that was not seen for the longest makes room: what happens now is what is asked for, and what has
 * not happened for long is in the log. How many had to go is counted.
 */
#ifndef SHM_ERROR_TABLE_H
#define SHM_ERROR_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seqlock.h"

#define ERRORS_MAX 64
#define ERROR_ID_BYTES 129

/* What an error is; texts are cut to fit and always closed. None of it is a client's. */
struct error_kind {
	char level[12];    /* "ERROR" */
	char route[128];   /* the template; "" outside of a request */
	char message[128]; /* a constant of the program */
	char code[32];     /* "503", "42P01", "SIGSEGV"; may be "" */
	char place[96];    /* "wrap_log:leave" */
};

struct error_entry {
	_Alignas(64) _Atomic uint64_t count; /* the fingerprint's lowest 16 bits << 48 | how often */
	_Atomic int64_t first_ns, last_ns;   /* real time */
	_Atomic uint64_t id_writer;          /* owner.h: who writes the ID */
	struct seqlock id_lock;
	char correlation_id[ERROR_ID_BYTES]; /* of the last one in a request */
	struct error_kind kind;              /* written before the fingerprint, and never again under it */
};

struct error_table {
	_Alignas(64) _Atomic uint64_t adder; /* owner.h: whose turn it is to add an entry */
	_Atomic uint64_t total;              /* of all errors, listed or not */
	_Atomic uint64_t replaced;           /* entries that made room for another */
	_Atomic uint64_t unlisted;           /* errors of a new kind that found another process adding */
	_Alignas(64) _Atomic uint64_t fingerprints[ERRORS_MAX]; /* 0: the entry is free */
	struct error_entry entries[ERRORS_MAX];
};

struct error_note {
	uint64_t fingerprint; /* not 0 */
	const struct error_kind *kind;
	const char *correlation_id; /* NULL or "": none */
	int64_t real_ns;
	uint64_t self; /* owner_self(), which the caller keeps */
};

/* Counts one. Never fails; waits only for the turn of another that adds, and that for a bounded number of looks. */
void error_table_note(struct error_table *table, const struct error_note *note);

/* A copy of an entry. */
struct error_row {
	uint64_t fingerprint, count;
	int64_t first_ns, last_ns;
	char correlation_id[ERROR_ID_BYTES]; /* "": none, or being written */
	struct error_kind kind;
};
/* All that are listed, in no order; how many. */
unsigned error_table_copy(const struct error_table *table, struct error_row rows[static ERRORS_MAX]);

struct error_totals {
	unsigned kinds; /* listed */
	uint64_t total, replaced, unlisted;
};
struct error_totals error_table_totals(const struct error_table *table);

#endif
