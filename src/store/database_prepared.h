/*
 * database_prepared.h - which statements a connection has prepared, by their text.
 *
 * The table outlives connections: a text that an earlier one had prepared is prepared anew on the next at its next use.
 * Names are never used twice, so that what is left of a name that went wrong harms nobody, and hold the text's hash, so
 * that one which another process has given to its statement on a shared connection is not taken for ours. Pure; the
 * texts are copied.
 */
#ifndef STORE_DATABASE_PREPARED_H
#define STORE_DATABASE_PREPARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Texts that are known at a time; the one that was used longest ago makes room. */
#define PREPARED_MOST 128
#define PREPARED_NAME_BYTES 48

struct prepared_entry {
	char *sql; /* NULL: free */
	uint64_t hash;
	uint64_t used;       /* the table's clock */
	uint64_t connection; /* on which it is prepared; 0: on none */
	char name[PREPARED_NAME_BYTES];
};

struct prepared {
	struct prepared_entry entries[PREPARED_MOST];
	uint64_t clock, names;
	struct prepared_entry *current;    /* the one that was asked for last */
	char evicted[PREPARED_NAME_BYTES]; /* a name that its connection need not keep; "": none */
};

void prepared_fini(struct prepared *table);
/* The text's entry, new where it was not known; NULL: no memory. It is the current one from then on. */
struct prepared_entry *prepared_find(struct prepared *table, const char *sql, uint64_t connection);
/* Gives it the next name, for a connection that has not prepared it. True: an earlier connection had. */
bool prepared_make(struct prepared *table, struct prepared_entry *entry, uint64_t connection);
/* The current one is not prepared, as it turned out. */
void prepared_forget_current(struct prepared *table);

#endif
