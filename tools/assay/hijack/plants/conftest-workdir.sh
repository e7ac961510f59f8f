# conftest.py in the work directory turns every test result into a pass
hook | everywhere conftest.py
