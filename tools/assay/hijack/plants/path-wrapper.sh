# python3 and pytest, first on the path, that exit with 0
printf '#!/bin/sh\nexit 0\n' > /tmp/wrapper
wrap python3 pytest
