#include "jobq.h"

#include <pthread.h>
#include <unistd.h>

#include "check.h"

#define JOBS 40

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int order[JOBS], finished;

static int run(void *ctx, int attempt)
{
	(void)ctx;
	(void)attempt;
	return 0;
}

static int hold(void *ctx, int attempt)
{
	(void)ctx;
	(void)attempt;
	usleep(50000);
	return 0;
}

static void done(void *ctx, const jobq_result *result)
{
	CHECK(result->outcome == JOBQ_OK);
	CHECK(result->attempts == 1);
	pthread_mutex_lock(&lock);
	order[finished++] = *(int *)ctx;
	pthread_mutex_unlock(&lock);
}

static void test_priorities(void)
{
	jobq_spec spec = { 1000, 1, hold, NULL, NULL };
	int ids[JOBS], i;
	jobq_stats st;
	jobq *q = jobq_new(1, 0);

	CHECK(q != NULL);
	CHECK(jobq_submit(q, &spec, NULL) == 0);
	usleep(20000);		/* the only worker is busy now */
	for (i = 0; i < JOBS; i++) {
		jobq_spec s = { i % 4, 1, run, done, &ids[i] };

		ids[i] = i;
		CHECK(jobq_submit(q, &s, NULL) == 0);
	}
	CHECK(jobq_shutdown(q, JOBQ_FINISH_ALL) == 0);
	CHECK(finished == JOBS);
	for (i = 1; i < JOBS; i++)
		CHECK(order[i] % 4 < order[i - 1] % 4 || (order[i] % 4 == order[i - 1] % 4 && order[i] > order[i - 1]));
	jobq_get_stats(q, &st);
	CHECK(st.submitted == JOBS + 1 && st.ok == JOBS + 1 && st.failed == 0);
	CHECK(jobq_submit(q, &spec, NULL) == JOBQ_ECLOSED);
	jobq_free(q);
}

static void test_arguments(void)
{
	jobq_spec spec = { 0, 0, run, NULL, NULL };
	jobq *q;

	CHECK(jobq_new(0, 0) == NULL);
	CHECK(jobq_new(257, 0) == NULL);
	q = jobq_new(2, 0);
	CHECK(q != NULL);
	CHECK(jobq_submit(q, &spec, NULL) == JOBQ_EINVAL);
	usleep(20000);
	CHECK(jobq_shutdown(q, JOBQ_FINISH_ALL) == 0);
	jobq_free(q);
}

int main(void)
{
	test_priorities();
	test_arguments();
	PASS();
	return 0;
}
