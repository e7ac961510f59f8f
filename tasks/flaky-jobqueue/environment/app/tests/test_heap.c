#include "heap.h"

#include "check.h"

int main(void)
{
	int values[200];
	struct heap h;
	int *previous = NULL, *p;
	unsigned long seq = 0;
	int i;

	heap_init(&h);
	CHECK(heap_pop(&h) == NULL);
	for (i = 0; i < 200; i++) {
		values[i] = i * 7919 % 13;
		CHECK(heap_push(&h, values[i], ++seq, &values[i]) == 0);
	}
	for (i = 0; i < 200; i++) {
		p = heap_pop(&h);
		CHECK(p != NULL);
		/* descending; equal ones in the order they were pushed */
		CHECK(!previous || *p < *previous || (*p == *previous && p > previous));
		previous = p;
	}
	CHECK(heap_pop(&h) == NULL);
	heap_clear(&h);
	PASS();
	return 0;
}
