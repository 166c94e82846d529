/*
 * libfcgi_loop.c - the loop that libfcgi's own examples show, in processes forked before the first request.
 *
 *   libfcgi_loop SOCKET PROCESSES BODY
 *
 * Accept, one PutStr, Finish: what the library costs and nothing else. No log, no metrics, no ID, and the body, its timestamp
 * included, is the same each time. Whether a connection is kept is the web server's to say (FCGI_KEEP_CONN): where it
 * is, each kept connection holds its process, which is what the library does to everybody who writes this loop.
 */
#include <fcgiapp.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer.h"

static void
serve(int listener, const char *body)
{
	char answer[4096];
	size_t size = peer_answer(answer, sizeof answer, body);
	FCGX_Request request;
	if (FCGX_Init() != 0 || FCGX_InitRequest(&request, listener, 0) != 0)
		peer_die("libfcgi");
	while (FCGX_Accept_r(&request) == 0) {
		FCGX_PutStr(answer, (int)size, request.out);
		FCGX_Finish_r(&request);
	}
}

int
main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: libfcgi_loop SOCKET PROCESSES BODY\n");
		return 2;
	}
	peer_run(strtol(argv[2], NULL, 10), serve, peer_listen(argv[1]), argv[3]);
	return 0;
}
