{{- define "watchkeeper.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "watchkeeper.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "watchkeeper.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "watchkeeper.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "watchkeeper.selector" -}}
app.kubernetes.io/name: {{ include "watchkeeper.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "watchkeeper.labels" -}}
{{ include "watchkeeper.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "watchkeeper.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "watchkeeper.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "watchkeeper.image" -}}
{{- $name := printf "%s/%s" .Values.image.registry .Values.image.repository }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $name .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "watchkeeper.publicUrl" -}}
{{- $host := default "<your host>" (first .Values.ingress.hosts) }}
{{- default (printf "https://%s" $host) (default dict .Values.config.slack).public_url | trimSuffix "/" }}
{{- end }}

{{- define "watchkeeper.metricsName" -}}
{{- printf "%s-metrics" (include "watchkeeper.fullname" . | trunc 55 | trimSuffix "-") }}
{{- end }}

{{- define "watchkeeper.metricsListen" -}}
{{- printf "0.0.0.0:%d" (int .Values.metrics.port) }}
{{- end }}

{{/* The configuration with what the chart knows better: addresses, and the file on the volume; watchkeeper.check refuses others. */}}
{{- define "watchkeeper.config" -}}
{{- $ours := dict "http" (dict "listen" "0.0.0.0:8080" "metrics_listen" (include "watchkeeper.metricsListen" .)) "log" (dict "format" "json") }}
{{- if .Values.persistence.enabled }}
{{- $_ := set $ours "database" (dict "url" "sqlite:/var/lib/watchkeeper/watchkeeper.sqlite") }}
{{- end }}
{{- toYaml (mergeOverwrite (deepCopy $ours) (deepCopy .Values.config)) }}
{{- end }}
