/*
 * The queue as it should be, and the ways in which it was broken, one for each
 * macro: BUG_SUBMIT_GAP, BUG_STOP_GAP, BUG_SHARED_CV, BUG_EARLY_IDLE and
 * BUG_LATE_ATTEMPT.  GOOD_ONE_CV is a second correct design.
 */
#include "jobq.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "heap.h"

#define MAX_WORKERS 256

#ifdef GOOD_ONE_CV
#define WAKE_ONE(q) pthread_cond_broadcast(&(q)->work)
#else
#define WAKE_ONE(q) pthread_cond_signal(&(q)->work)
#endif
#if defined GOOD_ONE_CV || defined BUG_SHARED_CV
#define ENDED(q) (&(q)->work)
#else
#define ENDED(q) (&(q)->ended)
#endif

struct job {
	unsigned long id;
	int attempts;		/* calls of run so far; owned by whoever holds the job */
	int status;		/* of the last one */
	jobq_spec spec;
};

struct jobq {
	pthread_mutex_t lock;
	pthread_cond_t work;	/* workers: ready grew, or there is nothing left to do */
	pthread_cond_t ended;	/* jobq_wait, jobq_shutdown: outstanding became 0 */
	pthread_cond_t dropped;	/* workers in a backoff: dropping was set */
	struct heap ready;
	unsigned long next_id;
	unsigned long seq;
	unsigned long outstanding;	/* accepted jobs whose done has not returned */
	int running;
	int alive;		/* workers that have not ended */
	int stopping;		/* no new jobs */
	int dropping;		/* no new attempts; implies stopping */
	jobq_stats stats;

	/* constant once jobq_new has returned */
	unsigned backoff_ms;
	int workers;
	pthread_t threads[MAX_WORKERS];
};

/* The next job, or NULL when the worker should end. */
#ifdef BUG_SUBMIT_GAP
static struct job *take(jobq *q)
{
	struct job *job;
	int over;

	for (;;) {
		pthread_mutex_lock(&q->lock);
		job = q->dropping ? NULL : heap_pop(&q->ready);
		over = q->stopping && q->outstanding == 0;
		pthread_mutex_unlock(&q->lock);
		if (job || over)
			return job;

		pthread_mutex_lock(&q->lock);
		if (!(q->stopping && q->outstanding == 0))
			pthread_cond_wait(&q->work, &q->lock);
		pthread_mutex_unlock(&q->lock);
	}
}
#else
static struct job *take(jobq *q)
{
	struct job *job = NULL;

	pthread_mutex_lock(&q->lock);
	while (q->dropping || !(job = heap_pop(&q->ready))) {
		if (q->stopping && q->outstanding == 0)
			break;
		pthread_cond_wait(&q->work, &q->lock);
	}
	if (job)
		q->running++;
	pthread_mutex_unlock(&q->lock);
	return job;
}
#endif

/* Sleep until the backoff is over or queued jobs are dropped; the lock is held. */
static void back_off(jobq *q)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += q->backoff_ms / 1000;
	until.tv_nsec += (long)(q->backoff_ms % 1000) * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	while (!q->dropping)
		if (pthread_cond_timedwait(&q->dropped, &q->lock, &until) != 0)
			return;
}

/*
 * Put a failed job back for its next attempt; it stays outstanding meanwhile.
 * After JOBQ_OK it may belong to another worker: do not touch it.  Otherwise
 * the caller still owns it, and the outcome says how it ended.
 */
static jobq_outcome requeue(jobq *q, struct job *job)
{
	jobq_outcome outcome = JOBQ_OK;

	pthread_mutex_lock(&q->lock);
	if (q->dropping) {
		outcome = JOBQ_FAILED;
	} else {
		back_off(q);
		if (q->dropping)
			outcome = JOBQ_CANCELLED;
		else if (heap_push(&q->ready, job->spec.priority, ++q->seq, job) != 0)
			outcome = JOBQ_FAILED;
#ifndef BUG_LATE_ATTEMPT
		else
			WAKE_ONE(q);
#endif
	}
	pthread_mutex_unlock(&q->lock);
#ifdef BUG_LATE_ATTEMPT
	if (outcome == JOBQ_OK) {
		WAKE_ONE(q);
		job->attempts++;
	}
#endif
	return outcome;
}

static void finish(jobq *q, struct job *job, jobq_outcome outcome)
{
	jobq_result result = { job->id, outcome, job->attempts, job->status };

	pthread_mutex_lock(&q->lock);
	if (outcome == JOBQ_OK)
		q->stats.ok++;
	else if (outcome == JOBQ_FAILED)
		q->stats.failed++;
	else
		q->stats.cancelled++;
	pthread_mutex_unlock(&q->lock);

	if (job->spec.done)
		job->spec.done(job->spec.ctx, &result);
	free(job);

	pthread_mutex_lock(&q->lock);
	if (--q->outstanding == 0) {
		pthread_cond_broadcast(ENDED(q));
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
		jobq_outcome outcome = JOBQ_OK;

#ifdef BUG_LATE_ATTEMPT
		job->status = job->spec.run(job->spec.ctx, job->attempts + 1);
#else
		job->status = job->spec.run(job->spec.ctx, ++job->attempts);
#endif
#ifdef BUG_EARLY_IDLE
		pthread_mutex_lock(&q->lock);
		q->running--;
		if (q->running == 0 && q->ready.len == 0)
			pthread_cond_broadcast(ENDED(q));
		pthread_mutex_unlock(&q->lock);
#endif
		if (job->status != 0) {
			outcome = JOBQ_FAILED;
#ifdef BUG_LATE_ATTEMPT
			if (job->attempts + 1 < job->spec.max_attempts)
#else
			if (job->attempts < job->spec.max_attempts)
#endif
				outcome = requeue(q, job);
			if (outcome == JOBQ_OK)
				continue;
		}
#ifdef BUG_LATE_ATTEMPT
		job->attempts++;
#endif
		finish(q, job, outcome);
	}
	pthread_mutex_lock(&q->lock);
	q->alive--;
	pthread_cond_broadcast(ENDED(q));
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

jobq *jobq_new(int workers, unsigned backoff_ms)
{
	pthread_condattr_t monotonic;
	jobq *q;

	if (workers < 1 || workers > MAX_WORKERS)
		return NULL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->work, NULL);
	pthread_cond_init(&q->ended, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&q->dropped, &monotonic);
	pthread_condattr_destroy(&monotonic);
	heap_init(&q->ready);
	q->backoff_ms = backoff_ms;
	for (; q->workers < workers; q->workers++) {
		pthread_mutex_lock(&q->lock);
		q->alive++;
		pthread_mutex_unlock(&q->lock);
		if (pthread_create(&q->threads[q->workers], NULL, worker, q) != 0) {
			q->alive--;
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
	WAKE_ONE(q);
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
	job->attempts = 0;
	job->status = 0;

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
#ifdef BUG_EARLY_IDLE
	while (q->running > 0 || q->ready.len > 0)
#else
	while (q->outstanding > 0)
#endif
		pthread_cond_wait(ENDED(q), &q->lock);
	pthread_mutex_unlock(&q->lock);
}

/* End the jobs that nobody is working on; the lock is held. */
static void drop_ready(jobq *q)
{
	struct job *job;

	while ((job = heap_pop(&q->ready)) != NULL) {
		pthread_mutex_unlock(&q->lock);
		finish(q, job, JOBQ_CANCELLED);
		pthread_mutex_lock(&q->lock);
	}
}

int jobq_shutdown(jobq *q, jobq_how how)
{
	if (how != JOBQ_FINISH_ALL && how != JOBQ_FINISH_RUNNING)
		return JOBQ_EINVAL;
#ifdef BUG_STOP_GAP
	q->stopping = 1;
	pthread_cond_broadcast(&q->work);
	pthread_mutex_lock(&q->lock);
#else
	pthread_mutex_lock(&q->lock);
	q->stopping = 1;
	pthread_cond_broadcast(&q->work);
#endif
	if (how == JOBQ_FINISH_RUNNING) {
		q->dropping = 1;
		pthread_cond_broadcast(&q->dropped);
		drop_ready(q);
	}
	while (q->outstanding > 0 || q->alive > 0)
		pthread_cond_wait(ENDED(q), &q->lock);
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
	pthread_cond_destroy(&q->dropped);
	pthread_mutex_destroy(&q->lock);
	free(q);
}
