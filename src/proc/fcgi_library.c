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
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "err.h"
#include "insist.h"
#include "strbuf.h"

/* What follows a head in the file: the header of no record, should libfcgi ever look there. */
#define END_BYTES 8

struct fcgi_library {
	FCGX_Request request;
	size_t head_max_bytes;
	int head_fd; /* the memory file that heads are read from; -1: libfcgi has closed it after a fault */
	char *head;  /* the file, mapped */
};

static void
close_head(struct fcgi_library *library)
{
	if (library->head != NULL)
		munmap(library->head, library->head_max_bytes + END_BYTES);
	if (library->head_fd >= 0)
		close(library->head_fd);
	library->head = NULL;
	library->head_fd = -1;
}

/* Its size and pages stay, so that a head costs a copy and no call but lseek(). */
static bool
open_head(struct fcgi_library *library)
{
	size_t size = library->head_max_bytes + END_BYTES;
	if (library->head != NULL)
		return true;
	library->head_fd = memfd_create("vitals-head", MFD_CLOEXEC);
	if (library->head_fd >= 0 && ftruncate(library->head_fd, (off_t)size) == 0) {
		void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, library->head_fd, 0);
		if (mapped != MAP_FAILED)
			library->head = mapped;
	}
	if (library->head == NULL)
		close_head(library);
	return library->head != NULL;
}

struct fcgi_library *
fcgi_library_create(size_t head_max_bytes, struct err *err)
{
	/* Read once by FCGX_Init(): where libfcgi closes a descriptor after a fault, it does not linger. */
	setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1);
	struct fcgi_library *library = calloc(1, sizeof *library);
	if (library == NULL || FCGX_Init() != 0) {
		err_set(err, "libfcgi cannot be initialised: there is no memory.");
		free(library);
		return NULL;
	}
	library->head_max_bytes = head_max_bytes;
	library->head_fd = -1;
	/* From the start on, so that a request is served also where no descriptor is to be had any more. */
	if (open_head(library))
		return library;
	err_set(err, "The memory file for libfcgi cannot be made: %s.", strerror(errno));
	fcgi_library_destroy(library);
	return NULL;
}

void
fcgi_library_destroy(struct fcgi_library *library)
{
	if (library == NULL)
		return;
	close_head(library);
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

bool
fcgi_library_accept_head(struct fcgi_library *library, const void *head, size_t size_bytes)
{
	INSIST(size_bytes <= library->head_max_bytes);
	if (!open_head(library))
		return false;
	memcpy(library->head, head, size_bytes);
	memset(library->head + size_bytes, 0, END_BYTES);
	if (lseek(library->head_fd, 0, SEEK_SET) == 0) {
		if (accept_from(library, library->head_fd))
			return true;
		library->head_fd = -1;
	}
	close_head(library);
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
