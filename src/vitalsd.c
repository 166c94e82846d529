/* vitalsd.c - the daemon: the library's main program with no setup of its own; modules bring the routes. */
#include "vitals.h"

int
main(int argc, char **argv)
{
	return vt_main(argc, argv, NULL);
}
