/* jobrun: run the jobs of a job file on a pool of workers. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jobfile.h"
#include "jobq.h"

extern char **environ;

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
	err = posix_spawn(&pid, "/bin/sh", &files, NULL, argv, env);
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

/* Submit the job of one line.  0, or -1 for a bad line. */
static int submit_line(jobq *q, const char *line, unsigned long lineno)
{
	jobq_spec spec = { 0, 1, run_command, job_done, NULL };
	struct jobline parsed, *job;
	const char *why;
	int rc = jobfile_parse(line, &parsed, &why);

	if (rc == 0)
		return 0;
	if (rc < 0) {
		fprintf(stderr, "jobrun: line %lu: %s\n", lineno, why);
		return -1;
	}
	job = malloc(sizeof(*job));
	if (!job) {
		perror("jobrun");
		exit(2);
	}
	*job = parsed;
	spec.priority = job->priority;
	spec.max_attempts = job->attempts;
	spec.ctx = job;
	rc = jobq_submit(q, &spec, NULL);
	if (rc != 0) {
		fprintf(stderr, "jobrun: line %lu: cannot queue `%s' (%d)\n", lineno, job->name, rc);
		exit(2);
	}
	return 0;
}

static int read_jobs(jobq *q, FILE *in)
{
	char *line = NULL;
	size_t cap = 0;
	unsigned long lineno = 0;
	int bad = 0;

	while (getline(&line, &cap, in) >= 0)
		if (submit_line(q, line, ++lineno) != 0)
			bad++;
	free(line);
	return bad;
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

int main(int argc, char **argv)
{
	int opt, bad, workers = 4;
	unsigned backoff = 100;
	jobq_stats st;
	FILE *in;
	jobq *q;

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
	in = strcmp(argv[optind], "-") == 0 ? stdin : fopen(argv[optind], "re");
	if (!in) {
		fprintf(stderr, "jobrun: %s: %s\n", argv[optind], strerror(errno));
		return 2;
	}
	q = jobq_new(workers, backoff);
	if (!q) {
		fprintf(stderr, "jobrun: cannot start %d workers\n", workers);
		return 2;
	}
	bad = read_jobs(q, in);
	jobq_wait(q);
	jobq_get_stats(q, &st);
	printf("jobs=%lu ok=%lu failed=%lu\n", st.submitted, st.ok, st.failed);
	fflush(stdout);
	jobq_shutdown(q, JOBQ_FINISH_ALL);
	jobq_free(q);
	if (in != stdin)
		fclose(in);
	if (bad)
		return 2;
	return st.failed ? 1 : 0;
}
