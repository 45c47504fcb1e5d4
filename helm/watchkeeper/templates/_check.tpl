{{/* Whether extraEnv gives the variable, by itself or as the file it names. */}}
{{- define "watchkeeper.given" -}}
{{- range .root.Values.extraEnv }}
{{- if has .name (list $.name (printf "%s_FILE" $.name)) }}yes{{ end }}
{{- end }}
{{- end }}

{{/* Contradictions are refused here, before a pod finds out. */}}
{{- define "watchkeeper.check" -}}
{{- if not (or .Values.existingSecret (include "watchkeeper.given" (dict "root" . "name" "SLACK_BOT_TOKEN"))) }}
{{- fail "existingSecret is empty: make a Secret with SLACK_BOT_TOKEN and the others of .env.example and give its name, or name files of extraVolumes in extraEnv (SLACK_BOT_TOKEN_FILE)" }}
{{- end }}
{{- include "watchkeeper.checkDatabase" . }}
{{- include "watchkeeper.checkAddresses" . }}
{{- include "watchkeeper.checkDrain" . }}
{{- include "watchkeeper.checkClusters" . }}
{{- end }}

{{- define "watchkeeper.checkDatabase" -}}
{{- $url := default "" (default dict .Values.config.database).url }}
{{- $secret := or .Values.database.fromSecret (include "watchkeeper.given" (dict "root" . "name" "DATABASE_URL")) }}
{{- $postgres := or (hasPrefix "postgres:" $url) (hasPrefix "postgresql:" $url) }}
{{- if and .Values.persistence.enabled (gt (int .Values.replicaCount) 1) }}
{{- fail "replicaCount > 1 needs Postgres: set persistence.enabled=false and database.fromSecret=true, and put DATABASE_URL into existingSecret" }}
{{- end }}
{{- if and .Values.persistence.enabled (or $secret $postgres) }}
{{- fail "persistence is for SQLite, and the database is Postgres: set persistence.enabled=false" }}
{{- end }}
{{- if and .Values.persistence.enabled $url (not (regexMatch "^sqlite:(//)?/var/lib/watchkeeper/." $url)) }}
{{- fail (printf "config.database.url is %s, which is not on the volume: leave it out, or put it under /var/lib/watchkeeper" $url) }}
{{- end }}
{{- if not (or .Values.persistence.enabled $secret $postgres) }}
{{- fail "persistence.enabled is false and no Postgres is named, so the state would be lost with the pod: put DATABASE_URL into existingSecret and set database.fromSecret=true, or give config.database.url" }}
{{- end }}
{{- end }}

{{- define "watchkeeper.checkAddresses" -}}
{{- $ours := dict "listen" "0.0.0.0:8080" "metrics_listen" (include "watchkeeper.metricsListen" .) }}
{{- range $key, $address := $ours }}
{{- $asked := default $address (get (default dict $.Values.config.http) $key) }}
{{- if ne (toString $asked) $address }}
{{- fail (printf "config.http.%s is %v, and the chart's Services and probes look at %s: leave it out (metrics.port sets the port of the metrics)" $key $asked $address) }}
{{- end }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
{{- fail "ingress.enabled needs ingress.hosts" }}
{{- end }}
{{- $slack := default dict .Values.config.slack }}
{{- if eq (default "socket" $slack.mode) "socket" }}
{{- /* A rolling update runs one more; an update of a single SQLite pod does not. */}}
{{- $pods := add .Values.replicaCount (ternary 0 1 .Values.persistence.enabled) }}
{{- $connections := mul $pods (default 2 $slack.connections) }}
{{- if gt (int $connections) 9 }}
{{- fail (printf "%d Socket Mode connections while pods are replaced, and Slack allows an app ten, of which one must be free: lower replicaCount or config.slack.connections, or use config.slack.mode http" $connections) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "watchkeeper.checkDrain" -}}
{{- $budget := .Values.podDisruptionBudget }}
{{- $replicas := int .Values.replicaCount }}
{{- if and $budget.enabled (gt $replicas 0) }}
{{- $most := include "watchkeeper.maxUnavailable" . }}
{{- $least := toString $budget.minAvailable }}
{{- $kept := int64 (trimSuffix "%" $least) }}
{{- if hasSuffix "%" $least }}
{{- $kept = div (add (mul $kept $replicas) 99) 100 }}
{{- end }}
{{- if or (has $most (list "0" "0%")) (and (eq $most "") (ge (int $kept) $replicas)) }}
{{- fail (printf "podDisruptionBudget lets none of %d replicas go, so a drain of its node would hang: raise replicaCount, set podDisruptionBudget.maxUnavailable=1, or switch it off" $replicas) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "watchkeeper.maxUnavailable" -}}
{{- $most := .Values.podDisruptionBudget.maxUnavailable }}
{{- if not (kindIs "invalid" $most) }}{{ $most }}{{ end }}
{{- end }}

{{- define "watchkeeper.checkClusters" -}}
{{- $here := include "watchkeeper.here" . }}
{{- if and .Values.rbac.clusters (not $here) }}
{{- fail "rbac.clusters grants what a watch of this cluster needs, and no entry of config.clusters has in_cluster: true" }}
{{- end }}
{{- if and $here (not (or .Values.rbac.clusters .Values.rbac.extraRules)) }}
{{- fail (printf "config.clusters: %s has in_cluster: true, and the bot is granted nothing: set rbac.clusters=true, or rbac.extraRules to what `watchkeeper rbac` prints (rbac.clusters=true with rbac.create=false when its rights come from elsewhere)" ($here | trim | replace "\n" ", ")) }}
{{- end }}
{{- end }}

{{/* The names under which this cluster is watched, one a line. */}}
{{- define "watchkeeper.here" -}}
{{- range .Values.config.clusters }}
{{- if .in_cluster }}
{{ .name }}
{{- end }}
{{- end }}
{{- end }}

{{/* What the configuration lets somebody ask for in this cluster, one a line: an action file each, as `watchkeeper rbac` has them. */}}
{{- define "watchkeeper.acts" -}}
{{- $asked := default dict .Values.config.actions }}
{{- $acts := list }}
{{- if $asked.enabled }}
{{- range $name := splitList "\n" (include "watchkeeper.here" . | trim) }}
{{- range $rule := $asked.rules }}
{{- range $glob := default (list "*") $rule.clusters }}
{{- if regexMatch (printf "^%s$" (regexQuoteMeta $glob | replace "\\*" ".*")) $name }}
{{- $acts = concat $acts (default list $rule.actions) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- $acts | uniq | sortAlpha | join "\n" }}
{{- end }}
