#include "heap.h"

#include <stdlib.h>

void heap_init(struct heap *h)
{
	h->items = NULL;
	h->len = 0;
	h->cap = 0;
}

void heap_clear(struct heap *h)
{
	free(h->items);
	heap_init(h);
}

static int before(const struct heap_item *a, const struct heap_item *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->seq < b->seq;
}

int heap_push(struct heap *h, int priority, unsigned long seq, void *ptr)
{
	struct heap_item item = { priority, seq, ptr };
	size_t i, up;

	if (h->len == h->cap) {
		size_t cap = h->cap ? 2 * h->cap : 16;
		struct heap_item *grown = realloc(h->items, cap * sizeof(*grown));

		if (!grown)
			return -1;
		h->items = grown;
		h->cap = cap;
	}
	for (i = h->len++; i > 0; i = up) {
		up = (i - 1) / 2;
		if (!before(&item, &h->items[up]))
			break;
		h->items[i] = h->items[up];
	}
	h->items[i] = item;
	return 0;
}

void *heap_pop(struct heap *h)
{
	struct heap_item last;
	void *top;
	size_t i = 0, down;

	if (h->len == 0)
		return NULL;
	top = h->items[0].ptr;
	last = h->items[--h->len];
	while ((down = 2 * i + 1) < h->len) {
		if (down + 1 < h->len && before(&h->items[down + 1], &h->items[down]))
			down++;
		if (!before(&h->items[down], &last))
			break;
		h->items[i] = h->items[down];
		i = down;
	}
	if (h->len > 0)
		h->items[i] = last;
	return top;
}
