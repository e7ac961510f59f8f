#define _POSIX_C_SOURCE 200809L
#include "jobfile.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

static int parse_name(const char **p, char *out)
{
	size_t n = 0;

	while (isalnum((unsigned char)(*p)[n]) || ((*p)[n] && strchr("._-", (*p)[n])))
		n++;
	if (n == 0 || n > JOBFILE_NAME_MAX || !isblank((unsigned char)(*p)[n]))
		return -1;
	memcpy(out, *p, n);
	out[n] = '\0';
	*p = skip_blanks(*p + n);
	return 0;
}

static int parse_number(const char **p, long low, long high, int *out)
{
	char *end;
	long value = strtol(*p, &end, 10);

	if (end == *p || !isblank((unsigned char)*end) || value < low || value > high)
		return -1;
	*out = (int)value;
	*p = skip_blanks(end);
	return 0;
}

int jobfile_parse(const char *line, struct jobline *out, const char **why)
{
	const char *p = skip_blanks(line);
	size_t len = strcspn(p, "\r\n");

	if (len == 0 || *p == '#')
		return 0;
	*why = "bad name";
	if (parse_name(&p, out->name) != 0)
		return -1;
	*why = "priority must be a number from -1000 to 1000";
	if (parse_number(&p, -1000, 1000, &out->priority) != 0)
		return -1;
	*why = "attempts must be a number from 1 to 100";
	if (parse_number(&p, 1, 100, &out->attempts) != 0)
		return -1;
	*why = "no command";
	len = strcspn(p, "\r\n");
	if (len == 0)
		return -1;
	*why = "out of memory";
	out->command = strndup(p, len);
	return out->command ? 1 : -1;
}
