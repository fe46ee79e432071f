#!/usr/bin/env python3
"""Compares an API server's judgement of random specs with the operator's.

    pip install cel-expr-python openapi-schema-validator PyYAML
    check.py REPOSITORY COUNT SEED

For an API server stand here: the defaults and the schema of Manifests/crds/etcdclusters.yaml, a
validator of OpenAPI schemas, and Google's runtime of the Common Expression Language, with the one
library of Kubernetes that the rules use (quantities). For the operator stands `validate`. Prints
the specs on which they differ; FieldType+OpenAPI.swift says which those may be.
"""
import copy, json, os, random, re, subprocess, sys, tempfile
from fractions import Fraction

import yaml
from cel_expr_python import cel
from cel_expr_python.ext import ext_strings
from openapi_schema_validator import OAS30Validator

repository, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
draw = random.Random(seed)
with open(f"{repository}/Manifests/crds/etcdclusters.yaml") as file:
    root = yaml.safe_load(file)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def quantity(text):
    number, suffix, power = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)([+-]?[0-9]*)", text).groups()
    value = Fraction("0" + number)
    if power:
        return float(value * Fraction(10) ** int(power))
    units = {"": 1, "k": 1000, "Ki": 1024}
    for index, letter in enumerate("MGTPE", start=2):
        units[letter] = 1000**index
        units[letter + "i"] = 1024**index
    return float(value * units[suffix])


FUNCTIONS = [
    cel.FunctionDecl("quantity", [
        cel.Overload(id="quantity_text", return_type=cel.Type.DOUBLE,
                     parameters=[cel.Type.STRING], impl=quantity)]),
    cel.FunctionDecl("compareTo", [
        cel.Overload(id="quantity_compare", return_type=cel.Type.INT, is_member=True,
                     parameters=[cel.Type.DOUBLE, cel.Type.DOUBLE],
                     impl=lambda left, right: (left > right) - (left < right))]),
]
compiled = {}


def kind(schema):
    if schema.get("x-kubernetes-int-or-string"):
        return cel.Type.DYN
    return {"object": cel.Type.Map(cel.Type.STRING, cel.Type.DYN), "string": cel.Type.STRING,
            "integer": cel.Type.INT, "number": cel.Type.DOUBLE}[schema["type"]]


def broken_rules(schema, value, path=""):
    broken = []
    for rule in schema.get("x-kubernetes-validations", []):
        key = (rule["rule"], kind(schema).name())
        if key not in compiled:
            environment = cel.NewEnv(variables={"self": kind(schema)}, functions=FUNCTIONS,
                                     extensions=[ext_strings.ExtStrings()])
            compiled[key] = environment.compile(rule["rule"])
        answer = compiled[key].eval(data={"self": value})
        if answer.type() != cel.Type.BOOL or not answer.value():
            broken.append(f"{path}: {rule['message']} ({answer.value()})")
    for name, inner in schema.get("properties", {}).items():
        if isinstance(value, dict) and name in value:
            broken += broken_rules(inner, value[name], f"{path}.{name}")
    return broken


def problems(schema, value):
    value = copy.deepcopy(value)
    if schema is root:
        add_defaults(schema, value)
    wrong = [f"{list(e.path)}: {e.message}" for e in OAS30Validator(schema).iter_errors(value)]
    return wrong or broken_rules(schema, value)


def add_defaults(schema, value):
    for name, inner in schema.get("properties", {}).items():
        if not isinstance(value, dict):
            return
        if name not in value and "default" in inner:
            value[name] = copy.deepcopy(inner["default"])
        if name in value:
            add_defaults(inner, value[name])


def check_defaults(schema, path=""):
    """Each default is judged as it stands, before those within it are filled in."""
    if "default" in schema:
        wrong = problems(schema, schema["default"])
        assert not wrong, (path, wrong)
    for name, inner in schema.get("properties", {}).items():
        check_defaults(inner, f"{path}.{name}")


DURATIONS = """0 0s 4ms 5ms 49ms 50ms 100ms 300ms 501ms 1s 1.5s 2s 9s 10s 10s1ms 50s 50s1ms 1m 5m
    10m 90m 59m60s 1h 1h1s 1h30m 24h 1d 1d1s 0.5d 7d 1d12h 0.02d 0.5m 0.1m 1m0.5s 3600s 86400s
    86401s abc 1_s -1s 1s1m 1y""".split() + ["", 0, 5, True]
QUANTITIES = """16Mi 16777216 15.9Mi 17M 8Gi 128Gi 129Gi 0 -1 1.5Mi 4Ki 4095 4096 64Mi 65Mi 1e9
    1E9 8_Gi 8gi 1m 500M 2Ti .5Gi 1. 1k 1Ki abc""".split() + [
    "", 0, -1, 4096, 1048576, 16777215, 16777216, 137438953472, 137438953473]
SCHEDULES = ["", "@daily", "@dayly", "0 0 * * *", "61 * * * *", "*/15 8-17 * * MON-FRI",
             "0 0 31 12 sun", "* * * * 8", "5-1 * * * *", "0 0 30 2 *", "* * * *", "* * * * * *",
             "1,2,3 */2 1-31/5 jan-dec 0-7", "0 24 * * *", 5]
FLAGS = ["a", "max-txn-ops", "name", "quota-backend-bytes", "discovery-token", "discovery", "-a",
         "cert-file", "--x", "x_y", "a" * 63, "a" * 64, "auto-compaction-retention", "wal-dir"]
ENGINES = [{}, {"type": "embedded"}, {"type": "etcd"}, {"type": "x"}, {"embedded": {}},
           {"etcd": {}}, {"etcd": {"binary": "/x"}}, {"type": "etcd", "etcd": {"binary": "/x"}},
           {"type": "etcd", "etcd": {}}, {"type": "etcd", "etcd": {"binary": ""}},
           {"type": "etcd", "embedded": {}, "etcd": {"binary": "a/b"}},
           {"type": "embedded", "embedded": {"compatibility": "3.5"}},
           {"embedded": {"compatibility": "3.9"}}, {"embedded": {"compatibility": 3.5}}]


def some(fields):
    return lambda: {n: value(v) for n, v in fields.items() if draw.random() < 0.4}


def value(choices):
    return choices() if callable(choices) else draw.choice(choices)


SPEC = {
    "replicas": [0, 1, 3, 9, 10, -1, "3", 2.5, True],
    "engine": ENGINES,
    "storage": some({"quota": QUANTITIES}),
    "settings": some({
        "heartbeatInterval": DURATIONS, "electionTimeout": DURATIONS,
        "snapshotCount": [0, 1, 5000, 10**9, 10**9 + 1, "1"], "maxRequestBytes": QUANTITIES,
        "autoCompaction": some({"mode": ["Disabled", "Periodic", "Revision", "off", ""],
                                "retention": DURATIONS, "revisions": [0, 1, 10**12, 10**12 + 1]}),
        "extraArgs": lambda: {draw.choice(FLAGS): draw.choice(["", "x", "256", 256])
                              for _ in range(draw.randrange(3))}}),
    "network": some({
        "address": ["127.0.0.1", "0.0.0.0", "223.1.1.255", "224.0.0.1", "1.2.3", "01.2.3.4",
                    "localhost", "10.0.0.256", ""],
        "basePort": [0, 1, 1023, 1024, 65500, 65501, -1, "80"]}),
    "healing": some({
        "unhealthyAfter": DURATIONS, "replaceAfter": DURATIONS, "learnerTimeout": DURATIONS,
        "quorumLoss": some({"policy": ["Automatic", "Manual", "Never", "never", ""],
                            "after": DURATIONS})}),
    "maintenance": some({
        "hashCheck": DURATIONS,
        "defragment": some({"schedule": SCHEDULES, "freeSpaceAbove": QUANTITIES,
                            "ratioAbove": [0, 1, 0.45, 1.5, -0.1, "0.5", True]})}),
    "paused": [True, False, "true", 1],
    "deletionPolicy": ["Retain", "Delete", "retain"],
}


def resource(number):
    # Few fields at once, so that many specs are right, or wrong in one place only.
    names = draw.sample(list(SPEC), draw.choice([0, 1, 1, 1, 2]))
    name = draw.choice(["c%d"] * 20 + ["C%d", "-c%d", "c%d-"]) % number
    return {"apiVersion": "etcd-operator.dev/v1alpha1", "kind": "EtcdCluster",
            "metadata": {"name": name}, "spec": {n: value(SPEC[n]) for n in names}}


OAS30Validator.check_schema(root)
check_defaults(root)
resources = [resource(number) for number in range(count)]
with tempfile.TemporaryDirectory() as folder:
    for number, tree in enumerate(resources):
        with open(f"{folder}/{number}.yaml", "w") as file:
            json.dump(tree, file)
    answer = subprocess.run([f"{repository}/.build/release/etcd-operator", "validate", folder],
                            capture_output=True, text=True)
    refused = {}
    for line in answer.stderr.splitlines():
        found = re.match(re.escape(folder) + r"/(\d+)\.yaml:\d+:\d+: error: (.*)", line)
        if found:
            refused.setdefault(int(found[1]), []).append(found[2])

accepted = differences = 0
for number, tree in enumerate(resources):
    wrong = problems(root, tree)
    accepted += not wrong
    if bool(wrong) != (number in refused):
        differences += 1
        print(json.dumps(tree["spec"]), "API server:", wrong or "accepted",
              "operator:", refused.get(number, "accepted"))
for name in sorted(os.listdir(f"{repository}/Manifests/samples")):
    with open(f"{repository}/Manifests/samples/{name}") as file:
        for tree in yaml.safe_load_all(file):
            assert not problems(root, tree), name
print(f"{count} specs, {accepted} accepted by the API server, {differences} differences")
