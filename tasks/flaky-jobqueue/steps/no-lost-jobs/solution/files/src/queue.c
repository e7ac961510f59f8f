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
	int attempt;		/* the attempt in progress or to come; owned by whoever holds the job */
	jobq_spec spec;
};

/*
 * Everything below the lock is read and written with the lock held.  A
 * predicate is always tested in the same critical section as the wait on its
 * condition, and changed before the signal: a wake-up cannot fall in between.
 */
struct jobq {
	pthread_mutex_t lock;
	pthread_cond_t work;	/* workers: ready grew, or there is nothing left to do */
	pthread_cond_t ended;	/* jobq_wait, jobq_shutdown: outstanding became 0 */
	struct heap ready;
	unsigned long next_id;
	unsigned long seq;
	unsigned long outstanding;	/* accepted jobs whose done has not returned */
	int stopping;
	jobq_stats stats;

	/* constant once jobq_new has returned */
	unsigned backoff_ms;
	int workers;
	pthread_t threads[MAX_WORKERS];
};

static void pause_ms(unsigned ms)
{
	struct timespec left = { ms / 1000, (long)(ms % 1000) * 1000000L };

	while (ms > 0 && nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

/* The next job, or NULL when the worker should end. */
static struct job *take(jobq *q)
{
	struct job *job;

	pthread_mutex_lock(&q->lock);
	while (!(job = heap_pop(&q->ready)) && !(q->stopping && q->outstanding == 0))
		pthread_cond_wait(&q->work, &q->lock);
	pthread_mutex_unlock(&q->lock);
	return job;
}

/*
 * Put a failed job back for its next attempt.  It stays outstanding meanwhile.
 * From the unlock on it may belong to another worker: do not touch it.
 */
static int requeue(jobq *q, struct job *job)
{
	int err;

	pause_ms(q->backoff_ms);
	pthread_mutex_lock(&q->lock);
	job->attempt++;
	err = heap_push(&q->ready, job->spec.priority, ++q->seq, job);
	if (err)
		job->attempt--;
	else
		pthread_cond_signal(&q->work);
	pthread_mutex_unlock(&q->lock);
	return err;
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

	pthread_mutex_lock(&q->lock);
	if (--q->outstanding == 0) {
		pthread_cond_broadcast(&q->ended);
		if (q->stopping)
			pthread_cond_broadcast(&q->work);
	}
	pthread_mutex_unlock(&q->lock);
}

static void *worker(void *arg)
{
	jobq *q = arg;
	struct job *job;

	while ((job = take(q)) != NULL) {
		int status = job->spec.run(job->spec.ctx, job->attempt);

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
	pthread_cond_init(&q->work, NULL);
	pthread_cond_init(&q->ended, NULL);
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

/* Accept the job if the queue still does; the lock is held. */
static int enqueue(jobq *q, struct job *job)
{
	if (q->stopping)
		return JOBQ_ECLOSED;
	if (heap_push(&q->ready, job->spec.priority, ++q->seq, job) != 0)
		return JOBQ_ENOMEM;
	job->id = ++q->next_id;
	q->stats.submitted++;
	q->outstanding++;
	pthread_cond_signal(&q->work);
	return 0;
}

int jobq_submit(jobq *q, const jobq_spec *spec, unsigned long *id)
{
	struct job *job;
	int err;

	if (!spec || !spec->run || spec->max_attempts < 1)
		return JOBQ_EINVAL;
	job = malloc(sizeof(*job));
	if (!job)
		return JOBQ_ENOMEM;
	job->spec = *spec;
	job->attempt = 1;

	pthread_mutex_lock(&q->lock);
	err = enqueue(q, job);
	if (err == 0 && id)
		*id = job->id;
	pthread_mutex_unlock(&q->lock);
	if (err)
		free(job);
	return err;
}

void jobq_wait(jobq *q)
{
	pthread_mutex_lock(&q->lock);
	while (q->outstanding > 0)
		pthread_cond_wait(&q->ended, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

int jobq_shutdown(jobq *q, jobq_how how)
{
	if (how != JOBQ_FINISH_ALL)
		return JOBQ_ENOSYS;
	pthread_mutex_lock(&q->lock);
	q->stopping = 1;
	pthread_cond_broadcast(&q->work);
	while (q->outstanding > 0)
		pthread_cond_wait(&q->ended, &q->lock);
	pthread_mutex_unlock(&q->lock);
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
	int i;

	if (!q)
		return;
	/* they end by themselves after the shutdown */
	for (i = 0; i < q->workers; i++)
		pthread_join(q->threads[i], NULL);
	heap_clear(&q->ready);
	pthread_cond_destroy(&q->work);
	pthread_cond_destroy(&q->ended);
	pthread_mutex_destroy(&q->lock);
	free(q);
}
