import json
import subprocess
import sys

import verifier
from tests.processes import ROOT

PROGRAM = """
import json, sys
import verifier
lazy = [name for name in sys.modules if name.split(".")[0] in ("protocol", "ledger", "cryptography", "nacl")]
from verifier import VerificationPolicy, verify_credential, verify_presentation
heavy = ("fastapi", "sqlalchemy", "click", "httpcore2", "jsonschema", "uvicorn", "doors", "storage", "ledger")
print(json.dumps([lazy, [name for name in heavy if name in sys.modules]]))
"""


def test_library_imports_only_what_is_used() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [[], []]


def test_every_name_of_the_library_is_there() -> None:
    for name in verifier.__all__:
        assert getattr(verifier, name).__name__ == name


def test_other_names_are_not() -> None:
    assert not hasattr(verifier, "verify_everything")
