{{- define "evalkube.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- /* A name of the whole cluster: two releases of one name in two namespaces do not meet. */ -}}
{{- define "evalkube.clusterName" -}}
{{- printf "%s-%s" (include "evalkube.name" .) .Release.Namespace -}}
{{- end -}}

{{- define "evalkube.labels" -}}
app.kubernetes.io/name: evalkube
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- /* (dict "root" $ "component" "api") */ -}}
{{- define "evalkube.selector" -}}
app.kubernetes.io/name: evalkube
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "evalkube.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{- /* The namespaces served, as JSON: empty for all of them, else the release's own first. */ -}}
{{- define "evalkube.namespaces" -}}
{{- if .Values.namespaces -}}
{{- prepend .Values.namespaces .Release.Namespace | uniq | toJson -}}
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{- /* The namespaces that a request may name, as JSON: ["*"] for all. */ -}}
{{- define "evalkube.apiNamespaces" -}}
{{- $served := include "evalkube.namespaces" . | fromJsonArray -}}
{{- if has "*" .Values.api.namespaces -}}
{{- empty $served | ternary (list "*") $served | toJson -}}
{{- else -}}
{{- range .Values.api.namespaces -}}
{{- if and $served (not (has . $served)) -}}
{{- fail (printf "api.namespaces: %s is not among the namespaces that are served (namespaces: %s)" . (join ", " $served)) -}}
{{- end -}}
{{- end -}}
{{- prepend .Values.api.namespaces .Release.Namespace | uniq | toJson -}}
{{- end -}}
{{- end -}}

{{- /* The names that the API is asked under, as JSON: those of its Service, its Ingress's, and further ones. */ -}}
{{- define "evalkube.apiHosts" -}}
{{- $service := printf "%s-api" (include "evalkube.name" .) -}}
{{- $inside := printf "%s.%s.svc" $service .Release.Namespace -}}
{{- $names := list $service (printf "%s.%s" $service .Release.Namespace) $inside (printf "%s.%s" $inside .Values.clusterDomain) -}}
{{- if and .Values.api.ingress.enabled .Values.api.ingress.host -}}
{{- $names = append $names .Values.api.ingress.host -}}
{{- end -}}
{{- concat $names .Values.api.allowedHosts | uniq | toJson -}}
{{- end -}}

{{- define "evalkube.ingestUrl" -}}
{{- printf "%s://%s-operator.%s.svc:%d" (.Values.operator.ingest.tls.enabled | ternary "https" "http") (include "evalkube.name" .) .Release.Namespace (int .Values.operator.ingest.port) -}}
{{- end -}}

{{- define "evalkube.tlsSecret" -}}
{{- default (printf "%s-ingest-tls" (include "evalkube.name" .)) .Values.operator.ingest.tls.secretName -}}
{{- end -}}

{{- define "evalkube.claim" -}}
{{- default (printf "%s-store" (include "evalkube.name" .)) .Values.store.volume.existingClaim -}}
{{- end -}}

{{- define "evalkube.runnerServiceAccount" -}}
{{- if .Values.runner.serviceAccount.name -}}
{{- .Values.runner.serviceAccount.name -}}
{{- else if and .Values.runner.serviceAccount.create .Values.namespaces -}}
{{- include "evalkube.name" . }}-runner
{{- end -}}
{{- end -}}

{{- /* Fails where another release serves a namespace that this one would (the operator's claims.py); silent without a cluster. */ -}}
{{- define "evalkube.served" -}}
{{- $holder := printf "%s/%s-operator" .Release.Namespace (include "evalkube.name" .) -}}
{{- $served := include "evalkube.namespaces" . | fromJsonArray -}}
{{- $leases := list -}}
{{- if $served -}}
{{- range $served -}}
{{- with lookup "coordination.k8s.io/v1" "Lease" . "evalkube" }}{{ $leases = append $leases . }}{{ end -}}
{{- end -}}
{{- else -}}
{{- range (lookup "coordination.k8s.io/v1" "Lease" "" "").items -}}
{{- if eq .metadata.name "evalkube" }}{{ $leases = append $leases . }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range $leases -}}
{{- if and .spec.holderIdentity (ne .spec.holderIdentity $holder) -}}
{{- fail (printf "the runs of the namespace %s are served by the release %s: uninstall it, or name other namespaces (namespaces). Where it is there no more: kubectl -n %s delete lease evalkube" .metadata.namespace .spec.holderIdentity .metadata.namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
