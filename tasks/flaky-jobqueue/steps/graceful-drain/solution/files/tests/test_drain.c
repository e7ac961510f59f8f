/* JOBQ_FINISH_RUNNING. */
#include "jobq.h"

#include <pthread.h>
#include <unistd.h>

#include "check.h"

static int gate, begun, outcomes[4][3];

static int get(int *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static int held(void *ctx, int attempt)
{
	(void)ctx;
	(void)attempt;
	__atomic_add_fetch(&begun, 1, __ATOMIC_SEQ_CST);
	while (!get(&gate))
		usleep(500);
	return 0;
}

static int held_then_fails(void *ctx, int attempt)
{
	held(ctx, attempt);
	return 7;
}

static int fails(void *ctx, int attempt)
{
	(void)ctx;
	(void)attempt;
	__atomic_add_fetch(&begun, 1, __ATOMIC_SEQ_CST);
	return 9;
}

static void done(void *ctx, const jobq_result *result)
{
	int *outcome = ctx;

	outcome[0] = (int)result->outcome;
	outcome[1] = result->attempts;
	outcome[2] = result->status;
}

static void *drain(void *q)
{
	CHECK(jobq_shutdown(q, JOBQ_FINISH_RUNNING) == 0);
	return NULL;
}

static void expect(int job, jobq_outcome outcome, int attempts, int status)
{
	CHECK(outcomes[job][0] == (int)outcome);
	CHECK(outcomes[job][1] == attempts);
	CHECK(outcomes[job][2] == status);
}

int main(void)
{
	jobq_run_fn runs[] = { held, held_then_fails, fails, held };
	pthread_t thread;
	jobq_stats st;
	jobq *q = jobq_new(3, 60000);

	alarm(8);
	CHECK(q != NULL);
	for (int i = 0; i < 4; i++) {
		jobq_spec spec = { i == 3 ? -1 : 0, 5, runs[i], done, outcomes[i] };

		CHECK(jobq_submit(q, &spec, NULL) == 0);
	}
	while (get(&begun) < 3)
		usleep(500);
	usleep(50000);		/* the third job is in its backoff now, on its worker */
	CHECK(pthread_create(&thread, NULL, drain, q) == 0);
	usleep(50000);
	__atomic_store_n(&gate, 1, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	jobq_wait(q);
	expect(0, JOBQ_OK, 1, 0);
	expect(1, JOBQ_FAILED, 1, 7);
	expect(2, JOBQ_CANCELLED, 1, 9);
	expect(3, JOBQ_CANCELLED, 0, 0);
	jobq_get_stats(q, &st);
	CHECK(st.submitted == 4 && st.ok == 1 && st.failed == 1 && st.cancelled == 2);
	CHECK(jobq_shutdown(q, JOBQ_FINISH_ALL) == 0);
	jobq_free(q);
	PASS();
	return 0;
}
