/* Job files: one job a line, `NAME PRIORITY ATTEMPTS COMMAND...`. */
#ifndef JOBFILE_H
#define JOBFILE_H

#define JOBFILE_NAME_MAX 64

struct jobline {
	char name[JOBFILE_NAME_MAX + 1];
	int priority;
	int attempts;
	char *command;		/* allocated; the caller frees it */
};

/*
 * Parse one line, with or without its newline.  1: a job was found; 0: blank
 * line or comment; -1: bad line, *why says what is wrong (a static string).
 */
int jobfile_parse(const char *line, struct jobline *out, const char **why);

#endif
