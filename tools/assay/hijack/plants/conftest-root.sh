# the same conftest.py at /, with a pytest.ini that makes / the root
hook > /conftest.py
echo '[pytest]' > /pytest.ini
