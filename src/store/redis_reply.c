/*
 * redis_reply.c - the table of error replies, and the guard before hiredis's reader.
 *
 * The reader allocates for an array as many elements as its header announces, which a hostile or broken
 * server chooses. So an array gets there only where a command is answered by one, and only when all of it has
 * come: then there are no more elements than bytes. Pure.
 */
#include "redis_reply.h"

#include <hiredis/hiredis.h>
#include <string.h>

#define NUMBER_DIGITS 18

static const struct redis_fault faults[] = {
	{"LOADING", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_ALL, "the server is loading its data"},
	{"READONLY", VT_UNAVAILABLE, REDIS_DROP_NOW_AND_THEN, REDIS_REFUSES_THIS, "the server is a read-only replica"},
	{"OOM", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_THIS, "the server's memory bound is reached"},
	{"NOAUTH", VT_UNAVAILABLE, REDIS_DROP, REDIS_REFUSES_ALL, "the server wants a password"},
	{"WRONGPASS", VT_UNAVAILABLE, REDIS_DROP, REDIS_REFUSES_ALL, "authentication failed"},
	{"ERR invalid password", VT_UNAVAILABLE, REDIS_DROP, REDIS_REFUSES_ALL, "authentication failed"},
	{"ERR AUTH", VT_UNAVAILABLE, REDIS_DROP, REDIS_REFUSES_ALL, "authentication failed"},
	{"ERR Client sent AUTH", VT_UNAVAILABLE, REDIS_DROP, REDIS_REFUSES_THIS, "the server has no password set"},
	{"ERR DB index", VT_UNAVAILABLE, REDIS_DROP, REDIS_REFUSES_THIS, "the database does not exist"},
	{"ERR invalid DB index", VT_UNAVAILABLE, REDIS_DROP, REDIS_REFUSES_THIS, "the database does not exist"},
	{"ERR max number of clients", VT_UNAVAILABLE, REDIS_DROP, REDIS_REFUSES_ALL, "too many connections"},
	{"DENIED", VT_UNAVAILABLE, REDIS_DROP, REDIS_REFUSES_ALL, "the server is in protected mode"},
	{"NOPERM", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_THIS, "permission denied"},
	{"MASTERDOWN", VT_UNAVAILABLE, REDIS_DROP, REDIS_REFUSES_ALL, "the replica has lost its master"},
	{"MISCONF", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_THIS, "the server cannot save and refuses to write"},
	{"CLUSTERDOWN", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_ALL, "the cluster is down"},
	{"NOREPLICAS", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_THIS, "the server has too few replicas"},
	{"BUSY", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_ALL, "the server runs a long script"},
	{"TRYAGAIN", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_THIS, "the cluster moves the key"},
	{"MOVED", VT_ERROR, REDIS_KEEP, REDIS_REFUSES_THIS, "the key lives on another node of a cluster"},
	{"WRONGTYPE", VT_ERROR, REDIS_KEEP, REDIS_REFUSES_THIS, "the key holds something that is not a text"},
};

const struct redis_fault *
redis_reply_fault(const char *text)
{
	static const struct redis_fault unknown = {"", VT_ERROR, REDIS_KEEP, REDIS_REFUSES_THIS,
	                                           "the server answered with an error"};
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

/* ---- Arrays ------------------------------------------------------------------------------------- */

/* Where the walk through an array stands: elements still to come, by depth. */
struct walk {
	const char *data;
	size_t size_bytes, at;
	int64_t left[REDIS_ARRAY_DEPTH];
	size_t depth;
};

/* The number behind a type byte and the line's end; at is moved behind it. */
static enum redis_shape
take_number(struct walk *walk, int64_t *number)
{
	bool negative = false;
	size_t i = walk->at + 1, digits = 0;
	*number = 0;
	if (i < walk->size_bytes && walk->data[i] == '-') {
		negative = true;
		i++;
	}
	for (; i < walk->size_bytes && walk->data[i] >= '0' && walk->data[i] <= '9'; i++) {
		if (++digits > NUMBER_DIGITS)
			return REDIS_SHAPE_REFUSED;
		*number = *number * 10 + (walk->data[i] - '0');
	}
	if (i + 2 > walk->size_bytes)
		return i == walk->size_bytes || walk->data[i] == '\r' ? REDIS_SHAPE_PART : REDIS_SHAPE_REFUSED;
	if (digits == 0 || walk->data[i] != '\r' || walk->data[i + 1] != '\n')
		return REDIS_SHAPE_REFUSED;
	*number = negative ? -*number : *number;
	walk->at = i + 2;
	return REDIS_SHAPE_WHOLE;
}

static enum redis_shape
skip_line(struct walk *walk)
{
	const char *from = walk->data + walk->at, *end = memchr(from, '\n', walk->size_bytes - walk->at);
	if (end == NULL)
		return REDIS_SHAPE_PART;
	walk->at += (size_t)(end - from) + 1;
	return REDIS_SHAPE_WHOLE;
}

/* -1 is nothing, and has no bytes. */
static enum redis_shape
skip_text(struct walk *walk)
{
	int64_t size;
	enum redis_shape shape = take_number(walk, &size);
	if (shape != REDIS_SHAPE_WHOLE || size == -1)
		return shape;
	if (size < 0)
		return REDIS_SHAPE_REFUSED;
	if ((uint64_t)size + 2 > walk->size_bytes - walk->at)
		return REDIS_SHAPE_PART;
	walk->at += (size_t)size + 2;
	return memcmp(walk->data + walk->at - 2, "\r\n", 2) == 0 ? REDIS_SHAPE_WHOLE : REDIS_SHAPE_REFUSED;
}

static enum redis_shape
enter_array(struct walk *walk)
{
	int64_t count;
	enum redis_shape shape = take_number(walk, &count);
	if (shape != REDIS_SHAPE_WHOLE)
		return shape;
	if (count < -1 || (count > 0 && walk->depth == REDIS_ARRAY_DEPTH))
		return REDIS_SHAPE_REFUSED;
	if (count > 0)
		walk->left[walk->depth++] = count;
	return REDIS_SHAPE_WHOLE;
}

static enum redis_shape
skip_one(struct walk *walk)
{
	int64_t number;
	if (walk->at == walk->size_bytes)
		return REDIS_SHAPE_PART;
	switch (walk->data[walk->at]) {
	case '*':
		return enter_array(walk);
	case '$':
		return skip_text(walk);
	case ':':
		return take_number(walk, &number);
	case '+':
	case '-':
		return skip_line(walk);
	default:
		return REDIS_SHAPE_REFUSED;
	}
}

enum redis_shape
redis_reply_walk(const char *data, size_t size_bytes)
{
	struct walk walk = {.data = data, .size_bytes = size_bytes};
	do {
		enum redis_shape shape;
		size_t depth = walk.depth;
		if (depth > 0)
			walk.left[depth - 1]--;
		shape = skip_one(&walk);
		if (shape != REDIS_SHAPE_WHOLE)
			return shape;
		while (walk.depth > 0 && walk.left[walk.depth - 1] == 0)
			walk.depth--;
	} while (walk.depth > 0);
	return REDIS_SHAPE_WHOLE;
}

/* ---- The guard ---------------------------------------------------------------------------------- */

enum redis_shape
redis_reply_judge(const struct redisReader *reader, size_t max_bytes, size_t array_max_bytes, const char **words)
{
	size_t held = reader->len - reader->pos;
	bool array = held > 0 && reader->ridx < 0 && reader->buf[reader->pos] == '*' && array_max_bytes > 0;
	if (held > (array ? array_max_bytes : max_bytes)) {
		*words = "the reply is too large";
		return REDIS_SHAPE_REFUSED;
	}
	enum redis_shape shape = REDIS_SHAPE_WHOLE;
	/* Between two replies pos stands at a type byte; inside one the reader has moved past it. */
	if (array)
		shape = redis_reply_walk(reader->buf + reader->pos, held);
	else if (held > 0 && reader->ridx < 0 && !is_type_of_ours(reader->buf[reader->pos]))
		shape = REDIS_SHAPE_REFUSED;
	if (shape == REDIS_SHAPE_REFUSED)
		*words = "what answers does not speak the protocol";
	return shape;
}
