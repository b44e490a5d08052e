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

# start NAME PROGRAM... - runs it in the background
start() {
    local name=$1
    shift
    "$@" >"$work/$name.log" 2>&1 &
    started+=($!)
}

# url_of NAME PID - waits for the URL that a program says it listens on
url_of() {
    for _ in $(seq 300); do
        if grep -oEm1 'http://127\.0\.0\.1:[0-9]+' "$work/$1.log"; then return; fi
        kill -0 "$2" 2>/dev/null || break
        sleep 0.1
    done
    echo "$1 did not start:" >&2
    cat "$work/$1.log" >&2
    return 1
}

# post PATH BODY ANSWER - posts BODY with curl and shows how far the run is while the request waits
post() {
    printf '\n$ curl -X POST %s -H "Content-Type: application/json" -d '\''%s'\''\n' "$service$1" "$2"
    curl --silent --show-error -X POST "$service$1" -H 'Content-Type: application/json' -d "$2" >"$3" &
    local waiting=$!
    while kill -0 "$waiting" 2>/dev/null; do
        show_progress "${1##*/}"
        sleep 0.3
    done
    wait "$waiting"
    show_progress "${1##*/}"
    printf '\nThe answer: %s\n' "$3"
}

# show_progress KIND - rewrites one line of the terminal, of the newest run of that kind; plain bash, because a load test
# shares this machine
show_progress() {
    local phase='' done=0 total=0 filled newest
    newest=$(curl --silent "$service/api/v1/runs?limit=1&kind=$1")
    [[ $newest =~ \"id\":\"([^\"]+)\" ]] || return 0
    local id=${BASH_REMATCH[1]}
    [[ $newest =~ \"phase\":\"([^\"]+)\" ]] && phase=${BASH_REMATCH[1]}
    [[ $newest =~ \"progress\":\{\"done\":([0-9]+),\"total\":([0-9]+) ]] && done=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
    filled=$((total > 0 ? 20 * done / total : 0))
    printf '\r%s %-10s [%-20s] %s/%s ' "$id" "$phase" "$(printf "%${filled}s" | tr ' ' '#')" "$done" "$total"
}

command -v curl >/dev/null || { echo 'the demo posts its requests with curl: please install it' >&2; exit 1; }
start service "$EVALKUBE" service --host 127.0.0.1 --port 0 --outputs "$work/outputs"
"$PYTHON" -m evalkube_benchmarks.samples >"$work/answers.jsonl"
start mock-model "$EVALKUBE" mock-model --port 0 --ttft-ms 30 --itl-ms 2 --tokens 48 --answers "$work/answers.jsonl"
service=$(url_of service "${started[0]}")
model=$(url_of mock-model "${started[1]}")
echo "mock model: $model/v1"
echo "service:    $service (dashboard: $service/ui, API documentation: $service/docs)"

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

# report_of ANSWER - the HTML report that the answer's run left
report_of() {
    local text folder
    text=$(<"$1")
    [[ $text == *'"status":"success"'* ]] || { echo "the run failed: $text" >&2; exit 1; }
    [[ $text =~ \"output_dir\":\"([^\"]+)\" ]] && folder=${BASH_REMATCH[1]}
    ls "$folder"/perf_report.html "$folder"/reports/report.html 2>/dev/null || true
}

evaluation=$(report_of "$work/eval.json")
load_test=$(report_of "$work/perf.json")
if [ -z "$evaluation" ] || [ -z "$load_test" ]; then echo 'a report is missing' >&2; exit 1; fi
printf '\n'
"$EVALKUBE" runs list --server "$service"
printf 'HTML reports:\n%s\n%s\n' "$evaluation" "$load_test"
printf '\nNext, the result of the load test in this terminal, or both runs in the browser:\n  %s report %s\n  %s view %s\n' \
    "$EVALKUBE" "$(dirname "$load_test")" "$EVALKUBE" "$work/outputs"
