"""What tests share: the trace of the repository, real captures, and the tool to compare with.

WORMSIFT_TOOL is the tool, WORMSIFT_ROOT the repository where these files are copies. Tests that
lack the tool, or real captures, say "skipped"."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import wormsift

ROOT = Path(os.environ.get("WORMSIFT_ROOT", Path(__file__).resolve().parents[3]))


@pytest.fixture(scope="session")
def trace() -> Path:
    return ROOT / "corpora" / "traces" / "outbreak.pcapng.zst"


@pytest.fixture(scope="session")
def tool() -> Path:
    given = os.environ.get("WORMSIFT_TOOL")
    if not given:
        pytest.skip("WORMSIFT_TOOL is not set")
    return Path(given)


@pytest.fixture(scope="session")
def captures() -> Path:
    folder = Path(os.environ.get("WORMSIFT_CAPTURES", ROOT.parent / "shared" / "captures"))
    if not folder.is_dir():
        pytest.skip(f"no captures in {folder}")
    return folder


@pytest.fixture(scope="session")
def found(trace: Path) -> wormsift.Run:
    return wormsift.detect(trace).finish()
