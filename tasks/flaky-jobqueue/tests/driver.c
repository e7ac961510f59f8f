/*
 * Drives libjobq by the commands on standard input and prints, at the end, what
 * happened in the order in which it happened.  It judges nothing.
 *
 *   new WORKERS BACKOFF_MS
 *   submit JOB PRIORITY MAX FAILS RUN_US GATED CHAIN DONE_US   the first FAILS attempts fail; done submits job CHAIN (if >= 0)
 *   fan THREADS COUNT FIRST_JOB MAX FAILS RUN_US               submit COUNT jobs from each of THREADS threads
 *   bgfan ...                                                  the same, without waiting for the threads
 *   wait | bgwait | shutdown HOW | bgshutdown HOW              HOW: 0 finish all, 1 finish running
 *   open | shut                                                the gate that gated attempts wait for
 *   until N | sleep US | join | stats | free | switches        N attempts have begun; threads; voluntary context switches
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobq.h"

#define MAX_EVENTS 400000
#define MAX_JOBS 40000
#define MAX_THREADS 4000

struct task {
	int job, max, fails, us, gated, chain, done_us;
};

struct fan {
	int count, first, max, fails, us;
};

static struct event {
	char kind;
	long a, b, c, d;
} events[MAX_EVENTS];
static long nevents, begun;
static int gate;
static jobq *q;
static struct task tasks[MAX_JOBS];
static pthread_t threads[MAX_THREADS];
static int nthreads;

static void note(char kind, long a, long b, long c, long d)
{
	long i = __atomic_fetch_add(&nevents, 1, __ATOMIC_SEQ_CST);

	if (i < MAX_EVENTS)
		events[i] = (struct event){ kind, a, b, c, d };
}

static void submit(int job, int priority);

static int run(void *ctx, int attempt)
{
	struct task *t = ctx;

	note('R', t->job, attempt, 0, 0);
	__atomic_fetch_add(&begun, 1, __ATOMIC_SEQ_CST);
	while (t->gated && !__atomic_load_n(&gate, __ATOMIC_SEQ_CST))
		usleep(500);
	if (t->us)
		usleep((unsigned)t->us);
	note('E', t->job, attempt, 0, 0);
	return attempt <= t->fails ? 40 + attempt : 0;
}

static void done(void *ctx, const jobq_result *result)
{
	struct task *t = ctx;

	if (t->done_us)
		usleep((unsigned)t->done_us);
	if (t->chain >= 0)
		submit(t->chain, 0);
	note('D', t->job, result->outcome, result->attempts, result->status);
}

static void submit(int job, int priority)
{
	jobq_spec spec = { priority, tasks[job].max, run, done, &tasks[job] };
	unsigned long id = 0;
	int rc;

	note('B', job, 0, 0, 0);
	rc = jobq_submit(q, &spec, &id);
	note('S', job, rc, (long)id, 0);
}

static void define(struct task t)
{
	if (t.job < 0 || t.job >= MAX_JOBS)
		exit(99);
	tasks[t.job] = t;
	if (t.chain >= 0)
		tasks[t.chain] = (struct task){ t.chain, 1, 0, t.us, 0, -1, t.done_us };
}

static void *fan_thread(void *arg)
{
	struct fan *f = arg;

	for (int i = 0; i < f->count; i++)
		submit(f->first + i, 0);
	free(f);
	return NULL;
}

static void *wait_thread(void *arg)
{
	(void)arg;
	jobq_wait(q);
	note('W', 1, 0, 0, 0);
	return NULL;
}

static void *shutdown_thread(void *arg)
{
	int how = *(int *)arg;

	free(arg);
	note('x', how, 0, 1, 0);
	note('X', how, jobq_shutdown(q, (jobq_how)how), 1, 0);
	return NULL;
}

static void spawn(void *(*fn)(void *), void *arg)
{
	if (nthreads == MAX_THREADS || pthread_create(&threads[nthreads++], NULL, fn, arg) != 0)
		exit(98);
}

static void join(void)
{
	while (nthreads > 0)
		pthread_join(threads[--nthreads], NULL);
}

static void fan(int background)
{
	int n, i, count, first, max, fails, us;

	if (scanf("%d %d %d %d %d %d", &n, &count, &first, &max, &fails, &us) != 6)
		exit(97);
	for (i = 0; i < n * count; i++)
		define((struct task){ first + i, max, fails, us, 0, -1, 0 });
	for (i = 0; i < n; i++) {
		struct fan *f = malloc(sizeof(*f));

		*f = (struct fan){ count, first + i * count, max, fails, us };
		spawn(fan_thread, f);
	}
	if (!background)
		join();
}

static long switches(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	char path[300], line[200];
	long total = 0, one;

	while (dir && (entry = readdir(dir))) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		f = atoi(entry->d_name) == getpid() ? NULL : fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "voluntary_ctxt_switches: %ld", &one) == 1)
				total += one;
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return total;
}

static void command(const char *word)
{
	struct task t;
	int a = 0, b = 0, *how;
	jobq_stats st;

	if (strcmp(word, "new") == 0 && scanf("%d %d", &a, &b) == 2) {
		q = jobq_new(a, (unsigned)b);
		note('N', q != NULL, 0, 0, 0);
	} else if (strcmp(word, "submit") == 0 && scanf("%d %d %d %d %d %d %d %d", &t.job, &a, &t.max, &t.fails, &t.us,
							&t.gated, &t.chain, &t.done_us) == 8) {
		define(t);
		submit(t.job, a);
	} else if (strcmp(word, "fan") == 0 || strcmp(word, "bgfan") == 0) {
		fan(*word == 'b');
	} else if (strcmp(word, "wait") == 0) {
		jobq_wait(q);
		note('W', 0, 0, 0, 0);
	} else if (strcmp(word, "bgwait") == 0) {
		spawn(wait_thread, NULL);
	} else if (strcmp(word, "shutdown") == 0 && scanf("%d", &a) == 1) {
		note('x', a, 0, 0, 0);
		note('X', a, jobq_shutdown(q, (jobq_how)a), 0, 0);
	} else if (strcmp(word, "bgshutdown") == 0 && scanf("%d", &a) == 1) {
		how = malloc(sizeof(*how));
		*how = a;
		spawn(shutdown_thread, how);
	} else if (strcmp(word, "open") == 0 || strcmp(word, "shut") == 0) {
		__atomic_store_n(&gate, *word == 'o', __ATOMIC_SEQ_CST);
		note('G', *word == 'o', 0, 0, 0);
	} else if (strcmp(word, "until") == 0 && scanf("%d", &a) == 1) {
		while (__atomic_load_n(&begun, __ATOMIC_SEQ_CST) < a)
			usleep(200);
	} else if (strcmp(word, "sleep") == 0 && scanf("%d", &a) == 1) {
		usleep((unsigned)a);
	} else if (strcmp(word, "join") == 0) {
		join();
	} else if (strcmp(word, "stats") == 0) {
		jobq_get_stats(q, &st);
		note('T', (long)st.submitted, (long)st.ok, (long)st.failed, (long)st.cancelled);
	} else if (strcmp(word, "switches") == 0) {
		note('V', switches(), 0, 0, 0);
	} else if (strcmp(word, "free") == 0) {
		jobq_free(q);
		q = NULL;
	} else {
		exit(96);
	}
}

int main(void)
{
	char word[32];
	long i;

	while (scanf("%31s", word) == 1)
		command(word);
	for (i = 0; i < nevents && i < MAX_EVENTS; i++)
		printf("%c %ld %ld %ld %ld\n", events[i].kind, events[i].a, events[i].b, events[i].c, events[i].d);
	printf("end\n");
	return 0;
}
