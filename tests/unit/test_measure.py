"""The bench's arithmetic, and what it refuses to compare; how long anything takes is no test."""

import sys
from pathlib import Path

import pytest

from bench.comparisons import Finding, refuse_differences
from bench.measure import MeasureError, measure, ratio


def test_a_ratio_is_the_median_of_runs_made_one_after_the_other() -> None:
    # Whatever slows the machine down for one pair slows both of it.
    assert ratio([2.0, 20.0, 6.0], [1.0, 10.0, 2.0]) == 2.0


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are Linux's to hand over")
def test_the_time_of_children_counts_also_when_they_outlive_their_parent(tmp_path: Path) -> None:
    busy = "import time\nwhile time.process_time() < 0.4: pass"
    starts = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {busy!r}])"
    run = measure([sys.executable, "-c", starts], log=tmp_path / "log")
    assert run.cpu >= 0.4
    assert run.megabytes > 1


def test_a_command_that_fails_is_named_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match=r"exited with 3:\nno such thing"):
        measure([sys.executable, "-c", "print('no such thing'); raise SystemExit(3)"], log=tmp_path / "log")


def test_apps_that_declare_different_things_are_not_compared() -> None:
    refuse_differences({"AWS::KMS::Key": 2}, {"AWS::KMS::Key": 2})
    with pytest.raises(MeasureError, match=r"AWS::KMS::Key 2 and 1, AWS::S3::Bucket 0 and 1\. Port the change"):
        refuse_differences({"AWS::KMS::Key": 2}, {"AWS::KMS::Key": 1, "AWS::S3::Bucket": 1})


@pytest.mark.parametrize(("found", "aim", "verdict"), [(1.0, 2.0, "met"), (2.1, 2.0, "missed"), (9.0, None, "")])
def test_a_figure_is_held_to_its_aim(found: float, aim: float | None, verdict: str) -> None:
    assert Finding(what="", found=found, aim=aim, detail="").verdict == verdict
