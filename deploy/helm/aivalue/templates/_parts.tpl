{{/* Parts of several manifests. Those of a service take (dict "root" $ "name" "ingest"). */}}

{{- define "aivalue.labels" -}}
app.kubernetes.io/name: aivalue
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "aivalue.allLabels" -}}
{{ include "aivalue.labels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "aivalue.port" -}}
{{ get (dict "ingest" 8101 "baseline" 8102 "attribution" 8103 "reporting" 8104) . }}
{{- end }}

{{- define "aivalue.image" -}}
{{ .root.Values.image.registry }}aivalue/{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "aivalue.databaseUrl" -}}
postgresql://aivalue_{{ .name }}@{{ .root.Values.database.host }}:{{ .root.Values.database.port | int }}/{{ .root.Values.database.name }}
{{- end }}

{{- define "aivalue.podSecurity" -}}
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "aivalue.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* How the brokers are reached: for the services and for the job that creates topics. */}}
{{- define "aivalue.kafkaEnvironment" -}}
AIVALUE_KAFKA__BOOTSTRAP: {{ .Values.kafka.bootstrap | quote }}
AIVALUE_KAFKA__SECURITY_PROTOCOL: {{ .Values.kafka.securityProtocol | quote }}
AIVALUE_KAFKA__TENANTS: {{ .Values.kafka.tenants | toJson | quote }}
AIVALUE_KAFKA__PARTITIONS: {{ .Values.kafka.topics.partitions | int | quote }}
AIVALUE_KAFKA__REPLICATION_FACTOR: {{ .Values.kafka.topics.replicationFactor | int | quote }}
{{- with .Values.kafka.saslUsername }}
AIVALUE_KAFKA__SASL_MECHANISM: {{ $.Values.kafka.saslMechanism | quote }}
AIVALUE_KAFKA__SASL_USERNAME: {{ . | quote }}
{{- end }}
{{- if .Values.kafka.caSecretName }}
AIVALUE_KAFKA__CA_FILE: /run/kafka/ca.crt
{{- end }}
{{- end }}

{{/* Takes a dict of variables. As JSON, a large number keeps its digits. */}}
{{- define "aivalue.environment" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ kindIs "string" $value | ternary $value ($value | toJson) | quote }}
{{- end }}
{{- end }}

{{/* Files in /run/secrets: (dict "root" $ "items" (dict FILE KEY-OF-THE-SECRET)). A secret of which
     no key is named would be mounted whole. */}}
{{- define "aivalue.volumes" -}}
{{- if and .kafka .root.Values.kafka.saslUsername }}
{{- $_ := set .items "aivalue_kafka__sasl_password" "kafka_sasl_password" }}
{{- end }}
- name: secrets
  {{- if .items }}
  secret:
    secretName: {{ .root.Values.secretName }}
    items:
      {{- range $file, $key := .items }}
      - {key: {{ $key }}, path: {{ $file }}}
      {{- end }}
  {{- else }}
  emptyDir: {sizeLimit: 1Mi}
  {{- end }}
{{- if and .kafka .root.Values.kafka.caSecretName }}
- name: kafka-authority
  secret: {secretName: {{ .root.Values.kafka.caSecretName }}}
{{- end }}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- end }}

{{- define "aivalue.mounts" -}}
- {name: secrets, mountPath: /run/secrets, readOnly: true}
{{- if and .kafka .root.Values.kafka.caSecretName }}
- {name: kafka-authority, mountPath: /run/kafka, readOnly: true}
{{- end }}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "aivalue.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}
