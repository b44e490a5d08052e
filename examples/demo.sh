#!/usr/bin/env bash
# Evaluates and load-tests a mock model through the REST API, as EvalScope's service document shows it: the same requests, only
# the URLs and the source of the data changed. Everything stays on this machine, in .demo/, and is stopped at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
EVALKUBE=${EVALKUBE:-evalkube}
PYTHON=${PYTHON:-python3}
work=${DEMO_DIR:-.demo}
rm -rf "$work" && mkdir -p "$work"
started=()

finish() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
}
trap finish EXIT

# start NAME PROGRAM... - runs it in the background and waits for the URL that it says it listens on
start() {
    local name=$1 log="$work/$1.log"
    shift
    "$@" >"$log" 2>&1 &
    started+=($!)
    for _ in $(seq 150); do
        url=$(grep -oEm1 'http://127\.0\.0\.1:[0-9]+' "$log" || true)
        if [ -n "$url" ]; then return; fi
        kill -0 "${started[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    echo "$name did not start:" >&2
    cat "$log" >&2
    exit 1
}

# post PATH BODY ANSWER - posts BODY with curl and shows how far the run is while the request waits
post() {
    printf '\n$ curl -X POST %s -H "Content-Type: application/json" -d '\''%s'\''\n' "$service$1" "$2"
    curl --silent --show-error -X POST "$service$1" -H 'Content-Type: application/json' -d "$2" >"$3" &
    local waiting=$!
    while kill -0 "$waiting" 2>/dev/null; do
        show_progress
        sleep 1
    done
    wait "$waiting"
    show_progress
    printf '\n'
    "$PYTHON" examples/show_json.py "$3"
}

# show_progress - rewrites one line of the terminal, of the newest run; plain bash, because a load test shares this machine
show_progress() {
    local id phase='' done=0 total=0 filled newest said
    newest=$(curl --silent "$service/api/v1/runs?limit=1")
    [[ $newest =~ \"id\":\"([^\"]+)\" ]] || return 0
    id=${BASH_REMATCH[1]}
    said=$(curl --silent "$service/api/v1/runs/$id/progress")
    [[ $said =~ \"phase\":\"([^\"]+)\" ]] && phase=${BASH_REMATCH[1]}
    [[ $said =~ \"done\":([0-9]+) ]] && done=${BASH_REMATCH[1]}
    [[ $said =~ \"total\":([0-9]+) ]] && total=${BASH_REMATCH[1]}
    filled=$((total > 0 ? 30 * done / total : 0))
    printf '\r%s %-10s [%-30s] %s/%s ' "$id" "$phase" "$(printf "%${filled}s" | tr ' ' '#')" "$done" "$total"
}

command -v curl >/dev/null || { echo 'the demo posts its requests with curl: please install it' >&2; exit 1; }
"$PYTHON" -m evalkube_benchmarks.samples >"$work/answers.jsonl"
start mock-model "$EVALKUBE" mock-model --port 0 --ttft-ms 40 --itl-ms 4 --tokens 48 --answers "$work/answers.jsonl"
model=$url
start service "$EVALKUBE" service --host 127.0.0.1 --port 0 --outputs "$work/outputs"
service=$url
echo "mock model: $model/v1"
echo "service:    $service (API documentation: $service/docs)"

post /api/v1/eval '{
  "model": "qwen-plus",
  "api_url": "'"$model"'/v1",
  "api_key": "your-api-key",
  "datasets": ["gsm8k", "iquiz"],
  "dataset_hub": "sample",
  "limit": 10,
  "generation_config": {"temperature": 0.0, "max_tokens": 2048}
}' "$work/eval.json"

post /api/v1/perf '{
  "model": "qwen-plus",
  "url": "'"$model"'/v1/chat/completions",
  "api": "openai",
  "api_key": "your-api-key",
  "number": 100,
  "parallel": 10,
  "dataset": "openqa",
  "data_source": "sample",
  "max_tokens": 2048,
  "temperature": 0.0
}' "$work/perf.json"

printf '\nHTML reports:\n'
"$PYTHON" - "$work/eval.json" "$work/perf.json" <<'PYTHON'
import json, pathlib, sys

reports = []
for answer in sys.argv[1:]:
    body = json.loads(pathlib.Path(answer).read_text())
    if body["status"] != "success":
        sys.exit(f"the run failed: {body['error']}")
    reports += sorted(pathlib.Path(body["output_dir"]).rglob("*report.html"))
print(*reports, sep="\n")
sys.exit(None if len(reports) == 2 else "a report is missing")
PYTHON
