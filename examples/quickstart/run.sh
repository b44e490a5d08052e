#!/usr/bin/env bash
# Installs the chart into the cluster of the current kubeconfig, applies the quickstart, and posts what EvalScope's service document
# shows to the REST API. The image is localhost/evalkube:dev, which the cluster's nodes have already, unless another is named.
#   run.sh [NAMESPACE [HELM OPTIONS]]      such as --set image.repository=registry.example.org/evalkube,image.tag=0.1.0
# Nothing is removed at the end; `helm uninstall` and `kubectl delete namespace` do.
set -euo pipefail
cd "$(dirname "$0")/../.."
namespace=${1:-evalkube}
shift || true
for command in kubectl helm curl; do
    command -v "$command" >/dev/null || { echo "$command is needed" >&2; exit 1; }
done

kubectl create namespace "$namespace" --dry-run=client -o yaml | kubectl apply -f -
kubectl label namespace "$namespace" pod-security.kubernetes.io/enforce=restricted --overwrite
helm upgrade --install evalkube charts/evalkube --namespace "$namespace" --set "namespaces={$namespace}" --wait --timeout 3m "$@"

examples/quickstart/apply.sh "$namespace"

log=$(mktemp)
kubectl -n "$namespace" port-forward service/evalkube-api :9000 >"$log" &
trap 'kill $! 2>/dev/null || true; rm -f "$log"' EXIT
until service=http://$(grep -oEm1 '127\.0\.0\.1:[0-9]+' "$log"); do sleep 0.2; done

# post PATH BODY - shows the command, and the beginning of its answer
post() {
    printf '\n$ curl -X POST %s -H "Content-Type: application/json" -d '\''%s'\''\n' "$service$1" "$2"
    curl --silent --show-error --fail-with-body -X POST "$service$1" -H 'Content-Type: application/json' -d "$2" | head -c 1500
    echo
}

post /api/v1/eval '{
  "model": "qwen-plus",
  "api_url": "http://quickstart-model:8000/v1",
  "api_key": "your-api-key",
  "datasets": ["gsm8k", "iquiz"],
  "dataset_hub": "sample",
  "limit": 10,
  "generation_config": {"temperature": 0.0, "max_tokens": 2048}
}'
post /api/v1/perf '{
  "model": "qwen-plus",
  "url": "http://quickstart-model:8000/v1/chat/completions",
  "api": "openai",
  "api_key": "your-api-key",
  "number": 100,
  "parallel": 10,
  "dataset": "openqa",
  "data_source": "sample",
  "max_tokens": 2048,
  "temperature": 0.0
}'
