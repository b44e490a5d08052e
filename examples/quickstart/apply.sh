#!/usr/bin/env bash
# Applies the quickstart to a namespace that evalkube serves, and waits for its two runs. The mock model runs in the image that the
# installation has, whatever its name is.
#   apply.sh [NAMESPACE]                     default, unless given
#   EVALKUBE_IMAGE=IMAGE apply.sh ...        another image; also where deployments of other namespaces may not be read
set -euo pipefail
cd "$(dirname "$0")"
namespace=${1:-default}
# installed [KUBECTL OPTIONS] - the image of the operator there; nothing where there is none
installed() {
    kubectl get deployments "$@" --selector app.kubernetes.io/name=evalkube,app.kubernetes.io/component=operator \
        -o jsonpath='{range .items[*]}{.spec.template.spec.containers[0].image}{"\n"}{end}' | head -n 1
}
image=${EVALKUBE_IMAGE:-$(installed --namespace "$namespace")}
image=${image:-$(installed --all-namespaces)}
[ -n "$image" ] || { echo "no operator of evalkube is installed: see docs/cluster.md" >&2; exit 1; }

kubectl -n "$namespace" delete -f evalrun.yaml -f perfrun.yaml --ignore-not-found
sed "s|image: localhost/evalkube:dev|image: $image|" model.yaml | kubectl -n "$namespace" apply -f -
kubectl -n "$namespace" apply -f evalrun.yaml -f perfrun.yaml
kubectl -n "$namespace" wait --for=condition=Succeeded --timeout=8m evalrun/quickstart-eval perfrun/quickstart-perf
kubectl -n "$namespace" get evalruns,perfruns
