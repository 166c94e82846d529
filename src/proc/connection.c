/*
 * connection.c - the only file that knows libfcgi: every rule for using it without its traps is here.
 *
 * A request reaches libfcgi only when admission.c has found it right, and in one of two ways. "Direct":
 * the connection's socket holds exactly one whole request; libfcgi reads it from there and cannot block.
 * "Staged": more or less than that is there; the head is taken out of the socket to the byte and handed
 * to libfcgi in a memory file, and the body is read by body_stream.c. The socket itself is given to
 * libfcgi only to write the response.
 *
 * libfcgi never closes our descriptors: FCGX_Finish_r() would, after an error and with up to two
 * seconds of lingering, so the streams are closed one by one and FCGX_Free() is told to leave the rest.
 */
#include "connection.h"

#include <errno.h>
#include <fcgiapp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "body_stream.h"
#include "clock.h"
#include "err.h"
#include "insist.h"
#include "log.h"
#include "scoreboard.h"
#include "strbuf.h"
#include "watcher.h"

#define LOGGER "vitals.connection"
#define REFUSALS_LOGGED_EVERY_NS NS_PER_S

struct fcgi {
	struct fcgi_config config;
	FCGX_Request request;
	unsigned char *window; /* what a socket holds, looked at without taking it */
	size_t window_bytes;
	int head_fd; /* the memory file; -1: to be made */
	int64_t refusal_logged_ns;
	uint64_t refusals_unlogged;
};

/* What becomes of a connection after a request. */
enum fate { FATE_KEEP, FATE_AGAIN, FATE_LINGER, FATE_CLOSE };

struct fcgi *
fcgi_create(const struct fcgi_config *config, struct err *err)
{
	setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1);
	struct fcgi *fcgi = calloc(1, sizeof *fcgi);
	if (fcgi != NULL) {
		fcgi->config = *config;
		fcgi->head_fd = -1;
		fcgi->window_bytes = config->limits.max_head_bytes;
		fcgi->window = malloc(fcgi->window_bytes);
	}
	if (fcgi == NULL || fcgi->window == NULL || FCGX_Init() != 0) {
		err_set(err, "libfcgi cannot be initialised: there is no memory.");
		fcgi_destroy(fcgi);
		return NULL;
	}
	return fcgi;
}

void
fcgi_destroy(struct fcgi *fcgi)
{
	if (fcgi == NULL)
		return;
	if (fcgi->head_fd >= 0)
		close(fcgi->head_fd);
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

/* ---- libfcgi ------------------------------------------------------------------------------------ */

/* Lets libfcgi read a head from fd, where all of it is. False: it found fault, and has closed fd. */
static bool
library_accept(struct fcgi *fcgi, int fd)
{
	FCGX_Request *request = &fcgi->request;
	if (FCGX_InitRequest(request, -1, FCGI_FAIL_ACCEPT_ON_INTR) != 0)
		return false;
	request->ipcFd = fd;
	request->keepConnection = 1;
	if (FCGX_Accept_r(request) != 0)
		return false;
	/* A truncated environment is reported as success. */
	if (FCGX_GetError(request->in) == 0)
		return true;
	request->keepConnection = 0;
	FCGX_Free(request, 1);
	return false;
}

static bool
library_put(FCGX_Stream *out, const struct strbuf *text)
{
	INSIST(text->length <= INT32_MAX);
	return FCGX_PutStr(text->data, (int)text->length, out) == (int)text->length;
}

/* Writes the response and ends the request. True where all of it was written. */
static bool
library_respond(struct fcgi *fcgi, int fd, const struct exchange *exchange)
{
	FCGX_Request *request = &fcgi->request;
	request->ipcFd = fd;
	slot_set_phase(fcgi->config.slot, PHASE_WRITING);
	watcher_arm(fcgi->config.watcher, fd, deadline_in_ms(fcgi->config.request_timeout_ms));
	bool written = library_put(request->out, exchange->head) &&
	               (exchange->body_out == NULL || library_put(request->out, exchange->body_out));
	/* Both are closed whatever came before: the second one sends the end of the request. */
	if (FCGX_FClose(request->err) != 0)
		written = false;
	if (FCGX_FClose(request->out) != 0)
		written = false;
	if (watcher_disarm(fcgi->config.watcher))
		written = false;
	FCGX_Free(request, 0);
	request->ipcFd = -1;
	return written;
}

/* A body that libfcgi has, or finds in the socket without waiting. */
static enum vt_result
library_read_body(void *context, void *buffer, size_t size_bytes, size_t *got)
{
	struct fcgi *fcgi = context;
	int want = size_bytes > INT32_MAX ? INT32_MAX : (int)size_bytes;
	*got = (size_t)FCGX_GetStr(buffer, want, fcgi->request.in);
	return FCGX_GetError(fcgi->request.in) == 0 ? VT_OK : VT_PEER_GONE;
}

static enum vt_result
stream_read_body(void *context, void *buffer, size_t size_bytes, size_t *got)
{
	return body_stream_read(context, buffer, size_bytes, got);
}

/* ---- Serving ------------------------------------------------------------------------------------ */

static void
serve(struct fcgi *fcgi, const struct admission *admission, struct exchange *exchange)
{
	slot_set_state(fcgi->config.slot, SLOT_BUSY);
	watcher_request_begin(fcgi->config.watcher);
	exchange->params = fcgi->request.envp;
	exchange->malformed = admission->malformed;
	fcgi->config.handler.serve(fcgi->config.handler.context, exchange);
	INSIST(exchange->head != NULL);
}

/* True where all of the response was written. Nothing of the request is left after this. */
static bool
respond(struct fcgi *fcgi, const struct connection *connection, const struct exchange *exchange)
{
	struct slot *slot = fcgi->config.slot;
	bool written = library_respond(fcgi, connection->fd, exchange);
	fcgi->config.handler.finish(fcgi->config.handler.context);
	watcher_request_end(fcgi->config.watcher);
	atomic_store_explicit(&slot->requests, atomic_load_explicit(&slot->requests, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
	slot_set_phase(slot, PHASE_NONE);
	slot_set_state(slot, SLOT_IDLE);
	return written;
}

/* The socket holds this request and nothing else. */
static enum fate
serve_direct(struct fcgi *fcgi, struct connection *connection, const struct admission *admission)
{
	if (!library_accept(fcgi, connection->fd)) {
		connection->fd = -1;
		return FATE_CLOSE;
	}
	bool keep = fcgi->request.keepConnection != 0;
	struct exchange exchange = {.body = {.read = library_read_body, .context = fcgi}};
	serve(fcgi, admission, &exchange);

	/* What the handler left of the body must not be taken for the next request. */
	char scrap[4096];
	size_t got;
	while (library_read_body(fcgi, scrap, sizeof scrap, &got) == VT_OK && got > 0)
		;
	bool intact = FCGX_GetError(fcgi->request.in) == 0;
	bool written = respond(fcgi, connection, &exchange);
	return intact && written && keep ? FATE_KEEP : FATE_CLOSE;
}

/* Puts the head into the memory file, to be read from its start. */
static bool
stage_head(struct fcgi *fcgi, const unsigned char *head, size_t size)
{
	if (fcgi->head_fd < 0)
		fcgi->head_fd = memfd_create("vitals-head", MFD_CLOEXEC);
	return fcgi->head_fd >= 0 && ftruncate(fcgi->head_fd, 0) == 0 &&
	       pwrite(fcgi->head_fd, head, size, 0) == (ssize_t)size && lseek(fcgi->head_fd, 0, SEEK_SET) == 0;
}

/* data, size: all that was taken out of the socket; *used says how much of it this request was. */
static enum fate
serve_staged(struct fcgi *fcgi, struct connection *connection, const struct admission *admission, size_t *used)
{
	size_t size = connection->pending_bytes;
	*used = size;
	if (!stage_head(fcgi, connection->pending, admission->head_bytes))
		return FATE_CLOSE;
	if (!library_accept(fcgi, fcgi->head_fd)) {
		fcgi->head_fd = -1;
		return FATE_CLOSE;
	}
	bool keep = fcgi->request.keepConnection != 0;
	bool whole = admission->verdict == ADMISSION_WHOLE;
	struct body_stream stream = {
		.fd = connection->fd,
		.ahead = connection->pending + admission->head_bytes,
		.ahead_bytes = size - admission->head_bytes,
		.request_id = admission->request_id,
		.deadline_ns = deadline_in_ms(fcgi->config.request_timeout_ms),
	};
	struct exchange exchange = {.body = {.read = stream_read_body, .context = &stream}};
	serve(fcgi, admission, &exchange);
	bool written = respond(fcgi, connection, &exchange);
	if (whole)
		*used = admission->request_bytes;
	else if (stream.ended)
		*used = size - stream.ahead_bytes;
	if (!written)
		return FATE_CLOSE;
	if (!whole && !stream.ended)
		return stream.failed == VT_PEER_GONE ? FATE_CLOSE : FATE_LINGER;
	return keep ? FATE_AGAIN : FATE_LINGER;
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

/* Takes what is in the socket, up to the bound of a connection. False: the connection is gone or over a bound. */
static bool
take_pending(struct fcgi *fcgi, struct conn_table *table, struct connection *connection, const char **fault)
{
	size_t bound = fcgi->config.limits.max_head_bytes + fcgi->config.body_buffer_bytes;
	*fault = NULL;
	while (connection->pending_bytes < bound) {
		size_t room = connection->pending_capacity - connection->pending_bytes;
		if (room == 0) {
			if (table->pending_bytes + connection->pending_capacity > fcgi->config.max_pending_bytes)
				*fault = "too many bytes of requests that are not complete";
			else if (!conn_table_reserve(table, connection, connection->pending_bytes + 1))
				*fault = "no memory";
			if (*fault != NULL)
				return false;
			continue;
		}
		ssize_t n = recv(connection->fd, connection->pending + connection->pending_bytes, room, MSG_DONTWAIT);
		if (n > 0)
			connection->pending_bytes += (size_t)n;
		else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		else if (n == 0 || errno != EINTR)
			return false;
	}
	return true;
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

/* Part of a request, or more than one, is there: from here on its bytes are ours, not the socket's. */
static void
visit_staged(struct fcgi *fcgi, struct conn_table *table, struct connection *connection)
{
	const char *fault;
	struct admission admission;
	if (!take_pending(fcgi, table, connection, &fault)) {
		if (fault != NULL)
			refuse(fcgi, table, connection, fault);
		else
			settle(fcgi, table, connection, FATE_CLOSE);
		return;
	}
	if (connection->pending_bytes == 0) {
		conn_table_drop_pending(table, connection);
		settle(fcgi, table, connection, FATE_KEEP);
		return;
	}
	admission_examine(&admission, &fcgi->config.limits, connection->pending, connection->pending_bytes);
	if (admission.verdict == ADMISSION_REFUSED) {
		refuse(fcgi, table, connection, admission.reason);
		return;
	}
	if (!worth_serving(fcgi, &admission, connection->pending_bytes)) {
		if (connection->state != CONN_ARRIVING)
			conn_table_move(table, connection, CONN_ARRIVING,
			                deadline_in_ms(fcgi->config.admission_timeout_ms));
		return;
	}
	size_t used;
	enum fate fate = serve_staged(fcgi, connection, &admission, &used);
	connection->pending_bytes -= used;
	memmove(connection->pending, connection->pending + used, connection->pending_bytes);
	settle(fcgi, table, connection, fate);
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
	ssize_t n = recv(connection->fd, fcgi->window, fcgi->window_bytes, MSG_PEEK | MSG_DONTWAIT);
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
	if (admission.verdict == ADMISSION_REFUSED)
		refuse(fcgi, table, connection, admission.reason);
	else if (admission.verdict == ADMISSION_WHOLE && admission.request_bytes == (size_t)n)
		settle(fcgi, table, connection, serve_direct(fcgi, connection, &admission));
	else
		visit_staged(fcgi, table, connection);
}
