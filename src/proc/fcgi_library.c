/*
 * fcgi_library.c - the only file that knows libfcgi: every rule for using it without its traps is here.
 *
 * It never closes our descriptors: FCGX_Finish_r() would, after an error and with up to two seconds of
 * lingering, so the streams are closed one by one and FCGX_Free() is told to leave the rest. It is given
 * the listener -1, so that it cannot block in accept(), and keepConnection 1 before each accept, or it would
 * close the descriptor that it is to read. A truncated environment is reported as success: the stream's error is
 * looked at. Nothing is ever written to the FastCGI error stream.
 */
#include "fcgi_library.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "err.h"
#include "insist.h"
#include "strbuf.h"

struct fcgi_library {
	FCGX_Request request;
	int pipe[2]; /* small heads are read from it; -1: libfcgi has closed it after a fault */
	int head_fd; /* the memory file that other heads are read from; -1: the same */
};

static void
close_pipe(struct fcgi_library *library)
{
	for (int i = 0; i < 2; i++)
		if (library->pipe[i] >= 0)
			close(library->pipe[i]);
	library->pipe[0] = library->pipe[1] = -1;
}

/* From the start on, so that a request is served also where no descriptor is to be had any more. */
static bool
open_pipe(struct fcgi_library *library)
{
	return library->pipe[0] >= 0 || pipe2(library->pipe, O_CLOEXEC | O_NONBLOCK) == 0;
}

static bool
open_head_file(struct fcgi_library *library)
{
	if (library->head_fd < 0)
		library->head_fd = memfd_create("vitals-head", MFD_CLOEXEC);
	return library->head_fd >= 0;
}

struct fcgi_library *
fcgi_library_create(struct err *err)
{
	/* Read once by FCGX_Init(): where libfcgi closes a descriptor after a fault, it does not linger. */
	setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1);
	struct fcgi_library *library = calloc(1, sizeof *library);
	if (library == NULL || FCGX_Init() != 0) {
		err_set(err, "libfcgi cannot be initialised: there is no memory.");
		free(library);
		return NULL;
	}
	library->pipe[0] = library->pipe[1] = library->head_fd = -1;
	if (open_pipe(library) && open_head_file(library))
		return library;
	err_set(err, "The pipe and the memory file for libfcgi cannot be made: %s.", strerror(errno));
	fcgi_library_destroy(library);
	return NULL;
}

void
fcgi_library_destroy(struct fcgi_library *library)
{
	if (library == NULL)
		return;
	close_pipe(library);
	if (library->head_fd >= 0)
		close(library->head_fd);
	free(library);
}

/* False: fd is closed. */
static bool
accept_from(struct fcgi_library *library, int fd)
{
	FCGX_Request *request = &library->request;
	if (FCGX_InitRequest(request, -1, FCGI_FAIL_ACCEPT_ON_INTR) != 0) {
		close(fd);
		return false;
	}
	request->ipcFd = fd;
	request->keepConnection = 1;
	if (FCGX_Accept_r(request) != 0)
		return false;
	if (FCGX_GetError(request->in) == 0)
		return true;
	FCGX_Free(request, 1);
	return false;
}

/* One write that fits into an empty pipe; libfcgi's first read empties it, since it reads 8 KiB at a time. */
static bool
accept_small_head(struct fcgi_library *library, const void *head, size_t size)
{
	if (!open_pipe(library))
		return false;
	if (write(library->pipe[1], head, size) == (ssize_t)size) {
		if (accept_from(library, library->pipe[0]))
			return true;
		library->pipe[0] = -1;
	}
	close_pipe(library);
	return false;
}

/* Puts the head into the memory file, to be read from its start: a pipe would have a capacity. */
static bool
stage(struct fcgi_library *library, const void *head, size_t size)
{
	return open_head_file(library) && ftruncate(library->head_fd, 0) == 0 &&
	       pwrite(library->head_fd, head, size, 0) == (ssize_t)size && lseek(library->head_fd, 0, SEEK_SET) == 0;
}

bool
fcgi_library_accept_head(struct fcgi_library *library, const void *head, size_t size_bytes)
{
	if (size_bytes <= PIPE_BUF)
		return accept_small_head(library, head, size_bytes);
	if (!stage(library, head, size_bytes))
		return false;
	if (accept_from(library, library->head_fd))
		return true;
	library->head_fd = -1;
	return false;
}

char *const *
fcgi_library_params(const struct fcgi_library *library)
{
	return library->request.envp;
}

bool
fcgi_library_keeps(const struct fcgi_library *library)
{
	return library->request.keepConnection != 0;
}

static bool
put(FCGX_Stream *out, const struct strbuf *text)
{
	INSIST(text->length <= INT32_MAX);
	return FCGX_PutStr(text->data, (int)text->length, out) == (int)text->length;
}

bool
fcgi_library_respond(struct fcgi_library *library, int fd, const struct exchange *exchange)
{
	FCGX_Request *request = &library->request;
	request->ipcFd = fd;
	bool written = put(request->out, exchange->head) &&
	               (exchange->body_out == NULL || put(request->out, exchange->body_out));
	/* Both are closed whatever came before: the second one sends the end of the request. */
	if (FCGX_FClose(request->err) != 0)
		written = false;
	if (FCGX_FClose(request->out) != 0)
		written = false;
	return written;
}

void
fcgi_library_end(struct fcgi_library *library)
{
	FCGX_Free(&library->request, 0);
	library->request.ipcFd = -1;
}
