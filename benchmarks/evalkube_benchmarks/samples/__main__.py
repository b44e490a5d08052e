"""Prints the worked answers as JSON lines {"match", "answer"}: what `evalkube mock-model --answers` reads."""

import sys

import orjson

from evalkube_benchmarks import samples

for question, answer in samples.answers():
    sys.stdout.buffer.write(orjson.dumps({"match": question, "answer": answer}) + b"\n")
