"""`python -m tests.mutation [SUBJECT…]`: every mutant of the subjects against the tests; exit code 0 if each survivor has a reason.

Runs in a copy of the checkout, on servers of its own that stay up. `--results FILE` and then `--again` run what is left: after
an interruption, or after new tests. `--write` renews docs/mutation.md.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutation import outcomes
from tests.mutation.subjects import SUBJECTS

ROOT = Path(__file__).resolve().parents[2]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".data", "__pycache__", ".*_cache", ".hypothesis", "mutants")


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the copy goes
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    names = [s.name for s in SUBJECTS]
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"any of {', '.join(names)}; all without one")
    parser.add_argument("--results", type=Path, metavar="FILE", help="keep there what became of each mutant")
    parser.add_argument("--again", action="store_true", help="run only what FILE does not say to be killed")
    parser.add_argument("--only", nargs="+", default=[], metavar="ID", help="these mutants alone")
    parser.add_argument("--write", action="store_true", help="renew docs/mutation.md")
    wanted = parser.parse_args()
    if unknown := set(wanted.subjects) - set(names):
        parser.error(f"no such subject: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="smartcare-mutation-") as folder:
        results = (wanted.results or Path(folder) / "results").absolute()
        if not wanted.again:
            results.unlink(missing_ok=True)
        copy = Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED, symlinks=True)
        command = [sys.executable, "-m", "tests.mutation.run", str(results), ",".join(wanted.only)]
        code = subprocess.run([*command, *(wanted.subjects or names)], cwd=copy, env=_environment(copy)).returncode
        return code or judge(results, write=wanted.write)


def _environment(copy: Path) -> dict[str, str]:
    ours = {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "DJANGO_SETTINGS_MODULE": "smartcare.settings"}
    return {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"}} | ours


def judge(path: Path, *, write: bool) -> int:
    results = outcomes.load(path)
    print(f"\n{outcomes.table(results)}\n")
    unexplained, overtaken = outcomes.without_reason(results), outcomes.reasons_overtaken(results)
    for result in unexplained:
        print(f"# {result.module}:{result.line}: {result.statement}\n# {result.why}\n{outcomes.skeleton(result)}")
    for reason in overtaken:
        print(f"A test notices by now, take the reason out: {reason.where}: {reason.change}")
    if write:
        outcomes.PAGE.write_text(outcomes.page(results))
    return 1 if unexplained or overtaken else 0


if __name__ == "__main__":
    sys.exit(main())
