#include "jobfile.h"

#include <string.h>

#include "check.h"

static int parse(const char *line, struct jobline *out)
{
	const char *why = NULL;

	return jobfile_parse(line, out, &why);
}

int main(void)
{
	struct jobline job;

	CHECK(parse("", &job) == 0);
	CHECK(parse("  \n", &job) == 0);
	CHECK(parse("# a comment\n", &job) == 0);

	CHECK(parse("nightly-index 5 3 ./index --all  # not a comment\n", &job) == 1);
	CHECK(strcmp(job.name, "nightly-index") == 0);
	CHECK(job.priority == 5);
	CHECK(job.attempts == 3);
	CHECK(strcmp(job.command, "./index --all  # not a comment") == 0);
	free(job.command);

	CHECK(parse("a\t-10 1 true\r\n", &job) == 1);
	CHECK(job.priority == -10);
	CHECK(strcmp(job.command, "true") == 0);
	free(job.command);

	CHECK(parse("a 1 0 true", &job) == -1);
	CHECK(parse("a 1001 1 true", &job) == -1);
	CHECK(parse("a 1 1x true", &job) == -1);
	CHECK(parse("a 1 1 ", &job) == -1);
	CHECK(parse("a/b 1 1 true", &job) == -1);
	PASS();
	return 0;
}
