/*
 * The service that is measured: its first act is to read the monotonic clock
 * and to say so, with its pid, on the FIFO named by its argument, in one write.
 * Then it does nothing at all.
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec now;
	char line[64];
	int fd, length;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (argc != 2 || (fd = open(argv[1], O_WRONLY | O_CLOEXEC)) < 0)
		return 1;
	length = snprintf(line, sizeof line, "%d %lld\n", getpid(),
			  (long long)now.tv_sec * 1000000000LL + now.tv_nsec);
	if (write(fd, line, length) != length)
		return 1;
	close(fd);
	for (;;)
		pause();
}
