"""The arithmetic of the bench, and the app that it compares with; no test depends on how long anything takes."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.bench.__main__ import measure, sequential

ROOT = Path(__file__).parents[3]
PARAMETER = {
    "Type": "AWS::SSM::Parameter",
    "Properties": {"Type": "String", "Value": {"Fn::GetStackOutput": ["Stack", "Output"]}},
}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux assigns orphaned processes to the measuring process")
def test_cpu_time_includes_a_child_that_outlives_its_parent() -> None:
    busy = "import time\nwhile time.process_time() < 0.4: pass"
    starts = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {busy!r}])"
    assert measure([sys.executable, "-c", starts]).cpu >= 0.4


def test_a_failed_command_ends_the_bench_with_its_last_output() -> None:
    with pytest.raises(SystemExit, match=r"exited with 3:\nno such file"):
        measure([sys.executable, "-c", "print('no such file'); raise SystemExit(3)"])


def action(name: str, category: str, provider: str, order: int) -> dict[str, Any]:
    return {"Name": name, "RunOrder": order, "ActionTypeId": {"Category": category, "Provider": provider}}


def test_parallel_actions_count_once_and_nothing_counts_after_the_last_deployment() -> None:
    stages = [
        {"Actions": [action("Synth", "Build", "CodeBuild", 1)]},
        {"Actions": [
            action("Verify", "Build", "CodeBuild", 3),
            action("Prepare", "Deploy", "CloudFormation", 1),
            action("Guard", "Invoke", "Lambda", 2),
            action("Plan", "Build", "CodeBuild", 2),
            action("Deploy", "Deploy", "CloudFormation", 2),
        ]},
    ]  # fmt: skip
    assert sequential(stages) == [4, 1, 1.5]


def test_the_floor_includes_every_template_of_a_nested_assembly(tmp_path: Path) -> None:
    assembly, output = tmp_path / "assembly", tmp_path / "output"
    for directory, path in ((assembly, "Pipeline"), (assembly / "stage", "Pipeline/Dev/Payment")):
        directory.mkdir()
        artifact = {"type": "aws:cloudformation:stack", "displayName": path, "properties": {"templateFile": "t.json"}}
        (directory / "manifest.json").write_text(json.dumps({"artifacts": {"stack": artifact}}))
        (directory / "t.json").write_text(json.dumps({"Resources": {"Parameter": PARAMETER}}))
    (assembly / "validation-report.json").write_text('{"pluginReports": []}')
    measure(["env", "-C", str(ROOT), sys.executable, "-m", "tools.bench.apps", "floor", str(output), str(assembly)])
    templates = [json.loads(file.read_text()) for file in output.rglob("*.template.json")]
    assert [list(template["Resources"]) for template in templates] == [["Parameter"]] * 2
