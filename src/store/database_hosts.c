/*
 * database_hosts.c - see database_hosts.h. Called by database.c for its proofs and by database_connect.c.
 *
 * A host that did not answer in its time is tried after those that did, so that one dead machine costs its share of
 * DB_CONNECT_TIMEOUT once and not at each connect; it has its place back when it answers.
 */
#include "database_hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define PARAMETERS_MOST 64 /* of libpq, and ours; libpq 15 has 38 */
#define VALUE_BYTES 1024   /* of one host */

static const char *
value_of(const struct database_hosts *hosts, const char *keyword)
{
	for (const PQconninfoOption *option = hosts->options; option->keyword != NULL; option++)
		if (strcmp(option->keyword, keyword) == 0 && option->val != NULL)
			return option->val;
	return "";
}

/* Items of a list with commas; 0 for none. */
static size_t
count_items(const char *list)
{
	size_t count = list[0] != '\0';
	for (; *list != '\0'; list++)
		count += *list == ',';
	return count;
}

/* A list of ports, one for each host; an empty one means the default. */
static bool
ports_valid(const char *ports)
{
	for (const char *p = ports; *p != '\0'; p += *p == ',') {
		char *end;
		if (*p == ',')
			continue;
		long port = strtol(p, &end, 10);
		if (*p < '0' || *p > '9' || port < 1 || port > 65535 || (*end != ',' && *end != '\0'))
			return false;
		p = end;
	}
	return true;
}

static const struct {
	const char *word;
	enum database_wanted wanted;
} attributes[] = {
	{"", WANTED_ANY},
	{"any", WANTED_ANY},
	{"read-write", WANTED_WRITABLE},
	{"read-only", WANTED_READ_ONLY},
	{"primary", WANTED_PRIMARY},
	{"standby", WANTED_STANDBY},
	{"prefer-standby", WANTED_ANY},
};

static bool
attributes_known(const char *word)
{
	for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
		if (strcmp(word, attributes[i].word) == 0)
			return true;
	return false;
}

static int
prove(struct database_hosts *hosts, struct err *err)
{
	size_t names = count_items(value_of(hosts, "host")), addresses = count_items(value_of(hosts, "hostaddr"));
	size_t ports = count_items(value_of(hosts, "port"));
	hosts->count = addresses > names ? addresses : names;
	if (hosts->count == 0)
		hosts->count = 1;
	if (!ports_valid(value_of(hosts, "port")))
		return err_set(err, "DATABASE_URL names a port that is not a number from 1 to 65535.");
	if (names != 0 && addresses != 0 && names != addresses)
		return err_set(err, "DATABASE_URL names %zu hosts and %zu addresses (hostaddr); each host needs one.",
		               names, addresses);
	if (ports > 1 && ports != hosts->count)
		return err_set(err,
		               "DATABASE_URL names %zu hosts and %zu ports; give one port for all, or one for each.",
		               hosts->count, ports);
	if (hosts->count > DATABASE_HOSTS_MOST)
		return err_set(err, "DATABASE_URL names %zu hosts; at most %d are allowed.", hosts->count,
		               DATABASE_HOSTS_MOST);
	if (!attributes_known(value_of(hosts, "target_session_attrs")))
		return err_set(
			err, "DATABASE_URL has a target_session_attrs that is not known; allowed are any, read-write, "
			     "read-only, primary, standby and prefer-standby.");
	hosts->prefer_standby = strcmp(value_of(hosts, "target_session_attrs"), "prefer-standby") == 0;
	return 0;
}

int
database_hosts_init(struct database_hosts *hosts, const char *url, struct err *err)
{
	*hosts = (struct database_hosts){.options = PQconninfoParse(url, NULL)};
	/* libpq's own sentence quotes the URL and is not shown. */
	if (hosts->options == NULL)
		return err_set(err, "DATABASE_URL cannot be read: it must be like "
		                    "postgresql://user:password@host:5432/database, with reserved characters "
		                    "percent-encoded and parameters that libpq knows, or like "
		                    "\"host=/run/postgresql dbname=app\".");
	if (prove(hosts, err) == 0)
		return 0;
	database_hosts_fini(hosts);
	return -1;
}

void
database_hosts_fini(struct database_hosts *hosts)
{
	PQconninfoFree(hosts->options);
	hosts->options = NULL;
}

/* ---- Whose turn it is --------------------------------------------------------------------------- */

void
database_hosts_begin(struct database_hosts *hosts)
{
	size_t n = 0;
	for (int late = 0; late < 2; late++)
		for (size_t i = 0; i < hosts->count; i++)
			if (hosts->late[i] == (late != 0))
				hosts->order[n++] = i;
	hosts->round = 0;
	hosts->at = 0;
}

bool
database_hosts_next(struct database_hosts *hosts)
{
	if (hosts->at + 1 < hosts->count) {
		hosts->at++;
		return true;
	}
	if (!hosts->prefer_standby || hosts->round > 0)
		return false;
	hosts->round++;
	hosts->at = 0;
	return true;
}

size_t
database_hosts_left(const struct database_hosts *hosts)
{
	size_t rounds_after = hosts->prefer_standby && hosts->round == 0 ? 1 : 0;
	return hosts->count - hosts->at + rounds_after * hosts->count;
}

size_t
database_hosts_current(const struct database_hosts *hosts)
{
	return hosts->order[hosts->at];
}

void
database_hosts_note(struct database_hosts *hosts, bool answered)
{
	hosts->late[database_hosts_current(hosts)] = !answered;
}

enum database_wanted
database_hosts_wanted(const struct database_hosts *hosts)
{
	const char *word = value_of(hosts, "target_session_attrs");
	for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
		if (strcmp(word, attributes[i].word) == 0)
			return attributes[i].wanted;
	return WANTED_ANY;
}

/* ---- One connect -------------------------------------------------------------------------------- */

struct parameters {
	const char *names[PARAMETERS_MOST + 1], *values[PARAMETERS_MOST + 1];
	size_t count;
};

static void
put(struct parameters *to, const char *name, const char *value)
{
	if (to->count == PARAMETERS_MOST)
		return;
	to->names[to->count] = name;
	to->values[to->count++] = value;
}

/* The n-th item of a list, or its only one; "" leaves the choice to libpq. */
static void
put_item(struct parameters *to, const char *name, const char *list, size_t n, char value[VALUE_BYTES])
{
	if (count_items(list) > 1)
		for (; n > 0; n--)
			list += strcspn(list, ",") + 1;
	snprintf(value, VALUE_BYTES, "%.*s", (int)strcspn(list, ","), list);
	put(to, name, value);
}

static bool
is_ours(const char *keyword)
{
	static const char *const ours[] = {"host", "hostaddr", "port", "target_session_attrs", "client_encoding"};
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (strcmp(keyword, ours[i]) == 0)
			return true;
	return false;
}

PGconn *
database_hosts_start(const struct database_hosts *hosts, const char *application_name)
{
	char host[VALUE_BYTES], address[VALUE_BYTES], port[VALUE_BYTES];
	struct parameters to = {0};
	size_t n = database_hosts_current(hosts);
	const char *attrs = value_of(hosts, "target_session_attrs");
	/* The first two are defaults that the URL may override: of one name the last counts, and "" not at all. */
	put(&to, "gssencmode", "disable");
	put(&to, "fallback_application_name", application_name);
	for (const PQconninfoOption *option = hosts->options; option->keyword != NULL; option++)
		if (option->val != NULL && !is_ours(option->keyword))
			put(&to, option->keyword, option->val);
	put_item(&to, "host", value_of(hosts, "host"), n, host);
	put_item(&to, "hostaddr", value_of(hosts, "hostaddr"), n, address);
	put_item(&to, "port", value_of(hosts, "port"), n, port);
	if (hosts->prefer_standby)
		attrs = hosts->round == 0 ? "standby" : "any";
	put(&to, "target_session_attrs", attrs);
	put(&to, "client_encoding", "UTF8");
	return PQconnectStartParams(to.names, to.values, 0);
}
