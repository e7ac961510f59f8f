/*
 * The queue itself: one heap of ready jobs and a pool of workers.
 *
 * Other products take this file as it is, together with jobq.h and heap.[ch].
 */
#include "jobq.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "heap.h"

#define MAX_WORKERS 256

struct job {
	unsigned long id;
	int attempt;
	jobq_spec spec;
};

struct jobq {
	pthread_mutex_t lock;
	pthread_cond_t cv;
	struct heap ready;
	unsigned long next_id;
	unsigned long seq;
	int running;		/* jobs in the hands of a worker */
	int idle;		/* workers asleep */
	int stopping;
	unsigned backoff_ms;
	jobq_stats stats;
	int workers;
	pthread_t threads[MAX_WORKERS];
};

static void pause_ms(unsigned ms)
{
	struct timespec left = { ms / 1000, (long)(ms % 1000) * 1000000L };

	while (ms > 0 && nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

/*
 * The next job, or NULL when the worker should end.
 *
 * The lock is dropped as soon as we know whether there is a job: keeping it
 * until the sleep cost 8 % on the old build box.
 */
static struct job *take(jobq *q)
{
	struct job *job;

	for (;;) {
		pthread_mutex_lock(&q->lock);
		job = heap_pop(&q->ready);
		if (job)
			q->running++;
		pthread_mutex_unlock(&q->lock);
		if (job || q->stopping)
			return job;

		pthread_mutex_lock(&q->lock);
		q->idle++;
		pthread_cond_wait(&q->cv, &q->lock);
		q->idle--;
		pthread_mutex_unlock(&q->lock);
	}
}

/* Put a failed job back for its next attempt. */
static int requeue(jobq *q, struct job *job)
{
	int err;

	pause_ms(q->backoff_ms);
	pthread_mutex_lock(&q->lock);
	err = heap_push(&q->ready, job->spec.priority, ++q->seq, job);
	pthread_mutex_unlock(&q->lock);
	if (err)
		return err;
	pthread_cond_signal(&q->cv);
	job->attempt++;
	return 0;
}

static void finish(jobq *q, struct job *job, int status)
{
	jobq_result result = { job->id, status ? JOBQ_FAILED : JOBQ_OK, job->attempt, status };

	pthread_mutex_lock(&q->lock);
	if (status)
		q->stats.failed++;
	else
		q->stats.ok++;
	pthread_mutex_unlock(&q->lock);
	if (job->spec.done)
		job->spec.done(job->spec.ctx, &result);
	free(job);
}

static void *worker(void *arg)
{
	jobq *q = arg;
	struct job *job;

	while ((job = take(q)) != NULL) {
		int status = job->spec.run(job->spec.ctx, job->attempt);

		pthread_mutex_lock(&q->lock);
		q->running--;
		if (q->running == 0 && q->ready.len == 0)
			pthread_cond_signal(&q->cv);	/* for jobq_wait */
		pthread_mutex_unlock(&q->lock);

		if (status != 0 && job->attempt < job->spec.max_attempts && requeue(q, job) == 0)
			continue;
		finish(q, job, status);
	}
	return NULL;
}

jobq *jobq_new(int workers, unsigned backoff_ms)
{
	jobq *q;

	if (workers < 1 || workers > MAX_WORKERS)
		return NULL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->cv, NULL);
	heap_init(&q->ready);
	q->backoff_ms = backoff_ms;
	for (; q->workers < workers; q->workers++) {
		if (pthread_create(&q->threads[q->workers], NULL, worker, q) != 0) {
			jobq_shutdown(q, JOBQ_FINISH_ALL);
			jobq_free(q);
			return NULL;
		}
	}
	return q;
}

int jobq_submit(jobq *q, const jobq_spec *spec, unsigned long *id)
{
	struct job *job;
	int idle;

	if (!spec || !spec->run || spec->max_attempts < 1)
		return JOBQ_EINVAL;
	if (q->stopping)
		return JOBQ_ECLOSED;
	job = malloc(sizeof(*job));
	if (!job)
		return JOBQ_ENOMEM;
	job->spec = *spec;
	job->attempt = 1;

	pthread_mutex_lock(&q->lock);
	job->id = ++q->next_id;
	if (id)
		*id = job->id;
	if (heap_push(&q->ready, spec->priority, ++q->seq, job) != 0) {
		pthread_mutex_unlock(&q->lock);
		free(job);
		return JOBQ_ENOMEM;
	}
	q->stats.submitted++;
	idle = q->idle;
	pthread_mutex_unlock(&q->lock);
	if (idle > 0)
		pthread_cond_signal(&q->cv);	/* nobody to wake otherwise */
	return 0;
}

void jobq_wait(jobq *q)
{
	pthread_mutex_lock(&q->lock);
	while (q->running > 0 || q->ready.len > 0)
		pthread_cond_wait(&q->cv, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

int jobq_shutdown(jobq *q, jobq_how how)
{
	int i;

	if (how != JOBQ_FINISH_ALL)
		return JOBQ_ENOSYS;
	if (q->stopping)
		return 0;
	q->stopping = 1;
	pthread_cond_broadcast(&q->cv);
	for (i = 0; i < q->workers; i++)
		pthread_join(q->threads[i], NULL);
	return 0;
}

void jobq_get_stats(jobq *q, jobq_stats *out)
{
	pthread_mutex_lock(&q->lock);
	*out = q->stats;
	pthread_mutex_unlock(&q->lock);
}

void jobq_free(jobq *q)
{
	if (!q)
		return;
	heap_clear(&q->ready);
	pthread_cond_destroy(&q->cv);
	pthread_mutex_destroy(&q->lock);
	free(q);
}
