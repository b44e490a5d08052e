{{- /* Names and the API server: what both programs need. */ -}}
{{- define "evalkube.egress" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
- ports:
    {{- range .Values.networkPolicy.apiServer.ports }}
    - {port: {{ . }}}
    {{- end }}
  {{- with .Values.networkPolicy.apiServer.cidrs }}
  to:
    {{- range . }}
    - ipBlock: {cidr: {{ . }}}
    {{- end }}
  {{- end }}
{{- end -}}

{{- /* The namespaces in which the chart makes the runners' NetworkPolicy, as JSON. */ -}}
{{- define "evalkube.runnerPolicyNamespaces" -}}
{{- $served := include "evalkube.namespaces" . | fromJsonArray -}}
{{- $further := default list .Values.networkPolicy.runner.namespaces -}}
{{- range $further -}}
{{- if and $served (not (has . $served)) -}}
{{- fail (printf "networkPolicy.runner.namespaces: %s is not among the namespaces that are served (namespaces: %s)" . (join ", " $served)) -}}
{{- end -}}
{{- end -}}
{{- concat (list .Release.Namespace) $served $further | uniq | toJson -}}
{{- end -}}

{{- /* Everywhere but there: (list CIDR...) split by family. */ -}}
{{- define "evalkube.everywhereBut" -}}
{{- $four := list }}
{{- $six := list }}
{{- range . }}
{{- if contains ":" . }}{{ $six = append $six . }}{{ else }}{{ $four = append $four . }}{{ end }}
{{- end }}
- ipBlock: {cidr: 0.0.0.0/0, except: {{ toJson $four }}}
- ipBlock: {cidr: "::/0", except: {{ toJson $six }}}
{{- end -}}
