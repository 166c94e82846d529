/*
 * misuser.c - a module that does, by its routes and by MISUSER_SETUP, what a module should not. Built by the system tests
 * against the public header alone.
 */
#define _GNU_SOURCE
#include "vitals.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct vt_app *kept_app;
static struct vt_request *kept_req;
static struct vt_response *kept_res;
static atomic_bool go;
static int counted;

static enum vt_result
fine(struct vt_response *res)
{
	return vt_json_text(res, "{\"fine\":true}", 13);
}

static enum vt_result
ok(struct vt_request *req, struct vt_response *res)
{
	vt_log(req, VT_INFO, "Fine", VT_DOUBLE("third", 1.0 / 3));
	return fine(res);
}

/* ---- After the end ------------------------------------------------------------------------------ */

/* Everything that a request has ended for, and that must neither answer, nor show another's, nor crash. True: it does not. */
static bool
use_kept(void)
{
	const char *data;
	size_t size;
	struct vt_rows *rows;
	struct vt_outbound call;
	bool inert = vt_json_text(kept_res, "{\"stolen\":true}", 15) != VT_OK;
	inert = vt_set_header(kept_res, "X-Stolen", "yes") != VT_OK && inert;
	inert = vt_status(kept_res, 418) != VT_OK && inert;
	inert = vt_problem(kept_res, 418, "Stolen.") != VT_OK && inert;
	inert = vt_no_content(kept_res, 204) != VT_OK && inert;
	inert = vt_alloc(kept_req, 16) == NULL && inert;
	inert = vt_body(kept_req, &data, &size) != VT_OK && inert;
	inert = vt_query(kept_req, &rows, "select 1", VT_NO_PARAMS) != VT_OK && inert;
	inert = vt_cache_get(kept_req, "k", &data, &size) != VT_OK && inert;
	inert = vt_outbound_headers(kept_req, &call) != VT_OK && inert;
	inert = vt_path(kept_req)[0] == '\0' && vt_header(kept_req, "X-Secret", 0) == NULL && inert;
	inert = vt_time_left_ms(kept_req) == 0 && vt_query_param(kept_req, "q", 0) == NULL && inert;
	vt_count(kept_req, counted, VT_NO_LABELS, 1);
	vt_log(kept_req, VT_INFO, "Stolen", VT_INT("n", 1));
	return inert;
}

static enum vt_result
keep(struct vt_request *req, struct vt_response *res)
{
	kept_req = req;
	kept_res = res;
	return fine(res);
}

static enum vt_result
late(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	return use_kept() ? fine(res) : VT_CONFLICT;
}

static void *
run_thread(void *unused)
{
	(void)unused;
	while (!atomic_load(&go))
		usleep(1000);
	use_kept();
	return NULL;
}

static enum vt_result
keep_in_thread(struct vt_request *req, struct vt_response *res)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, run_thread, NULL) != 0)
		return VT_ERROR;
	pthread_detach(thread);
	return keep(req, res);
}

static enum vt_result
let_go(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	atomic_store(&go, true);
	return fine(res);
}

/* ---- What is refused at once -------------------------------------------------------------------- */

static enum vt_result
misanswer(struct vt_request *req, struct vt_response *res)
{
	const char *how = vt_path_param(req, "how");
	if (strcmp(how, "nothing") == 0)
		return VT_OK;
	if (strcmp(how, "split") == 0)
		vt_set_header(res, "X-Split", "a\r\nX-Injected: yes");
	if (strcmp(how, "split-name") == 0)
		vt_set_header(res, "X-Split: a\r\nX-Injected", "yes");
	if (strcmp(how, "split-type") == 0)
		return vt_answer(res, "text/plain\r\nX-Injected: yes", "a", 1);
	if (strcmp(how, "nowhere") == 0)
		return vt_answer(res, "text/plain", NULL, 5);
	if (strcmp(how, "reserved") == 0)
		vt_set_header(res, "content-length", "1000");
	if (strcmp(how, "fail-ok") == 0)
		return vt_fail(res, VT_OK);
	fine(res);
	if (strcmp(how, "twice") == 0)
		fine(res);
	if (strcmp(how, "late-status") == 0)
		vt_status(res, 201);
	if (strcmp(how, "late-header") == 0)
		vt_set_header(res, "X-Late", "yes");
	return strcmp(how, "late-result") == 0 ? (enum vt_result) - 7 : VT_OK;
}

static enum vt_result
unbalanced(struct vt_request *req, struct vt_response *res)
{
	struct vt_outbound call = {.method = "GET", .url = "http://user:hunter2@example.org/", .status = 200};
	vt_outbound_done(req, &call);
	vt_count(req, -1, VT_NO_LABELS, 1);
	vt_count(req, 9999, VT_NO_LABELS, 1);
	vt_observe(req, counted, VT_NO_LABELS, 1);
	return fine(res);
}

static enum vt_result
declare(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	bool refused = vt_route(kept_app, &(struct vt_route){.method = "GET", .path = "/new", .handler = ok}) != 0;
	refused = vt_counter(kept_app, &(struct vt_metric){.name = "new_total", .help = "New."}) < 0 && refused;
	refused = vt_setting(kept_app, &(struct vt_setting){.name = "NEW", .default_value = "", .help = "New."}) != 0 &&
	          refused;
	refused = vt_setup_error(kept_app, "Too late.") != 0 && refused;
	return refused ? fine(res) : VT_CONFLICT;
}

/* ---- The process -------------------------------------------------------------------------------- */

/* ?child=return, exit, _exit or log: what the child does. The parent waits for it, and answers. */
static enum vt_result
fork_child(struct vt_request *req, struct vt_response *res)
{
	const char *child = vt_query_param(req, "child", 0);
	int status;
	pid_t pid = fork();
	if (pid < 0)
		return VT_ERROR;
	if (pid == 0 && strcmp(child, "log") == 0)
		for (int i = 0; i < 100; i++)
			vt_log(req, VT_INFO, "Child", VT_INT("i", i));
	if (pid == 0 && strcmp(child, "exit") == 0)
		exit(0);
	if (pid == 0 && strcmp(child, "_exit") == 0)
		_exit(0);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return fine(res);
}

static bool
listens(int fd)
{
	int yes = 0;
	socklen_t size = sizeof yes;
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes != 0;
}

/* ?which=all, epoll or listener. */
static enum vt_result
close_descriptors(struct vt_request *req, struct vt_response *res)
{
	const char *which = vt_query_param(req, "which", 0);
	for (int fd = 3; fd < 1024; fd++) {
		char link[64], target[128];
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		ssize_t size = readlink(link, target, sizeof target - 1);
		target[size > 0 ? size : 0] = '\0';
		if (strcmp(which, "all") == 0 || (strcmp(which, "listener") == 0 && listens(fd)) ||
		    (strcmp(which, "epoll") == 0 && strstr(target, "eventpoll") != NULL))
			close(fd);
	}
	return fine(res);
}

static enum vt_result
change_directory(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	return chdir("/proc") == 0 ? fine(res) : VT_ERROR;
}

static enum vt_result
show_directory(struct vt_request *req, struct vt_response *res)
{
	char path[4096];
	(void)req;
	return getcwd(path, sizeof path) != NULL ? vt_answer(res, "text/plain", path, strlen(path)) : VT_ERROR;
}

static enum vt_result
change_signals(struct vt_request *req, struct vt_response *res)
{
	sigset_t none;
	(void)req;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	return fine(res);
}

static enum vt_result
change_locale(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL || strcmp(localeconv()->decimal_point, ",") == 0)
		return VT_ERROR;
	return ok(req, res);
}

/* ---- Setup -------------------------------------------------------------------------------------- */

static void *
wait_for_ever(void *unused)
{
	(void)unused;
	while (pause() != 0)
		;
	return NULL;
}

static int
misuse_setup(const char *how)
{
	pthread_t thread;
	if (strcmp(how, "exit") == 0)
		exit(0);
	if (strcmp(how, "chdir") == 0)
		return chdir("/proc");
	if (strcmp(how, "umask") == 0)
		umask(0);
	if (strcmp(how, "thread") == 0)
		return pthread_create(&thread, NULL, wait_for_ever, NULL);
	if (strcmp(how, "fork") == 0)
		return fork() < 0 ? -1 : 0;
	return strcmp(how, "silent") == 0 ? -1 : 0;
}

int
vitals_setup(struct vt_app *app)
{
	static const struct vt_route routes[] = {
		{.method = "GET", .path = "/ok", .handler = ok},
		{.method = "GET", .path = "/keep", .handler = keep},
		{.method = "GET", .path = "/late", .handler = late},
		{.method = "GET", .path = "/keep-in-thread", .handler = keep_in_thread},
		{.method = "GET", .path = "/let-go", .handler = let_go},
		{.method = "GET", .path = "/answers/{how}", .handler = misanswer},
		{.method = "GET", .path = "/unbalanced", .handler = unbalanced},
		{.method = "GET", .path = "/declare", .handler = declare},
		{.method = "GET", .path = "/fork", .handler = fork_child},
		{.method = "GET", .path = "/close", .handler = close_descriptors},
		{.method = "GET", .path = "/chdir", .handler = change_directory},
		{.method = "GET", .path = "/cwd", .handler = show_directory},
		{.method = "GET", .path = "/signals", .handler = change_signals},
		{.method = "GET", .path = "/locale", .handler = change_locale},
	};
	static const struct vt_setting how = {
		.name = "MISUSER_SETUP", .default_value = "", .help = "What the setup does wrong."};
	kept_app = app;
	counted = vt_counter(app, &(struct vt_metric){.name = "misuser_total", .help = "Counted."});
	if (counted < 0 || vt_setting(app, &how) != 0)
		return -1;
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (vt_route(app, &routes[i]) != 0)
			return -1;
	const char *text = vt_setting_text(app, "MISUSER_SETUP");
	return misuse_setup(text != NULL ? text : "");
}
