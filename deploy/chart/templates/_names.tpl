{{- define "rds-ssl.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- /* 48: a suffix such as -leader-election has to fit into 63. */ -}}
{{- contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "rds-ssl.labels" -}}
app.kubernetes.io/name: rds-ssl-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion }}
app.kubernetes.io/part-of: rds-ssl-operator
{{- if eq .Values.creator "helm" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Immutable in a Deployment: what kubectl applied has no instance there, and may not get one. */ -}}
{{- define "rds-ssl.selector" -}}
app.kubernetes.io/name: rds-ssl-operator
{{- if eq .Values.creator "helm" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "rds-ssl.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "rds-ssl.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name: name the ServiceAccount that is there, or set serviceAccount.create" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "rds-ssl.subjects" -}}
- kind: ServiceAccount
  name: {{ include "rds-ssl.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{- define "rds-ssl.lease" -}}
{{- .Values.settings.RDS_SSL_LEASE_NAME | default (include "rds-ssl.fullname" .) -}}
{{- end -}}

{{- /* Empty, or -1-of-2: what the names of a shard end with. Takes the number and the count. */ -}}
{{- define "rds-ssl.shard" -}}
{{- if ne (int .count) 1 -}}
-{{ .number }}-of-{{ .count }}
{{- end -}}
{{- end -}}

{{- define "rds-ssl.secretWatch" -}}
{{- .Values.settings.RDS_SSL_SECRET_WATCH | default "all" -}}
{{- end -}}

{{- define "rds-ssl.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}
