/*
 * connection.c - what becomes of a connection at each visit: admitted, served, kept, lingered over, closed.
 *
 * A request is served when admission.c has found it right. What a socket holds is read into a window that all
 * connections share; where that is one whole request, it is served from there. Where more or less than that
 * has come, it is kept with the connection until there is a request. libfcgi is given the head and never the
 * socket, and the body is read by body_stream.c: doc/decisions/0001-what-libfcgi-may-see.md tells why.
 */
#include "connection.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "body_stream.h"
#include "clock.h"
#include "err.h"
#include "fcgi_library.h"
#include "insist.h"
#include "log.h"
#include "scoreboard.h"
#include "strbuf.h"
#include "watcher.h"

#define LOGGER "vitals.connection"
#define REFUSALS_LOGGED_EVERY_NS NS_PER_S
/* What a web server has under way comes faster than this; who is slower finds the connection closed. */
#define DRAIN_MS 100

struct fcgi {
	struct fcgi_config config;
	struct fcgi_library *library;
	unsigned char *window; /* what was read from a socket, until it is served or kept */
	size_t window_bytes;
	int64_t refusal_logged_ns;
	uint64_t refusals_unlogged;
};

/* What becomes of a connection after a request. */
enum fate { FATE_KEEP, FATE_AGAIN, FATE_LINGER, FATE_CLOSE };

struct fcgi *
fcgi_create(const struct fcgi_config *config, struct err *err)
{
	struct fcgi *fcgi = calloc(1, sizeof *fcgi);
	if (fcgi == NULL) {
		err_set(err, "There is no memory for connections.");
		return NULL;
	}
	fcgi->config = *config;
	fcgi->window_bytes = config->limits.max_head_bytes;
	fcgi->window = malloc(fcgi->window_bytes);
	fcgi->library = fcgi_library_create(config->limits.max_head_bytes, err);
	if (fcgi->window != NULL && fcgi->library != NULL)
		return fcgi;
	if (fcgi->window == NULL)
		err_set(err, "There is no memory for connections.");
	fcgi_destroy(fcgi);
	return NULL;
}

void
fcgi_destroy(struct fcgi *fcgi)
{
	if (fcgi == NULL)
		return;
	fcgi_library_destroy(fcgi->library);
	free(fcgi->window);
	free(fcgi);
}

int64_t
connection_idle_deadline_ns(const struct fcgi *fcgi)
{
	return fcgi->config.idle_timeout_ms > 0 ? deadline_in_ms(fcgi->config.idle_timeout_ms) : DEADLINE_NEVER;
}

/* A hostile peer can make thousands of these a second: one record a second tells how many. */
static void
log_refusal(struct fcgi *fcgi, const char *reason)
{
	int64_t now_ns = clock_mono_ns();
	fcgi->refusals_unlogged++;
	if (fcgi->refusal_logged_ns != 0 && now_ns - fcgi->refusal_logged_ns < REFUSALS_LOGGED_EVERY_NS)
		return;
	log_event(fcgi->config.log, VT_WARNING, LOGGER, "Connection refused", VT_STR("reason", reason),
	          VT_INT("count", fcgi->refusals_unlogged));
	fcgi->refusal_logged_ns = now_ns;
	fcgi->refusals_unlogged = 0;
}

/* ---- Serving ------------------------------------------------------------------------------------ */

static enum vt_result
stream_read_body(void *context, void *buffer, size_t size_bytes, size_t *got)
{
	return body_stream_read(context, buffer, size_bytes, got);
}

static void
serve(struct fcgi *fcgi, const struct admission *admission, struct exchange *exchange)
{
	slot_set_state(fcgi->config.slot, SLOT_BUSY);
	exchange->params = fcgi_library_params(fcgi->library);
	exchange->malformed = admission->malformed;
	fcgi->config.handler.serve(fcgi->config.handler.context, exchange);
	INSIST(exchange->head != NULL);
}

/* True where all of the response was written. Nothing of the request is left after this. */
static bool
respond(struct fcgi *fcgi, const struct connection *connection, const struct exchange *exchange)
{
	struct slot *slot = fcgi->config.slot;
	slot_set_phase(slot, PHASE_WRITING);
	watcher_arm(fcgi->config.watcher, connection->fd, deadline_in_ms(fcgi->config.request_timeout_ms));
	bool written = fcgi_library_respond(fcgi->library, connection->fd, exchange);
	if (watcher_disarm(fcgi->config.watcher))
		written = false;
	fcgi->config.handler.finish(fcgi->config.handler.context);
	fcgi_library_end(fcgi->library);
	atomic_store_explicit(&slot->requests, atomic_load_explicit(&slot->requests, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
	slot_set_phase(slot, PHASE_NONE);
	slot_set_state(slot, SLOT_IDLE);
	return written;
}

/* What was taken out of a connection's socket. */
struct taken {
	const unsigned char *data;
	size_t size;
	size_t used; /* set: how much of it this request was */
};

/* While this runs, every other connection may be given away; this one and its bytes stay. */
static enum fate
serve_accepted(struct fcgi *fcgi, const struct connection *connection, const struct admission *admission,
               struct taken *taken)
{
	bool keep = fcgi_library_keeps(fcgi->library);
	bool whole = admission->verdict == ADMISSION_WHOLE;
	struct body_stream stream = {
		.fd = connection->fd,
		.ahead = taken->data + admission->head_bytes,
		.ahead_bytes = taken->size - admission->head_bytes,
		.request_id = admission->request_id,
		.deadline_ns = deadline_in_ms(fcgi->config.request_timeout_ms),
	};
	struct exchange exchange = {.body = {.read = stream_read_body, .context = &stream}};
	serve(fcgi, admission, &exchange);
	if (!whole)
		body_stream_drain(&stream, fcgi->config.linger_bytes, deadline_in_ms(DRAIN_MS));
	bool written = respond(fcgi, connection, &exchange);
	if (whole)
		taken->used = admission->request_bytes;
	else if (stream.ended)
		taken->used = taken->size - stream.ahead_bytes;
	if (!written)
		return FATE_CLOSE;
	if (!whole && !stream.ended)
		return stream.failed == VT_PEER_GONE ? FATE_CLOSE : FATE_LINGER;
	return keep ? FATE_AGAIN : FATE_LINGER;
}

static enum fate
serve_taken(struct fcgi *fcgi, struct conn_table *table, struct connection *connection,
            const struct admission *admission, struct taken *taken)
{
	taken->used = taken->size;
	if (!fcgi_library_accept_head(fcgi->library, taken->data, admission->head_bytes))
		return FATE_CLOSE;
	conn_table_move(table, connection, CONN_SERVING, DEADLINE_NEVER);
	watcher_request_begin(fcgi->config.watcher);
	enum fate fate = serve_accepted(fcgi, connection, admission, taken);
	watcher_request_end(fcgi->config.watcher);
	return fate;
}

/* ---- States ------------------------------------------------------------------------------------- */

static void
settle(struct fcgi *fcgi, struct conn_table *table, struct connection *connection, enum fate fate)
{
	switch (fate) {
	case FATE_KEEP:
		conn_table_move(table, connection, CONN_IDLE, connection_idle_deadline_ns(fcgi));
		return;
	case FATE_AGAIN:
		conn_table_move(table, connection, CONN_READY, DEADLINE_NEVER);
		return;
	case FATE_LINGER:
		/* Closing with bytes unread would reset the connection and could cost the peer our answer. */
		shutdown(connection->fd, SHUT_WR);
		conn_table_drop_pending(table, connection);
		connection->lingered_bytes = 0;
		conn_table_move(table, connection, CONN_LINGERING, deadline_in_ms(fcgi->config.linger_ms));
		return;
	case FATE_CLOSE:
		conn_table_remove(table, connection);
	}
}

static void
refuse(struct fcgi *fcgi, struct conn_table *table, struct connection *connection, const char *reason)
{
	log_refusal(fcgi, reason);
	settle(fcgi, table, connection, FATE_CLOSE);
}

/* How taking bytes out of a connection's socket ended. */
enum taking { TAKING_ALL, TAKING_FULL, TAKING_ENDED };

static const char too_many_bytes[] = "too many bytes of requests that are not complete";

static bool
has_room(const struct fcgi *fcgi, const struct conn_table *table, const struct connection *connection)
{
	return table->pending_bytes + connection->pending_capacity <= fcgi->config.max_pending_bytes;
}

/* Takes what is in the socket, up to the bound of a connection and that of all. ENDED: the peer has sent its last. */
static enum taking
take_pending(struct fcgi *fcgi, struct conn_table *table, struct connection *connection)
{
	size_t bound = fcgi->config.limits.max_head_bytes + fcgi->config.body_buffer_bytes;
	while (connection->pending_bytes < bound) {
		size_t room = connection->pending_capacity - connection->pending_bytes;
		if (room == 0) {
			if (!has_room(fcgi, table, connection) ||
			    !conn_table_reserve(table, connection, connection->pending_bytes + 1))
				return TAKING_FULL;
			continue;
		}
		ssize_t n = recv(connection->fd, connection->pending + connection->pending_bytes, room, MSG_DONTWAIT);
		if (n > 0)
			connection->pending_bytes += (size_t)n;
		else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return TAKING_ALL;
		else if (n == 0 || errno != EINTR)
			return TAKING_ENDED;
	}
	return TAKING_ALL;
}

/* True where the request is worth a worker: all of it is there, or its body is too large to wait for. */
static bool
worth_serving(const struct fcgi *fcgi, const struct admission *admission, size_t there)
{
	if (admission->verdict == ADMISSION_WHOLE)
		return true;
	if (admission->verdict != ADMISSION_HEAD)
		return false;
	size_t limit = fcgi->config.body_buffer_bytes;
	return there - admission->head_bytes >= limit ||
	       (admission->content_length > 0 && (uint64_t)admission->content_length > limit);
}

static void
serve_pending(struct fcgi *fcgi, struct conn_table *table, struct connection *connection,
              const struct admission *admission)
{
	struct taken taken = {.data = connection->pending, .size = connection->pending_bytes};
	enum fate fate = serve_taken(fcgi, table, connection, admission, &taken);
	conn_table_consume(connection, taken.used);
	settle(fcgi, table, connection, fate);
}

/* What is known of the connection's bytes is kept with them; so only what is new has to be looked at. */
static void
examine_pending(const struct fcgi *fcgi, struct connection *connection)
{
	if (connection->admission.verdict == ADMISSION_HEAD)
		admission_continue(&connection->admission, connection->pending, connection->pending_bytes);
	else
		admission_examine(&connection->admission, &fcgi->config.limits, connection->pending,
		                  connection->pending_bytes);
}

/* The head has one deadline, the body another one from the head's end on. */
static void
await_more(struct fcgi *fcgi, struct conn_table *table, struct connection *connection, bool had_head)
{
	bool has_head = connection->admission.verdict == ADMISSION_HEAD;
	if (has_head && !had_head)
		conn_table_move(table, connection, CONN_ARRIVING, deadline_in_ms(fcgi->config.request_timeout_ms));
	else if (connection->state != CONN_ARRIVING)
		conn_table_move(table, connection, CONN_ARRIVING, deadline_in_ms(fcgi->config.admission_timeout_ms));
}

/*
 * Part of a request, or more than one, is there: its bytes are kept with the connection. Where there is no room for
 * more of a body, a worker is spent on reading it after all.
 */
static void
visit_staged(struct fcgi *fcgi, struct conn_table *table, struct connection *connection)
{
	bool had_head = connection->admission.verdict == ADMISSION_HEAD;
	enum taking taking = take_pending(fcgi, table, connection);
	examine_pending(fcgi, connection);
	struct admission admission = connection->admission;
	bool full = taking == TAKING_FULL;
	if (admission.verdict == ADMISSION_REFUSED)
		refuse(fcgi, table, connection, admission.reason);
	else if (worth_serving(fcgi, &admission, connection->pending_bytes) ||
	         (full && admission.verdict == ADMISSION_HEAD))
		serve_pending(fcgi, table, connection, &admission);
	else if (full)
		refuse(fcgi, table, connection, too_many_bytes);
	else if (taking == TAKING_ENDED)
		settle(fcgi, table, connection, FATE_CLOSE);
	else if (connection->pending_bytes == 0) {
		conn_table_drop_pending(table, connection);
		settle(fcgi, table, connection, FATE_KEEP);
	} else
		await_more(fcgi, table, connection, had_head);
}

/* The window holds one whole request, and the socket nothing: what comes from now on wakes the worker again. */
static void
serve_window(struct fcgi *fcgi, struct conn_table *table, struct connection *connection,
             const struct admission *admission)
{
	struct taken taken = {.data = fcgi->window, .size = admission->request_bytes};
	enum fate fate = serve_taken(fcgi, table, connection, admission, &taken);
	settle(fcgi, table, connection, fate == FATE_AGAIN ? FATE_KEEP : FATE_CLOSE);
}

static void
keep_window(struct fcgi *fcgi, struct conn_table *table, struct connection *connection, size_t size)
{
	if (!has_room(fcgi, table, connection) || !conn_table_reserve(table, connection, size)) {
		refuse(fcgi, table, connection, too_many_bytes);
		return;
	}
	memcpy(connection->pending, fcgi->window, size);
	connection->pending_bytes = size;
	visit_staged(fcgi, table, connection);
}

static void
visit_lingering(struct fcgi *fcgi, struct conn_table *table, struct connection *connection)
{
	char scrap[16384];
	for (;;) {
		ssize_t n = recv(connection->fd, scrap, sizeof scrap, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n > 0)
			connection->lingered_bytes += (size_t)n;
		if ((n <= 0 && errno != EINTR) || n == 0 || connection->lingered_bytes > fcgi->config.linger_bytes) {
			settle(fcgi, table, connection, FATE_CLOSE);
			return;
		}
	}
}

void
connection_visit(struct fcgi *fcgi, struct conn_table *table, struct connection *connection)
{
	if (connection->state == CONN_LINGERING) {
		visit_lingering(fcgi, table, connection);
		return;
	}
	if (connection->pending != NULL) {
		visit_staged(fcgi, table, connection);
		return;
	}
	ssize_t n = recv(connection->fd, fcgi->window, fcgi->window_bytes, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
		if (connection->state == CONN_READY)
			settle(fcgi, table, connection, FATE_KEEP);
		return;
	}
	if (n <= 0) {
		settle(fcgi, table, connection, FATE_CLOSE);
		return;
	}
	struct admission admission;
	admission_examine(&admission, &fcgi->config.limits, fcgi->window, (size_t)n);
	bool alone = (size_t)n < fcgi->window_bytes && admission.request_bytes == (size_t)n;
	if (admission.verdict == ADMISSION_REFUSED)
		refuse(fcgi, table, connection, admission.reason);
	else if (admission.verdict == ADMISSION_WHOLE && alone)
		serve_window(fcgi, table, connection, &admission);
	else
		keep_window(fcgi, table, connection, (size_t)n);
}

void
connection_afterwards(struct fcgi *fcgi)
{
	const struct exchange_handler *handler = &fcgi->config.handler;
	struct slot *slot = fcgi->config.slot;
	if (handler->owes == NULL || !handler->owes(handler->context))
		return;
	slot_set_state(slot, SLOT_BUSY);
	watcher_request_begin(fcgi->config.watcher);
	handler->afterwards(handler->context);
	watcher_request_end(fcgi->config.watcher);
	slot_set_phase(slot, PHASE_NONE);
	slot_set_state(slot, SLOT_IDLE);
}
