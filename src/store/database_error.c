/*
 * database_error.c - tables of SQLSTATE codes and their classes. Pure; called by the database_*.c files.
 *
 * A condition that callers meet often has words of its own, any other those of its class.
 */
#include "database_error.h"

#include <stdio.h>
#include <string.h>

#include "net_error.h"

struct sqlstate_words {
	const char *code; /* five characters, or two for a class */
	const char *words;
};

static const struct sqlstate_words conditions[] = {
	{"08P01", "protocol violation"},
	{"22001", "a text is too long"},
	{"22003", "a number is out of range"},
	{"22007", "not a date or time"},
	{"22008", "a date or time is out of range"},
	{"22012", "division by zero"},
	{"22021", "a text is not valid in the database's encoding"},
	{"22P02", "a text does not fit the type"},
	{"22P05", "a character has no equal in the database's encoding"},
	{"23502", "a value may not be null"},
	{"23503", "a foreign key is violated"},
	{"23505", "the value exists already"},
	{"23514", "a check constraint is violated"},
	{"23P01", "an exclusion constraint is violated"},
	{"25006", "the database is read-only"},
	{"25P02", "the transaction has failed"},
	{"25P03", "the server ended an idle transaction"},
	{"25P04", "the server ended a long transaction"},
	{"26000", "a prepared statement does not exist"},
	{"28P01", "authentication failed"},
	{"3D000", "the database does not exist"},
	{"40001", "changed by somebody else at the same time"},
	{"40P01", "deadlock"},
	{"42501", "permission denied"},
	{"42601", "syntax error"},
	{"42703", "a column does not exist"},
	{"42883", "a function does not exist"},
	{"42P01", "a table does not exist"},
	{"42P02", "a parameter does not exist"},
	{"53100", "the server's disk is full"},
	{"53200", "the server is out of memory"},
	{"53300", "too many connections"},
	{"55P03", "a lock is not available"},
	{"57014", "the statement was cancelled"},
	{"57P01", "the server ended the connection"},
	{"57P02", "the server ended the connection after a crash"},
	{"57P03", "the server is starting or stopping"},
	{"57P04", "the database was dropped"},
	{"57P05", "the server ended an idle connection"},
};

static const struct sqlstate_words classes[] = {
	{"08", "connection failure"},
	{"0A", "feature not supported"},
	{"0L", "invalid grantor"},
	{"21", "cardinality violation"},
	{"22", "data not acceptable"},
	{"23", "a constraint is violated"},
	{"25", "invalid transaction state"},
	{"26", "unknown statement name"},
	{"28", "authorization refused"},
	{"2D", "invalid transaction termination"},
	{"3D", "invalid database name"},
	{"3F", "invalid schema name"},
	{"40", "transaction rolled back"},
	{"42", "syntax error or access violation"},
	{"44", "a check option is violated"},
	{"53", "insufficient resources"},
	{"54", "a limit of the server is exceeded"},
	{"55", "object not in the state that is needed"},
	{"57", "operator intervention"},
	{"58", "system error at the server"},
	{"72", "snapshot failure"},
	{"F0", "configuration file error at the server"},
	{"HV", "foreign data wrapper error"},
	{"P0", "error raised by a function"},
	{"XX", "internal error of the server"},
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static bool
in_class(const char *sqlstate, const char *prefix)
{
	return strncmp(sqlstate, prefix, strlen(prefix)) == 0;
}

enum vt_result
database_error_result(const char *sqlstate)
{
	static const struct {
		const char *prefix;
		enum vt_result result;
	} outcomes[] = {
		{"08", VT_UNAVAILABLE}, {"22", VT_BAD_INPUT},      {"23", VT_CONFLICT},   {"40001", VT_CONFLICT},
		{"40P01", VT_CONFLICT}, {"53300", VT_UNAVAILABLE}, {"57014", VT_TIMEOUT}, {"57P", VT_UNAVAILABLE},
		{"25P03", VT_TIMEOUT},  {"25P04", VT_TIMEOUT},
	};
	for (size_t i = 0; i < COUNT(outcomes); i++)
		if (in_class(sqlstate, outcomes[i].prefix))
			return outcomes[i].result;
	return VT_ERROR;
}

bool
database_error_ends_connection(const char *sqlstate)
{
	return in_class(sqlstate, "57P") || in_class(sqlstate, "08") || in_class(sqlstate, "25P03") ||
	       in_class(sqlstate, "25P04");
}

static const char *
find_words(const struct sqlstate_words *table, size_t count, const char *sqlstate)
{
	for (size_t i = 0; i < count; i++)
		if (in_class(sqlstate, table[i].code))
			return table[i].words;
	return NULL;
}

static bool
is_code_character(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

static bool
is_sqlstate(const char *text)
{
	for (int i = 0; i < 5; i++)
		if (!is_code_character(text[i]))
			return false;
	return text[5] == '\0' || text[5] == '\n';
}

void
database_error_describe(char *out, size_t size_bytes, const char *sqlstate)
{
	const char *words = find_words(conditions, COUNT(conditions), sqlstate);
	if (words == NULL)
		words = find_words(classes, COUNT(classes), sqlstate);
	if (words == NULL)
		words = "error of the database";
	if (is_sqlstate(sqlstate))
		snprintf(out, size_bytes, "%s (SQLSTATE %.5s)", words, sqlstate);
	else
		snprintf(out, size_bytes, "%s", words);
}

bool
database_error_find_sqlstate(const char *libpq_text, char sqlstate[SQLSTATE_BYTES])
{
	bool found = false;
	/* "FATAL:  53300" at the end of a line; the severity may be translated, the two blanks are not. */
	for (const char *p = strstr(libpq_text, ":  "); p != NULL; p = strstr(p + 1, ":  ")) {
		if (!is_sqlstate(p + 3))
			continue;
		memcpy(sqlstate, p + 3, 5);
		sqlstate[5] = '\0';
		found = true;
	}
	return found;
}

const char *
database_error_connect_words(const char *libpq_text)
{
	static const struct {
		const char *text, *words;
	} known[] = {
		{"could not translate host name", "the host name cannot be resolved"},
		{"server closed the connection unexpectedly", "the server closed the connection"},
		{"received invalid response", "what answers is not PostgreSQL"},
		{"session is read-only", "the server is read-only"},
		{"session is not read-only", "the server is not read-only"},
		{"server is in hot standby mode", "the server is a standby"},
		{"server is not in hot standby mode", "the server is not a standby"},
		{"no password supplied", "the server wants a password and none is configured"},
		{"SSL", "TLS could not be negotiated"},
		{"certificate", "TLS could not be negotiated"},
		{"authentication", "authentication is not possible"},
	};
	const char *words = net_error_find(libpq_text);
	for (size_t i = 0; i < COUNT(known) && words == NULL; i++)
		if (strstr(libpq_text, known[i].text) != NULL)
			words = known[i].words;
	return words != NULL ? words : "the connection could not be opened";
}
