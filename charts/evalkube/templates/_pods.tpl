{{- /* What the `restricted` Pod Security level asks of a container, and a read-only root file system. */ -}}
{{- define "evalkube.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "evalkube.podSecurity" -}}
{{- range $name, $value := .Values.podSecurityContext }}
{{- if not (kindIs "invalid" $value) }}
{{ $name }}: {{ kindIs "float64" $value | ternary (int64 $value) $value | toJson }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* Where and with which priority the pods of a component run: (dict "root" $ "component" "api" "values" .Values.api) */ -}}
{{- define "evalkube.placement" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- $own := dig "create" true (.root.Values.priorityClass | default dict) | ternary (include "evalkube.clusterName" .root) "" }}
{{- with .values.priorityClassName | default $own }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.topologySpreadConstraints }}
{{- $own := dict "matchLabels" (include "evalkube.selector" $ | fromYaml) }}
topologySpreadConstraints:
{{- range . }}
  - {{- merge (dict "maxSkew" (int .maxSkew)) . (dict "labelSelector" $own) | toYaml | nindent 4 }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* Annotations and labels of a component's pods. */ -}}
{{- define "evalkube.podLabels" -}}
{{- include "evalkube.labels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- with .values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
