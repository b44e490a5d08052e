{{- /* Fills in the values that a release was not given. `helm upgrade --reuse-values` brings those of the chart that was
installed, and no others: what is new since then would be nil. Every template begins with it; files/values.yaml is values.yaml,
which a chart cannot read itself. */ -}}
{{- define "evalkube.defaults" -}}
{{- include "evalkube.fill" (dict "into" .Values "from" (.Files.Get "files/values.yaml" | fromYaml)) -}}
{{- end -}}

{{- /* (dict "into" MAP "from" DEFAULTS). What is one value to the installer, though a map, is filled in as a whole. */ -}}
{{- define "evalkube.fill" -}}
{{- $whole := list "resources" "podSecurityContext" -}}
{{- $into := .into -}}
{{- range $key, $default := .from -}}
{{- if not (hasKey $into $key) -}}
{{- $_ := set $into $key $default -}}
{{- else if and (kindIs "map" $default) (kindIs "map" (get $into $key)) (not (has $key $whole)) -}}
{{- include "evalkube.fill" (dict "into" (get $into $key) "from" $default) -}}
{{- end -}}
{{- end -}}
{{- end -}}
