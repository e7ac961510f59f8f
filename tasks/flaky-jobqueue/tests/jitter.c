/*
 * Preloaded into the tested program: stretches the moments between pthread
 * calls, so that an order of events that is rare in life happens every time.
 * JITTER="seed lock unlock wait signal", the last four in microseconds: the
 * longest random pause before a lock, after an unlock, before a condition wait
 * (with the mutex held, where a correct signaller cannot slip in) and before
 * and after a signal or broadcast.  A negative number is a fixed pause.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int (*real_lock)(pthread_mutex_t *);
static int (*real_unlock)(pthread_mutex_t *);
static int (*real_wait)(pthread_cond_t *, pthread_mutex_t *);
static int (*real_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static int (*real_signal)(pthread_cond_t *);
static int (*real_broadcast)(pthread_cond_t *);
static long at_lock, at_unlock, at_wait, at_signal;
static unsigned seed = 1;
static __thread unsigned state;

__attribute__((constructor)) static void setup(void)
{
	const char *text = getenv("JITTER");

	real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
	real_unlock = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
	real_wait = dlsym(RTLD_NEXT, "pthread_cond_wait");
	real_timedwait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	real_signal = dlsym(RTLD_NEXT, "pthread_cond_signal");
	real_broadcast = dlsym(RTLD_NEXT, "pthread_cond_broadcast");
	if (text)
		sscanf(text, "%u %ld %ld %ld %ld", &seed, &at_lock, &at_unlock, &at_wait, &at_signal);
}

static void pause_for(long limit)
{
	struct timespec t = { 0, 0 };

	if (limit == 0)
		return;
	if (state == 0)
		state = __atomic_fetch_add(&seed, 1, __ATOMIC_RELAXED) * 2654435761u | 1;
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	t.tv_nsec = (limit < 0 ? -limit : (long)(state % (unsigned long)limit)) * 1000;
	nanosleep(&t, NULL);
}

int pthread_mutex_lock(pthread_mutex_t *m)
{
	if (!real_lock)
		setup();
	pause_for(at_lock);
	return real_lock(m);
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
	int rc;

	if (!real_unlock)
		setup();
	rc = real_unlock(m);
	pause_for(at_unlock);
	return rc;
}

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	pause_for(at_wait);
	return real_wait(c, m);
}

int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
	pause_for(at_wait);
	return real_timedwait(c, m, until);
}

int pthread_cond_signal(pthread_cond_t *c)
{
	int rc;

	pause_for(at_signal);
	rc = real_signal(c);
	pause_for(at_signal);
	return rc;
}

int pthread_cond_broadcast(pthread_cond_t *c)
{
	int rc;

	pause_for(at_signal);
	rc = real_broadcast(c);
	pause_for(at_signal);
	return rc;
}
