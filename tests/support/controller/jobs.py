# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Execution of jobs as in a controller: from its job templates, each in its own directory, with ansible-runner."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import typing as t

import jinja2.sandbox
import yaml

from tests.support.controller.checks import ANSWERS, is_of
from tests.support.controller.standin import EDGES, Controller, Fields, Thing

TIME_LIMIT = 120  # seconds for one job


class _UntrustedDumper(yaml.SafeDumper):
    """A dumper that marks every text, so Ansible does not render user input as a template."""


_UntrustedDumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("!unsafe", text))


@dataclasses.dataclass(frozen=True)
class Job:
    """A finished job. ``directory`` is its private data directory."""

    directory: pathlib.Path

    @property
    def _results(self) -> pathlib.Path:
        return self.directory / "artifacts" / "job"

    @property
    def succeeded(self) -> bool:
        return (self._results / "status").read_text(encoding="utf-8") == "successful"

    @property
    def output(self) -> str:
        return (self._results / "stdout").read_text(encoding="utf-8")

    @property
    def artifacts(self) -> Fields:
        """Return the artifacts of the job from set_stats."""
        events = [json.loads(path.read_text(encoding="utf-8")) for path in self._results.glob("job_events/*.json")]
        [stats] = [event for event in events if event["event"] == "playbook_on_stats"]
        return stats["event_data"]["artifact_data"]

    def leftovers(self) -> list[str]:
        """Return the remaining temporary files."""
        return [path.name for path in (self.directory / "tmp").iterdir()]

    def disclosures(self, secrets: t.Iterable[str]) -> list[str]:
        """Return the files that show a secret, except the inputs of the job.

        ansible-runner itself writes the environment of a job to the file `command`.
        """
        found = []
        for path in self.directory.rglob("*"):
            parts = path.relative_to(self.directory).parts
            if not path.is_file() or parts[0] == "env":
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            if path == self._results / "command":
                text = json.dumps(json.loads(text)["command"])
            if any(form in text for secret in secrets for form in (secret, json.dumps(secret)[1:-1])):
                found.append("/".join(parts))
        return found


class Jobs:
    """The input for starting jobs.

    - ``controller``: has the templates
    - ``credentials``: the inputs of each credential of jobs, by name
    - ``collections``: the directory of the installed collection, as in an execution environment
    - ``project``: the checkout of the project; ``inventory`` is the imported inventory
    - ``extra_vars``: those of every job template
    """

    def __init__(
        self,
        controller: Controller,
        credentials: dict[str, Fields],
        collections: pathlib.Path,
        project: pathlib.Path,
        inventory: Fields,
        extra_vars: Fields,
    ) -> None:
        self.controller = controller
        self.credentials = credentials
        self.collections = collections
        self.project = project
        self.inventory = inventory
        self.extra_vars = extra_vars

    def run(self, directory: pathlib.Path, name: str, **answers: t.Any) -> Job:
        """Run a job template with the answers to its survey."""
        template = self.controller.find("job_templates", name)
        return self.start(directory, template, questions(template, answers))()

    def review(
        self, directory: pathlib.Path, name: str, approve: t.Callable[[Job], bool | None], **answers: t.Any
    ) -> dict[str, Job]:
        """Run a workflow, and return its jobs by node identifier.

        ``approve`` answers each approval, with the job before it; None leaves it pending.
        """
        workflow = self.controller.find("workflow_job_templates", name)
        variables = questions(workflow, answers)
        number = self.controller.start_workflow(workflow)
        nodes = {node["id"]: node for node in self.controller.workflow_jobs[number]["nodes"]}
        artifacts: dict[int, Fields] = {one: {} for one in nodes}
        waiting = sorted(set(nodes) - {child for node in nodes.values() for edge in EDGES for child in node[edge]})
        jobs: dict[str, Job] = {}
        while waiting:
            node = nodes[waiting.pop(0)]
            target = self.controller.get(node["unified_job_template"])
            if target.kind == "workflow_approval_templates":
                decision = approve([*jobs.values()][-1])
                self.controller.note_job(node, {True: "successful", False: "failed", None: "pending"}[decision])
                if decision is None:
                    return jobs
                succeeded = decision
            else:
                own = {"awx_job_id": self.controller.note_job(node, "running"), "awx_workflow_job_id": number}
                given = {**artifacts[node["id"]], **variables, **own}
                job = self.start(directory / node["identifier"], target, given)()
                jobs[node["identifier"]], succeeded = job, job.succeeded
                self.controller.note_job(node, "successful" if succeeded else "failed")
                artifacts[node["id"]].update(job.artifacts)
            for child in [*node["success_nodes" if succeeded else "failure_nodes"], *node["always_nodes"]]:
                artifacts[child].update(artifacts[node["id"]])
                if not nodes[child]["job"] and child not in waiting:
                    waiting.append(child)
        return jobs

    def start(
        self, directory: pathlib.Path, template: Thing, variables: Fields, part: int = 1, parts: int = 1
    ) -> t.Callable[[], Job]:
        """Start a job or a slice of it, and return a function that waits for its end."""
        env, temporary = directory / "env", directory / "tmp"
        env.mkdir(parents=True, mode=0o700)
        temporary.mkdir()
        shutil.copytree(self.project, directory / "project")
        write(env / "envvars", json.dumps(self.environment(template, env)))
        typed = yaml.dump(variables, Dumper=_UntrustedDumper) if variables else ""
        preset = {**self.extra_vars, **(yaml.safe_load(template.fields["extra_vars"]) or {})}
        write(env / "extravars", yaml.safe_dump(preset) + typed)
        write(env / "cmdline", " ".join(options(template)))
        write(env / "settings", json.dumps({"suppress_ansible_output": True}))
        (directory / "inventory").mkdir()
        script = directory / "inventory" / "hosts"
        write(script, f"#!/usr/bin/env python3\nprint({json.dumps(sliced(self.inventory, part, parts))!r})\n")
        script.chmod(0o700)
        command = [sys.executable, "-m", "ansible_runner", "run", str(directory), "--ident", "job"]
        search_path = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
        process = subprocess.Popen(
            [*command, "--playbook", template.fields["playbook"]],
            env={"PATH": search_path, "HOME": str(directory), "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

        def wait() -> Job:
            try:
                process.wait(TIME_LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            return Job(directory)

        return wait

    def environment(self, template: Thing, env: pathlib.Path) -> dict[str, str]:
        """Return the environment of a job from the injectors of its credentials; their files are in ``env``."""
        sandbox = jinja2.sandbox.ImmutableSandboxedEnvironment()
        variables = {"ANSIBLE_COLLECTIONS_PATH": str(self.collections), "ANSIBLE_LOCALHOST_WARNING": "false"}
        for number in template.credentials:
            credential = self.controller.get(number)
            kind = self.controller.get(credential.fields["credential_type"]).fields
            inputs = self.credentials[credential.fields["name"]]
            namespace: Fields = {name: value for name, value in inputs.items() if value != ""}
            for field in kind["inputs"]["fields"]:
                if field["type"] == "boolean":
                    namespace.setdefault(field["id"], False)
            for text in kind["injectors"].get("file", {}).values():
                handle, name = tempfile.mkstemp(dir=env)
                os.close(handle)
                write(pathlib.Path(name), sandbox.from_string(text).render(namespace))
                namespace["tower"] = {"filename": name}
            for name, text in kind["injectors"]["env"].items():
                variables[name] = sandbox.from_string(text).render(namespace)
        return variables


def write(path: pathlib.Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text, encoding="utf-8")


def questions(template: Thing, answers: Fields) -> Fields:
    """Return the variables of the answers to a survey. Raise ValueError for answers that a controller refuses."""
    variables: Fields = {}
    for question in template.survey.get("spec", []):
        name = question["variable"]
        if question["required"] and name not in answers:
            raise ValueError(f"'{name}' value missing")  # C10: a default is no answer
        value = answers.pop(name, question.get("default"))
        if not is_of(value, ANSWERS[question["type"]]) or value not in question.get("choices", [value]):
            raise ValueError(f"{value!r} is no answer to {question}")
        variables[name] = value
    if answers:
        raise ValueError(f"Nobody asked for {answers}")
    return variables


def options(template: Thing) -> list[str]:
    """Return the options of ansible-playbook, with the highest verbosity of a job."""
    diff = ["--diff"] if template.fields["diff_mode"] else []
    forks = [f"--forks={template.fields['forks']}"] if template.fields["forks"] else []
    return ["-vvvv", *diff, *forks]


def hosts_of(inventory: Fields) -> list[str]:
    """Return the hosts of an inventory, by name."""
    return sorted({host for name, group in inventory.items() if name != "_meta" for host in group.get("hosts", [])})


def sliced(inventory: Fields, part: int, parts: int) -> Fields:
    """Return every n-th host by name, as a controller slices a job."""
    chosen = hosts_of(inventory)[part - 1 :: parts]
    found: Fields = {"_meta": {"hostvars": {host: inventory["_meta"]["hostvars"].get(host, {}) for host in chosen}}}
    for name, group in inventory.items():
        if name != "_meta":
            found[name] = {**group, "hosts": [host for host in group.get("hosts", []) if host in chosen]}
    return found
