/* database_prepared.c - see database_prepared.h. Called by database_statement.c and database_query.c. */
#include "database_prepared.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fnv.h"

void
prepared_fini(struct prepared *table)
{
	for (size_t i = 0; i < PREPARED_MOST; i++)
		free(table->entries[i].sql);
	*table = (struct prepared){0};
}

static struct prepared_entry *
oldest(struct prepared *table)
{
	struct prepared_entry *found = &table->entries[0];
	for (size_t i = 0; i < PREPARED_MOST && found->sql != NULL; i++)
		if (table->entries[i].sql == NULL || table->entries[i].used < found->used)
			found = &table->entries[i];
	return found;
}

static struct prepared_entry *
add(struct prepared *table, const char *sql, uint64_t hash, uint64_t connection)
{
	struct prepared_entry *entry = oldest(table);
	char *copy = strdup(sql);
	if (copy == NULL)
		return NULL;
	if (entry->sql != NULL && entry->connection == connection)
		memcpy(table->evicted, entry->name, sizeof table->evicted);
	free(entry->sql);
	*entry = (struct prepared_entry){.sql = copy, .hash = hash};
	return entry;
}

struct prepared_entry *
prepared_find(struct prepared *table, const char *sql, uint64_t connection)
{
	uint64_t hash = fnv_text(FNV_OFFSET, sql);
	struct prepared_entry *found = NULL;
	table->evicted[0] = '\0';
	for (size_t i = 0; i < PREPARED_MOST && found == NULL; i++) {
		struct prepared_entry *entry = &table->entries[i];
		if (entry->sql != NULL && entry->hash == hash && strcmp(entry->sql, sql) == 0)
			found = entry;
	}
	if (found == NULL)
		found = add(table, sql, hash, connection);
	if (found != NULL)
		found->used = ++table->clock;
	table->current = found;
	return found;
}

bool
prepared_make(struct prepared *table, struct prepared_entry *entry, uint64_t connection)
{
	bool again = entry->name[0] != '\0';
	snprintf(entry->name, sizeof entry->name, "vt_%016" PRIx64 "_%" PRIu64, entry->hash, ++table->names);
	entry->connection = connection;
	return again;
}

void
prepared_forget_current(struct prepared *table)
{
	if (table->current != NULL)
		table->current->connection = 0;
}
