/* kernel_file.c - reads /proc and /sys. Such files have a few KiB at most and never block. */
#include "kernel_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

long
kernel_file_read(const char *path, char *text, size_t size_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	size_t length = 0;
	ssize_t n = 1;
	while (n > 0 && length < size_bytes - 1) {
		n = read(fd, text + length, size_bytes - 1 - length);
		if (n > 0)
			length += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	close(fd);
	text[length] = '\0';
	return n < 0 ? -1 : (long)length;
}

/* A decimal number after blanks; a sign is none of ours. */
static int
parse_number(const char *text, uint64_t *number)
{
	text += strspn(text, " \t");
	if (!isdigit((unsigned char)*text))
		return -1;
	errno = 0;
	unsigned long long value = strtoull(text, NULL, 10);
	if (errno != 0)
		return -1;
	*number = value;
	return 0;
}

int
kernel_file_number(const char *path, uint64_t *number)
{
	char text[64];
	return kernel_file_read(path, text, sizeof text) < 0 ? -1 : parse_number(text, number);
}

int
kernel_text_number(const char *text, const char *key, uint64_t *number)
{
	size_t size = strlen(key);
	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, size) == 0 && (line[size] == ' ' || line[size] == '\t'))
			return parse_number(line + size, number);
	}
	return -1;
}
