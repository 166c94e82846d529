/*
 * redis_reply.c - the table of error replies, and the guard before hiredis's reader.
 *
 * The reader allocates for an array as many elements as its header announces, which a hostile or broken
 * server chooses; no command of ours is answered by one, so that an array never gets there. Pure.
 */
#include "redis_reply.h"

#include <hiredis/hiredis.h>
#include <string.h>

static const struct redis_fault faults[] = {
	{"LOADING", VT_UNAVAILABLE, false, "the server is loading its data"},
	{"READONLY", VT_UNAVAILABLE, true, "the server is a read-only replica"},
	{"OOM", VT_UNAVAILABLE, false, "the server's memory bound is reached"},
	{"NOAUTH", VT_UNAVAILABLE, true, "the server wants a password"},
	{"WRONGPASS", VT_UNAVAILABLE, true, "authentication failed"},
	{"ERR invalid password", VT_UNAVAILABLE, true, "authentication failed"},
	{"ERR AUTH", VT_UNAVAILABLE, true, "authentication failed"},
	{"ERR Client sent AUTH", VT_UNAVAILABLE, true, "the server has no password set"},
	{"ERR DB index", VT_UNAVAILABLE, true, "the database does not exist"},
	{"ERR invalid DB index", VT_UNAVAILABLE, true, "the database does not exist"},
	{"ERR max number of clients", VT_UNAVAILABLE, true, "too many connections"},
	{"DENIED", VT_UNAVAILABLE, true, "the server is in protected mode"},
	{"NOPERM", VT_UNAVAILABLE, false, "permission denied"},
	{"MASTERDOWN", VT_UNAVAILABLE, true, "the replica has lost its master"},
	{"MISCONF", VT_UNAVAILABLE, false, "the server cannot save and refuses to write"},
	{"CLUSTERDOWN", VT_UNAVAILABLE, false, "the cluster is down"},
	{"NOREPLICAS", VT_UNAVAILABLE, false, "the server has too few replicas"},
	{"BUSY", VT_UNAVAILABLE, false, "the server runs a long script"},
	{"TRYAGAIN", VT_UNAVAILABLE, false, "the cluster moves the key"},
	{"MOVED", VT_ERROR, false, "the key lives on another node of a cluster"},
	{"WRONGTYPE", VT_ERROR, false, "the key holds something that is not a text"},
};

const struct redis_fault *
redis_reply_fault(const char *text)
{
	static const struct redis_fault unknown = {"", VT_ERROR, false, "the server answered with an error"};
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		if (strncmp(text, faults[i].prefix, strlen(faults[i].prefix)) == 0)
			return &faults[i];
	return &unknown;
}

static bool
is_type_of_ours(char c)
{
	return c == '+' || c == '-' || c == ':' || c == '$';
}

bool
redis_reply_acceptable(const struct redisReader *reader, size_t max_bytes, const char **words)
{
	size_t held = reader->len - reader->pos;
	if (held > max_bytes) {
		*words = "the reply is too large";
		return false;
	}
	/* Between two replies pos stands at a type byte; inside one the reader has moved past it. */
	if (held > 0 && reader->ridx < 0 && !is_type_of_ours(reader->buf[reader->pos])) {
		*words = "what answers does not speak the protocol";
		return false;
	}
	return true;
}
