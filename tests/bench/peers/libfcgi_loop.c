/*
 * libfcgi_loop.c - the loop that libfcgi's own examples show, in processes forked before the first request.
 *
 *   libfcgi_loop SOCKET PROCESSES BODY [slow]
 *
 * Accept, one PutStr, Finish: what the library costs and nothing else. No log, no metrics, no ID, and the body, its timestamp
 * included, is the same each time. Whether a connection is kept is the web server's to say (FCGI_KEEP_CONN): where it
 * is, each kept connection holds its process, which is what the library does to everybody who writes this loop.
 * With "slow", requests for /slow?ms=N are answered N milliseconds late; otherwise no parameter is looked at.
 */
#include <fcgiapp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer.h"

static void
be_late(const char *uri)
{
	long ms;
	if (uri == NULL || sscanf(uri, "/slow?ms=%ld", &ms) != 1)
		return;
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	while (nanosleep(&left, &left) != 0)
		;
}

static void
loop(int listener, const char *body, bool slow)
{
	char answer[4096];
	size_t size = peer_answer(answer, sizeof answer, body);
	FCGX_Request request;
	if (FCGX_Init() != 0 || FCGX_InitRequest(&request, listener, 0) != 0)
		peer_die("libfcgi");
	while (FCGX_Accept_r(&request) == 0) {
		if (slow)
			be_late(FCGX_GetParam("REQUEST_URI", request.envp));
		FCGX_PutStr(answer, (int)size, request.out);
		FCGX_Finish_r(&request);
	}
}

static void
serve(int listener, const char *body)
{
	loop(listener, body, false);
}

static void
serve_slow(int listener, const char *body)
{
	loop(listener, body, true);
}

int
main(int argc, char **argv)
{
	bool slow = argc == 5 && strcmp(argv[4], "slow") == 0;
	if (argc != 4 && !slow) {
		fprintf(stderr, "usage: libfcgi_loop SOCKET PROCESSES BODY [slow]\n");
		return 2;
	}
	peer_run(strtol(argv[2], NULL, 10), slow ? serve_slow : serve, peer_listen(argv[1]), argv[3]);
	return 0;
}
