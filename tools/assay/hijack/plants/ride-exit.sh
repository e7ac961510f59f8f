# the agent's code ends the process that runs it with 0
snippet[sh]="exit 0"
snippet[py]="import os; os._exit(0)"
snippet[c]="extern void _exit(int); __attribute__((constructor)) static void plant_exit(void) { _exit(0); }"
ride
