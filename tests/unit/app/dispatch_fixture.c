/* dispatch_fixture.c - see dispatch_fixture.h. */
#include "dispatch_fixture.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "log.h"
#include "redact.h"
#include "scoreboard.h"
#include "settings.h"
#include "strbuf.h"

static char directory[] = "/tmp/vt-dispatch-XXXXXX";
static char path[3][64]; /* scoreboard, log, settings */
static struct settings_reader *reader;
static struct redact *redact;

struct services services;
struct router *router;
struct dispatch *dispatch;

void
add_route(const struct route *route)
{
	struct err err;
	ck_assert_int_eq(router_add(router, route, &err), 0);
}

void
dispatch_fixture_setup(void)
{
	static char *const environment[] = {"QUEUE_TIMEOUT=500ms", NULL};
	struct err err;
	bool was_there;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	for (int i = 0; i < 3; i++)
		snprintf(path[i], sizeof path[i], "%s/%d", directory, i);
	close(open(path[2], O_CREAT | O_WRONLY, 0600));
	reader = settings_read(path[2], environment);
	services.settings = settings_values(reader);
	services.board = scoreboard_create(path[0], &(struct scoreboard_shape){.slots = 1}, &was_there, &err);
	ck_assert_ptr_nonnull(services.board);
	services.slot = scoreboard_slot(services.board, 0);
	redact = redact_create(NULL);
	services.log = log_create(&(struct log_config){.level = VT_DEBUG, .file = path[1], .redact = redact}, &err);
	ck_assert_ptr_nonnull(services.log);
	services.router = router = router_create();
}

void
dispatch_fixture_start(void)
{
	dispatch = dispatch_create(&services, redact);
	ck_assert_ptr_nonnull(dispatch);
}

const char *
dispatch_fixture_log(void)
{
	return path[1];
}

void
dispatch_fixture_teardown(void)
{
	dispatch_destroy(dispatch);
	router_destroy(router);
	log_destroy(services.log);
	redact_destroy(redact);
	scoreboard_close(services.board);
	settings_destroy(reader);
	for (int i = 0; i < 3; i++)
		unlink(path[i]);
	rmdir(directory);
}

static enum vt_result
no_body(void *context, void *buffer, size_t size_bytes, size_t *got)
{
	(void)context;
	(void)buffer;
	(void)size_bytes;
	*got = 0;
	return VT_OK;
}

const char *
run(const char *method, const char *uri, const char *more, const char *malformed)
{
	static char answer[65536], texts[3][512];
	snprintf(texts[0], sizeof texts[0], "REQUEST_METHOD=%s", method);
	snprintf(texts[1], sizeof texts[1], "REQUEST_URI=%s", uri);
	snprintf(texts[2], sizeof texts[2], "%s", more != NULL ? more : "A=b");
	char *params[] = {texts[0], texts[1], texts[2], NULL};
	struct exchange exchange = {.params = params, .malformed = malformed, .body = {.read = no_body}};
	struct exchange_handler handler = dispatch_handler(dispatch);
	handler.serve(handler.context, &exchange);
	snprintf(answer, sizeof answer, "%s%s", exchange.head->data,
	         exchange.body_out != NULL ? exchange.body_out->data : "");
	handler.finish(handler.context);
	return answer;
}

void
ck_has(const char *answer, const char *what)
{
	ck_assert_msg(strstr(answer, what) != NULL, "\"%s\" is not in:\n%s", what, answer);
}
