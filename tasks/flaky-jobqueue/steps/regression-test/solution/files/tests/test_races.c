/*
 * One test for each way in which the queue has lost jobs or wake-ups.
 *
 * The calls of pthread_* made by the library are wrapped by the linker (see
 * the Makefile).  The wrappers make the threads of the queue, never the main
 * thread, pause at the points where another thread can get in between, so that
 * the bad order of events happens every time.  A hang ends by SIGALRM.
 */
#include "jobq.h"

#include <pthread.h>
#include <unistd.h>

#include "check.h"

static __thread int is_main;
static __thread int failed;	/* this worker has just seen a failure */
static useconds_t before_lock, after_unlock, before_wait, after_failure;

int __real_pthread_mutex_lock(pthread_mutex_t *m);
int __real_pthread_mutex_unlock(pthread_mutex_t *m);
int __real_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int __real_pthread_cond_signal(pthread_cond_t *c);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *m);
int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int __wrap_pthread_cond_signal(pthread_cond_t *c);

static void delay(useconds_t us)
{
	if (us && !is_main)
		usleep(us);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *m)
{
	delay(before_lock);
	return __real_pthread_mutex_lock(m);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *m)
{
	int err = __real_pthread_mutex_unlock(m);

	delay(failed ? after_failure : after_unlock);
	return err;
}

int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	failed = 0;
	delay(before_wait);
	return __real_pthread_cond_wait(c, m);
}

int __wrap_pthread_cond_signal(pthread_cond_t *c)
{
	int err = __real_pthread_cond_signal(c);

	if (failed)
		delay(after_failure);
	return err;
}

struct probe {
	int fails;		/* attempts that fail */
	int run_ms, done_ms;
	int *gate;		/* run waits until it is set */
	int begun, ended, bad;
};

static int get(int *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static int run(void *ctx, int attempt)
{
	struct probe *p = ctx;

	if (__atomic_add_fetch(&p->begun, 1, __ATOMIC_SEQ_CST) != attempt)
		__atomic_store_n(&p->bad, 1, __ATOMIC_SEQ_CST);
	while (p->gate && !get(p->gate))
		usleep(500);
	usleep((useconds_t)p->run_ms * 1000);
	failed = attempt <= p->fails;
	return failed;
}

static void done(void *ctx, const jobq_result *result)
{
	struct probe *p = ctx;

	(void)result;
	usleep((useconds_t)p->done_ms * 1000);
	__atomic_add_fetch(&p->ended, 1, __ATOMIC_SEQ_CST);
}

static void submit(jobq *q, struct probe *p)
{
	jobq_spec spec = { 0, p->fails + 1, run, done, p };

	CHECK(jobq_submit(q, &spec, NULL) == 0);
}

static jobq *start(int workers, unsigned backoff)
{
	jobq *q = jobq_new(workers, backoff);

	CHECK(q != NULL);
	return q;
}

static void stop(jobq *q)
{
	CHECK(jobq_shutdown(q, JOBQ_FINISH_ALL) == 0);
	jobq_free(q);
	before_lock = after_unlock = before_wait = after_failure = 0;
}

/* A job arrives between a worker's look at the heap and its sleep. */
static void test_submit_while_falling_asleep(void)
{
	for (int i = 0; i < 12; i++) {
		struct probe p = { 0 };
		jobq *q;

		before_lock = after_unlock = 6000;
		before_wait = 3000;
		q = start(1, 0);
		usleep((useconds_t)i * 2000);
		submit(q, &p);
		jobq_wait(q);
		CHECK(p.ended == 1);
		stop(q);
	}
}

/* The same for the end of the queue. */
static void test_shutdown_while_falling_asleep(void)
{
	for (int i = 0; i < 12; i++) {
		jobq *q;

		before_lock = after_unlock = 4000;
		before_wait = 8000;
		q = start(2, 0);
		usleep((useconds_t)i * 2000);
		stop(q);
	}
}

static void *waiter(void *q)
{
	is_main = 1;
	jobq_wait(q);
	return NULL;
}

/* Threads in jobq_wait must not receive the wake-ups meant for workers. */
static void test_waiters_and_workers(void)
{
	struct probe slow = { .gate = &(int){ 0 } }, quick[6] = { 0 };
	jobq *q = start(2, 0);
	pthread_t threads[6];

	submit(q, &slow);
	while (!get(&slow.begun))
		usleep(500);
	for (int i = 0; i < 6; i++)
		CHECK(pthread_create(&threads[i], NULL, waiter, q) == 0);
	usleep(50000);
	for (int i = 0; i < 6; i++) {
		submit(q, &quick[i]);
		while (!get(&quick[i].ended))
			usleep(500);
		usleep(3000);
	}
	__atomic_store_n(slow.gate, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	CHECK(slow.ended == 1);
	stop(q);
}

/* Nobody is running anything, and yet not all is over. */
static void test_wait_covers_backoff_and_done(void)
{
	struct probe retried = { .fails = 2 }, slow_done = { .done_ms = 40 };
	jobq *q = start(2, 30);

	submit(q, &retried);
	jobq_wait(q);
	CHECK(get(&retried.ended) == 1);
	submit(q, &slow_done);
	jobq_wait(q);
	CHECK(get(&slow_done.ended) == 1);
	stop(q);
}

/* An idle worker gets the next attempt while the one that queued it is held up. */
static void test_attempts_are_counted_once(void)
{
	struct probe p[3] = { { .fails = 3 }, { .fails = 3 }, { .fails = 2 } };

	for (int i = 0; i < 3; i++) {
		jobq *q = start(3, 0);

		after_failure = 15000;
		submit(q, &p[i]);
		jobq_wait(q);
		CHECK(!p[i].bad);
		CHECK(p[i].begun == p[i].fails + 1);
		CHECK(p[i].ended == 1);
		stop(q);
	}
}

int main(void)
{
	void (*const tests[])(void) = {
		test_submit_while_falling_asleep, test_shutdown_while_falling_asleep, test_waiters_and_workers,
		test_wait_covers_backoff_and_done, test_attempts_are_counted_once,
	};

	is_main = 1;
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		alarm(5);
		tests[i]();
	}
	PASS();
	return 0;
}
