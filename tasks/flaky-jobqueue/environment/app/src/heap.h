/* Binary heap of pointers: highest priority first, then lowest sequence. */
#ifndef HEAP_H
#define HEAP_H

#include <stddef.h>

struct heap_item {
	int priority;
	unsigned long seq;
	void *ptr;
};

struct heap {
	struct heap_item *items;
	size_t len;
	size_t cap;
};

void heap_init(struct heap *h);
void heap_clear(struct heap *h);
/* 0, or -1 when memory is short (the heap is then unchanged). */
int heap_push(struct heap *h, int priority, unsigned long seq, void *ptr);
/* NULL when empty. */
void *heap_pop(struct heap *h);

#endif
