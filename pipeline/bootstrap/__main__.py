"""Writes the files of bootstrap/ from the settings, the templates in cdk.out and the template of the pinned CDK CLI."""

import json
from pathlib import Path

from aws_cdk.cx_api import CloudAssembly

from pipeline.bootstrap import permissions, toolkit, watcher
from pipeline.settings import load_delivery

settings = json.loads(Path("cdk.json").read_text(encoding="utf-8"))["context"]["delivery"]
delivery = load_delivery(settings, release="unreleased")
documents = [stack.template for stack in CloudAssembly("cdk.out").stacks_recursively]
contents = {
    permissions.FILE: permissions.text(documents, delivery),
    watcher.FILE: watcher.text(delivery),
    toolkit.FILE: toolkit.text(toolkit.original(), delivery),
}
before = {file: file.read_text(encoding="utf-8") for file in contents}
for file, content in contents.items():
    file.write_text(content, encoding="utf-8")
    print(f"{file.parent.name}/{file.name} is up to date")
old, new = (json.loads(texts[permissions.FILE]) for texts in (before, contents))
for step in permissions.deployment_steps(old, new, delivery):
    print(step)
if before[watcher.FILE] != contents[watcher.FILE]:
    print("deploy bootstrap/watcher.json in every account (README, Deploy to AWS, step 3)")
