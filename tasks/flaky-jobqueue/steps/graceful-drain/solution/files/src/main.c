/* jobrun: run the jobs of a job file on a pool of workers. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jobfile.h"
#include "jobq.h"

extern char **environ;

#define CHUNK 65536

static sigset_t inherited_mask;	/* what commands start with */

static const char *const outcome_name[] = { "ok", "failed", "cancelled" };

static void report(const char *name, const char *outcome, int attempts, int status)
{
	/* one printf: lines of different workers must not mix */
	printf("%s %s attempts=%d status=%d\n", name, outcome, attempts, status);
	fflush(stdout);
}

/* Run the command once; its exit status, or 128 + the signal that ended it. */
static int run_command(void *ctx, int attempt)
{
	struct jobline *job = ctx;
	char *argv[] = { "sh", "-c", job->command, NULL };
	char name[JOBFILE_NAME_MAX + 16], number[32];
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	char **env;
	size_t n = 0;
	pid_t pid;
	int err, status;

	while (environ[n])
		n++;
	env = malloc((n + 3) * sizeof(*env));
	if (!env)
		return 127;
	memcpy(env, environ, n * sizeof(*env));
	snprintf(name, sizeof(name), "JOB_NAME=%s", job->name);
	snprintf(number, sizeof(number), "JOB_ATTEMPT=%d", attempt);
	env[n] = name;
	env[n + 1] = number;
	env[n + 2] = NULL;

	/* stdin may be our own list of jobs; stdout is for our report */
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, 2, 1);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &inherited_mask);
	err = posix_spawn(&pid, "/bin/sh", &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	free(env);
	if (err)
		return 127;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 127;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void job_done(void *ctx, const jobq_result *result)
{
	struct jobline *job = ctx;

	report(job->name, outcome_name[result->outcome], result->attempts, result->status);
	free(job->command);
	free(job);
}

/* One run of the program; only the main thread touches it. */
struct session {
	jobq *q;
	int in;			/* -1 after the end of the input */
	char *text;		/* input that is not yet a whole line */
	size_t len;
	unsigned long lineno;
	unsigned long bad;
	unsigned long rejected;
	int draining;
	int ended[2];		/* pipe: a finisher writes when all jobs have ended */
	pthread_t finishers[2];
	int nfinishers;
};

static void die(const char *what)
{
	fprintf(stderr, "jobrun: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void *allocate(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (!p)
		die("memory");
	return p;
}

static void submit_line(struct session *s, const char *line)
{
	jobq_spec spec = { 0, 1, run_command, job_done, NULL };
	struct jobline parsed, *job;
	const char *why;
	int rc = jobfile_parse(line, &parsed, &why);

	s->lineno++;
	if (rc == 0)
		return;
	if (rc < 0) {
		fprintf(stderr, "jobrun: line %lu: %s\n", s->lineno, why);
		s->bad++;
		return;
	}
	if (s->draining) {
		report(parsed.name, "rejected", 0, 0);
		s->rejected++;
		free(parsed.command);
		return;
	}
	job = allocate(NULL, sizeof(*job));
	*job = parsed;
	spec.priority = job->priority;
	spec.max_attempts = job->attempts;
	spec.ctx = job;
	rc = jobq_submit(s->q, &spec, NULL);
	if (rc != 0) {
		fprintf(stderr, "jobrun: line %lu: cannot queue `%s' (%d)\n", s->lineno, job->name, rc);
		exit(2);
	}
}

static void *finish_all(void *arg)
{
	struct session *s = arg;

	jobq_wait(s->q);
	if (write(s->ended[1], "", 1) < 0)
		die("pipe");
	return NULL;
}

static void *finish_running(void *arg)
{
	struct session *s = arg;

	jobq_shutdown(s->q, JOBQ_FINISH_RUNNING);
	if (write(s->ended[1], "", 1) < 0)
		die("pipe");
	return NULL;
}

/* Waiting for jobs is left to a thread: the main one stays ready for signals. */
static void start_finisher(struct session *s, void *(*how)(void *))
{
	errno = pthread_create(&s->finishers[s->nfinishers++], NULL, how, s);
	if (errno)
		die("thread");
}

static void end_of_input(struct session *s)
{
	if (s->len > 0) {
		s->text[s->len] = '\0';
		submit_line(s, s->text);
		s->len = 0;
	}
	close(s->in);
	s->in = -1;
	if (!s->draining)
		start_finisher(s, finish_all);
}

static void read_input(struct session *s)
{
	char *start, *end;
	ssize_t got;

	s->text = allocate(s->text, s->len + CHUNK + 1);
	got = read(s->in, s->text + s->len, CHUNK);
	if (got < 0) {
		if (errno == EINTR || errno == EAGAIN)
			return;
		die("input");
	}
	if (got == 0) {
		end_of_input(s);
		return;
	}
	s->len += (size_t)got;
	for (start = s->text; (end = memchr(start, '\n', s->len - (size_t)(start - s->text))); start = end + 1) {
		*end = '\0';
		submit_line(s, start);
	}
	s->len -= (size_t)(start - s->text);
	memmove(s->text, start, s->len);
}

/* Read jobs until the input and all jobs have ended, or SIGTERM and a drain. */
static void serve(struct session *s, int signals)
{
	struct signalfd_siginfo info;
	int over = 0;

	while (!over) {
		struct pollfd fds[] = { { signals, POLLIN, 0 }, { s->in, POLLIN, 0 }, { s->ended[0], POLLIN, 0 } };

		if (poll(fds, 3, -1) < 0) {
			if (errno == EINTR)
				continue;
			die("poll");
		}
		if (fds[0].revents && read(signals, &info, sizeof(info)) == sizeof(info) && !s->draining) {
			s->draining = 1;
			start_finisher(s, finish_running);
		}
		if (fds[1].revents)
			read_input(s);
		over = fds[2].revents != 0;
	}
	while (s->nfinishers > 0)
		pthread_join(s->finishers[--s->nfinishers], NULL);
}

static void usage(void)
{
	fprintf(stderr, "usage: jobrun [-w WORKERS] [-b BACKOFF_MS] FILE\n"
			"FILE may be - for standard input; jobs start as their lines arrive\n");
	exit(2);
}

static long number(const char *text, long low, long high)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < low || value > high)
		usage();
	return value;
}

/* Print the last line; the exit status. */
static int summary(const struct session *s)
{
	jobq_stats st;

	jobq_get_stats(s->q, &st);
	if (s->draining) {
		printf("jobs=%lu ok=%lu failed=%lu cancelled=%lu rejected=%lu\n", st.submitted + s->rejected,
		       st.ok, st.failed, st.cancelled, s->rejected);
		return 3;
	}
	printf("jobs=%lu ok=%lu failed=%lu\n", st.submitted, st.ok, st.failed);
	if (s->bad)
		return 2;
	return st.failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct session s = { .in = -1 };
	int opt, status, signals, workers = 4;
	unsigned backoff = 100;
	sigset_t term;

	while ((opt = getopt(argc, argv, "w:b:")) != -1) {
		switch (opt) {
		case 'w':
			workers = (int)number(optarg, 1, 256);
			break;
		case 'b':
			backoff = (unsigned)number(optarg, 0, 60000);
			break;
		default:
			usage();
		}
	}
	if (optind != argc - 1)
		usage();
	s.in = strcmp(argv[optind], "-") == 0 ? 0 : open(argv[optind], O_RDONLY | O_CLOEXEC);
	if (s.in < 0)
		die(argv[optind]);

	/* before the first thread: all of them must leave SIGTERM to the signalfd */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, &inherited_mask);
	signals = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0 || pipe2(s.ended, O_CLOEXEC) != 0)
		die("signals");

	s.q = jobq_new(workers, backoff);
	if (!s.q) {
		fprintf(stderr, "jobrun: cannot start %d workers\n", workers);
		return 2;
	}
	serve(&s, signals);
	jobq_shutdown(s.q, JOBQ_FINISH_ALL);
	status = summary(&s);
	jobq_free(s.q);
	free(s.text);
	return status;
}
