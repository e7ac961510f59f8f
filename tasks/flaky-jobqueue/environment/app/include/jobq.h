/*
 * libjobq: a small priority job queue with a pool of worker threads.
 *
 * This header is shared byte for byte with every product that embeds the
 * queue.  It describes what each release must do.
 */
#ifndef JOBQ_H
#define JOBQ_H

typedef struct jobq jobq;

/* Results of the functions below; 0 is success. */
enum {
	JOBQ_EINVAL = -1,	/* an argument is out of range */
	JOBQ_ENOMEM = -2,	/* out of memory, or no thread could be started */
	JOBQ_ECLOSED = -3,	/* the queue no longer accepts jobs */
	JOBQ_ENOSYS = -4	/* this release does not support the request */
};

/* How a job ended. */
typedef enum {
	JOBQ_OK,		/* an attempt returned 0 */
	JOBQ_FAILED,		/* the last attempt it was given returned non-zero */
	JOBQ_CANCELLED		/* it was dropped while no attempt was in progress */
} jobq_outcome;

typedef struct {
	unsigned long id;	/* as given by jobq_submit */
	jobq_outcome outcome;
	int attempts;		/* number of calls of run */
	int status;		/* what the last call of run returned; 0 if there was none */
} jobq_result;

/*
 * run does the work of one attempt; attempt is 1 for the first call and one
 * more for each retry.  0 means success.  done is called exactly once for each
 * accepted job, after its last attempt; it may be NULL.
 *
 * Both are called on a thread of the queue or, for cancelled jobs, possibly on
 * the thread that called jobq_shutdown.  No lock of the queue is held, so both
 * may call jobq_submit and jobq_get_stats.  Two attempts of one job never
 * overlap, and done never overlaps with an attempt of the same job.
 */
typedef int (*jobq_run_fn)(void *ctx, int attempt);
typedef void (*jobq_done_fn)(void *ctx, const jobq_result *result);

typedef struct {
	int priority;		/* higher first; equal priorities in order of submission */
	int max_attempts;	/* at least 1 */
	jobq_run_fn run;
	jobq_done_fn done;
	void *ctx;
} jobq_spec;

typedef struct {
	unsigned long submitted;	/* accepted jobs */
	unsigned long ok;
	unsigned long failed;
	unsigned long cancelled;
} jobq_stats;

/* Start a queue with 1 to 256 workers.  A failed job is queued again, behind
 * the jobs of the same priority, backoff_ms milliseconds after the failure.
 * NULL on bad arguments or lack of memory. */
jobq *jobq_new(int workers, unsigned backoff_ms);

/* Queue a job; *spec is copied.  id may be NULL. */
int jobq_submit(jobq *q, const jobq_spec *spec, unsigned long *id);

/* Return when every job accepted so far has ended, i.e. when its done has
 * returned.  Any number of threads may wait at the same time. */
void jobq_wait(jobq *q);

typedef enum {
	/* Run everything that was accepted, with all its retries. */
	JOBQ_FINISH_ALL,
	/* Let the attempts in progress end and start no other.  An attempt in
	 * progress that then fails is not retried: its job is JOBQ_FAILED.  All
	 * other jobs that have not ended, also those waiting for a retry, are
	 * JOBQ_CANCELLED.  (Releases before 1.4 return JOBQ_ENOSYS.) */
	JOBQ_FINISH_RUNNING
} jobq_how;

/* Stop accepting jobs (jobq_submit returns JOBQ_ECLOSED from here on), end the
 * accepted ones as how says and return 0 when all have ended and the workers
 * are idle for good.  May be called again, also by another thread while an
 * earlier call is still waiting: FINISH_RUNNING cuts a FINISH_ALL short, the
 * opposite order changes nothing.  Not to be called from run or done. */
int jobq_shutdown(jobq *q, jobq_how how);

/* ok, failed and cancelled count jobs whose done is about to be called or has
 * been called. */
void jobq_get_stats(jobq *q, jobq_stats *out);

/* Free a queue that has been shut down.  NULL is allowed. */
void jobq_free(jobq *q);

#endif
