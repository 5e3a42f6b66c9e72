/*
 * The floor: the least that a supervisor written in C can do.
 *
 *   floor restart PROGRAM FIFO      keeps one PROGRAM running, for ever
 *   floor start PROGRAM FIFO COUNT  starts COUNT of them, having printed when it
 *                                   began; at the end of its input it ends them
 *
 * Each start is a vfork and an execve; nothing is set up in between.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static pid_t start(char *program, char *fifo)
{
	char *argv[] = { program, fifo, NULL };
	pid_t pid = vfork();

	if (pid == 0) {
		execve(program, argv, environ);
		_exit(127);
	}
	return pid;
}

static int restart(char *program, char *fifo)
{
	for (;;) {
		int status;
		pid_t pid = start(program, fifo);

		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return 1;
		if (WIFEXITED(status))
			return 1; /* it never does, unless it cannot work */
	}
}

static int start_many(char *program, char *fifo, int count)
{
	struct timespec now;
	char byte;
	int i;
	pid_t *pids = calloc(count, sizeof *pids);

	if (!pids)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("%lld\n", (long long)now.tv_sec * 1000000000LL + now.tv_nsec);
	fflush(stdout);
	for (i = 0; i < count; i++)
		if ((pids[i] = start(program, fifo)) < 0)
			return 1;
	while (read(0, &byte, 1) > 0)
		;
	for (i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "restart"))
		return restart(argv[2], argv[3]);
	if (argc == 5 && !strcmp(argv[1], "start"))
		return start_many(argv[2], argv[3], atoi(argv[4]));
	fprintf(stderr, "usage: floor restart|start PROGRAM FIFO [COUNT]\n");
	return 2;
}
