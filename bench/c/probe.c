/*
 * A health check that takes as many milliseconds as its argument says, and
 * passes.
 */
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	long millis = argc == 2 ? atol(argv[1]) : 0;
	struct timespec pause = { millis / 1000, millis % 1000 * 1000000L };

	return nanosleep(&pause, NULL) ? 1 : 0;
}
