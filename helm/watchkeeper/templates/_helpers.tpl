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

{{/* The configuration with what the chart knows better: addresses, and the file on the volume. */}}
{{- define "watchkeeper.config" -}}
{{- $ours := dict "http" (dict "listen" "0.0.0.0:8080" "metrics_listen" (printf "0.0.0.0:%d" (int .Values.metrics.port))) "log" (dict "format" "json") }}
{{- if .Values.persistence.enabled }}
{{- $_ := set $ours "database" (dict "url" "sqlite:/var/lib/watchkeeper/watchkeeper.sqlite") }}
{{- end }}
{{- toYaml (mergeOverwrite (deepCopy $ours) (deepCopy .Values.config)) }}
{{- end }}

{{/* Contradictions are refused here, before a pod finds out. */}}
{{- define "watchkeeper.check" -}}
{{- if not .Values.existingSecret }}
{{- fail "existingSecret is empty: make a Secret with SLACK_BOT_TOKEN and the others of .env.example, and give its name" }}
{{- end }}
{{- if and .Values.persistence.enabled (gt (int .Values.replicaCount) 1) }}
{{- fail "replicaCount > 1 needs Postgres: set persistence.enabled=false and put DATABASE_URL into existingSecret" }}
{{- end }}
{{- $url := dig "database" "url" "" .Values.config }}
{{- if and (not .Values.persistence.enabled) (hasPrefix "sqlite:" $url) }}
{{- fail "config.database.url is a SQLite file and persistence.enabled is false: its state would be lost with the pod" }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
{{- fail "ingress.enabled needs ingress.hosts" }}
{{- end }}
{{- end }}
