#!/bin/sh
# Writes licences.txt: name, version and licence of every part that is linked into the program.
# Needs cargo and python3. Run it after Cargo.lock has changed:  sh node/licences.sh
set -eu
cd "$(dirname "$0")"
{
    echo "# Made by node/licences.sh from cargo metadata. Name, version, licence; tab between them."
    cargo metadata --locked --format-version 1 | python3 -c '
import json, sys
data = json.load(sys.stdin)
packages = {package["id"]: package for package in data["packages"]}
nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
todo = [package["id"] for package in data["packages"] if package["name"] == "tidings-node"]
seen = set()
while todo:
    at = todo.pop()
    if at in seen:
        continue
    seen.add(at)
    for dep in nodes[at]["deps"]:
        if any(kind["kind"] is None for kind in dep["dep_kinds"]):
            todo.append(dep["pkg"])
rows = [(p["name"], p["version"], p["license"] or "see " + str(p["license_file"])) for p in (packages[i] for i in seen) if p["source"]]
for row in sorted(rows):
    print("\t".join(row))
'
} > licences.txt
