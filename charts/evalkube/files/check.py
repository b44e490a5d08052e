"""`helm test`: a tiny evaluation of the mock model beside this container, through the REST API.

    python check.py API_URL MODEL_URL TIMEOUT_S [TOKEN_FILE]

The standard library only: it is mounted into the image, not part of it.
"""

import json
import pathlib
import sys
import time
import urllib.error
import urllib.request

API, MODEL = sys.argv[1:3]
DEADLINE = time.monotonic() + float(sys.argv[3])
TOKEN = {"Authorization": f"Bearer {pathlib.Path(sys.argv[4]).read_text().strip()}"} if sys.argv[4:] else {}
REQUEST = {"model": "mock-model", "api_url": f"{MODEL}/v1", "datasets": ["gsm8k"], "dataset_hub": "sample", "limit": 3}


def call(method, path, body=None):
    """Status and JSON body of a success; anything else ends the check, once the services have had time to come up."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Prefer": "wait=20", **TOKEN}
    while True:
        request = urllib.request.Request(API + path, data, headers, method=method)  # noqa: S310 - the chart's
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the same
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            text = refusal.read().decode(errors="replace")
            if refusal.code not in (429, 502, 503, 504) or time.monotonic() > DEADLINE:
                sys.exit(f"{method} {path}: {refusal.code} {text}")
        except OSError as problem:
            if time.monotonic() > DEADLINE:
                sys.exit(f"{method} {path}: {problem}")
        time.sleep(1)


began = time.monotonic()
status, answer = call("POST", "/api/v1/eval", REQUEST)
run = answer["id"]
print(f"run {run}", flush=True)
while status == 202:
    if time.monotonic() > DEADLINE:
        sys.exit(f"{run} has not ended: {json.dumps(call('GET', f'/api/v1/runs/{run}')[1])}")
    status, answer = call("GET", f"/api/v1/runs/{run}/result")
print(json.dumps(answer, indent=1))
if status != 200 or answer.get("status") != "success":
    sys.exit("the evaluation did not succeed")
call("DELETE", f"/api/v1/runs/{run}")
print(f"evalkube evaluated the mock model within {time.monotonic() - began:.1f} s")
