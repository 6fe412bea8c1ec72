"""What fields the built-in kinds have: the one table behind strict validation, strategic merge,
server-side apply and the OpenAPI documents.

One line a type: `Name field:type …`. Types are s (string), i (integer), b (boolean), n (number),
q (quantity), io (integer or string), t (time), m (string map), o (any object), x (any value), a
type's name, or `[type]`; `[type]~key` is a list merged by `key`, `[s]~` a set.
"""

# ruff: noqa: E501 - one line a type is the table
from __future__ import annotations

from dataclasses import dataclass
from functools import cache

_TABLE = """
ObjectMeta name:s generateName:s namespace:s selfLink:s uid:s resourceVersion:s generation:i creationTimestamp:t deletionTimestamp:t deletionGracePeriodSeconds:i labels:m annotations:m ownerReferences:[OwnerReference]~uid finalizers:[s]~ managedFields:[o]
OwnerReference apiVersion:s kind:s name:s uid:s controller:b blockOwnerDeletion:b
LabelSelector matchLabels:m matchExpressions:[LabelRequirement]
LabelRequirement key:s operator:s values:[s]
Condition type:s status:s reason:s message:s lastTransitionTime:t lastUpdateTime:t lastProbeTime:t lastHeartbeatTime:t observedGeneration:i
ObjectReference kind:s namespace:s name:s uid:s apiVersion:s resourceVersion:s fieldPath:s
LocalReference name:s
Pod spec:PodSpec status:o
PodTemplate template:PodTemplateSpec
PodTemplateSpec metadata:ObjectMeta spec:PodSpec
PodSpec containers:[Container]~name initContainers:[Container]~name ephemeralContainers:[EphemeralContainer]~name volumes:[Volume]~name restartPolicy:s terminationGracePeriodSeconds:i activeDeadlineSeconds:i dnsPolicy:s dnsConfig:o nodeSelector:m serviceAccountName:s serviceAccount:s automountServiceAccountToken:b nodeName:s hostNetwork:b hostPID:b hostIPC:b hostUsers:b shareProcessNamespace:b securityContext:PodSecurityContext imagePullSecrets:[LocalReference]~name hostname:s subdomain:s setHostnameAsFQDN:b affinity:o schedulerName:s tolerations:[Toleration] hostAliases:[HostAlias]~ip priorityClassName:s priority:i preemptionPolicy:s readinessGates:[o] runtimeClassName:s enableServiceLinks:b overhead:o topologySpreadConstraints:[TopologySpread]~topologyKey os:o schedulingGates:[LocalReference]~name resourceClaims:[o] resources:Resources
PodSecurityContext seLinuxOptions:o windowsOptions:o runAsUser:i runAsGroup:i runAsNonRoot:b supplementalGroups:[i] supplementalGroupsPolicy:s fsGroup:i sysctls:[o] fsGroupChangePolicy:s seccompProfile:SeccompProfile appArmorProfile:o seLinuxChangePolicy:s
SeccompProfile type:s localhostProfile:s
HostAlias ip:s hostnames:[s]
Toleration key:s operator:s value:s effect:s tolerationSeconds:i
TopologySpread maxSkew:i topologyKey:s whenUnsatisfiable:s labelSelector:LabelSelector minDomains:i nodeAffinityPolicy:s nodeTaintsPolicy:s matchLabelKeys:[s]
Container name:s image:s command:[s] args:[s] workingDir:s ports:[ContainerPort]~containerPort envFrom:[EnvFrom] env:[EnvVar]~name resources:Resources resizePolicy:[o] restartPolicy:s restartPolicyRules:[o] volumeMounts:[VolumeMount]~mountPath volumeDevices:[VolumeDevice]~devicePath livenessProbe:Probe readinessProbe:Probe startupProbe:Probe lifecycle:o terminationMessagePath:s terminationMessagePolicy:s imagePullPolicy:s securityContext:SecurityContext stdin:b stdinOnce:b tty:b
EphemeralContainer name:s image:s command:[s] args:[s] workingDir:s ports:[ContainerPort]~containerPort envFrom:[EnvFrom] env:[EnvVar]~name resources:Resources volumeMounts:[VolumeMount]~mountPath terminationMessagePath:s terminationMessagePolicy:s imagePullPolicy:s securityContext:SecurityContext stdin:b stdinOnce:b tty:b targetContainerName:s
SecurityContext capabilities:Capabilities privileged:b seLinuxOptions:o windowsOptions:o runAsUser:i runAsGroup:i runAsNonRoot:b readOnlyRootFilesystem:b allowPrivilegeEscalation:b procMount:s seccompProfile:SeccompProfile appArmorProfile:o
Capabilities add:[s] drop:[s]
ContainerPort name:s hostPort:i containerPort:i protocol:s hostIP:s
EnvFrom prefix:s configMapRef:OptionalReference secretRef:OptionalReference
OptionalReference name:s optional:b
EnvVar name:s value:s valueFrom:EnvSource
EnvSource fieldRef:FieldSelector resourceFieldRef:o configMapKeyRef:KeySelector secretKeyRef:KeySelector
FieldSelector apiVersion:s fieldPath:s
KeySelector name:s key:s optional:b
Resources limits:qm requests:qm claims:[o]
VolumeMount name:s readOnly:b recursiveReadOnly:s mountPath:s subPath:s mountPropagation:s subPathExpr:s
VolumeDevice name:s devicePath:s
Probe exec:ExecAction httpGet:HTTPGet tcpSocket:TCPSocket grpc:o initialDelaySeconds:i timeoutSeconds:i periodSeconds:i successThreshold:i failureThreshold:i terminationGracePeriodSeconds:i
ExecAction command:[s]
HTTPGet path:s port:io host:s scheme:s httpHeaders:[NameValue]
TCPSocket port:io host:s
NameValue name:s value:s
Volume name:s hostPath:o emptyDir:EmptyDir gcePersistentDisk:o awsElasticBlockStore:o gitRepo:o secret:SecretVolume nfs:o iscsi:o persistentVolumeClaim:ClaimVolume downwardAPI:o fc:o azureFile:o configMap:ConfigMapVolume azureDisk:o projected:o csi:o ephemeral:o image:o cephfs:o glusterfs:o rbd:o
EmptyDir medium:s sizeLimit:q
SecretVolume secretName:s items:[KeyToPath] defaultMode:i optional:b
ConfigMapVolume name:s items:[KeyToPath] defaultMode:i optional:b
KeyToPath key:s path:s mode:i
ClaimVolume claimName:s readOnly:b
Deployment spec:DeploymentSpec status:o
DeploymentSpec replicas:i selector:LabelSelector template:PodTemplateSpec strategy:DeploymentStrategy minReadySeconds:i revisionHistoryLimit:i paused:b progressDeadlineSeconds:i
DeploymentStrategy type:s rollingUpdate:RollingUpdate
RollingUpdate maxUnavailable:io maxSurge:io partition:i
ReplicaSet spec:ReplicaSetSpec status:o
ReplicaSetSpec replicas:i minReadySeconds:i selector:LabelSelector template:PodTemplateSpec
ReplicationController spec:ReplicationControllerSpec status:o
ReplicationControllerSpec replicas:i minReadySeconds:i selector:m template:PodTemplateSpec
StatefulSet spec:StatefulSetSpec status:o
StatefulSetSpec replicas:i selector:LabelSelector template:PodTemplateSpec volumeClaimTemplates:[PersistentVolumeClaim] serviceName:s podManagementPolicy:s updateStrategy:DeploymentStrategy revisionHistoryLimit:i minReadySeconds:i persistentVolumeClaimRetentionPolicy:o ordinals:o
DaemonSet spec:DaemonSetSpec status:o
DaemonSetSpec selector:LabelSelector template:PodTemplateSpec updateStrategy:DeploymentStrategy minReadySeconds:i revisionHistoryLimit:i
ControllerRevision data:o revision:i
Job spec:JobSpec status:o
JobSpec parallelism:i completions:i activeDeadlineSeconds:i podFailurePolicy:o successPolicy:o backoffLimit:i backoffLimitPerIndex:i maxFailedIndexes:i selector:LabelSelector manualSelector:b template:PodTemplateSpec ttlSecondsAfterFinished:i completionMode:s suspend:b podReplacementPolicy:s managedBy:s
CronJob spec:CronJobSpec status:o
CronJobSpec schedule:s timeZone:s startingDeadlineSeconds:i concurrencyPolicy:s suspend:b jobTemplate:JobTemplateSpec successfulJobsHistoryLimit:i failedJobsHistoryLimit:i
JobTemplateSpec metadata:ObjectMeta spec:JobSpec
Service spec:ServiceSpec status:o
ServiceSpec ports:[ServicePort]~port selector:m clusterIP:s clusterIPs:[s] type:s externalIPs:[s] sessionAffinity:s loadBalancerIP:s loadBalancerSourceRanges:[s] externalName:s externalTrafficPolicy:s healthCheckNodePort:i publishNotReadyAddresses:b sessionAffinityConfig:o ipFamilies:[s] ipFamilyPolicy:s allocateLoadBalancerNodePorts:b loadBalancerClass:s internalTrafficPolicy:s trafficDistribution:s
ServicePort name:s protocol:s appProtocol:s port:i targetPort:io nodePort:i
Endpoints subsets:[o]
EndpointSlice addressType:s endpoints:[o] ports:[o]
ConfigMap data:m binaryData:m immutable:b
Secret data:m stringData:m type:s immutable:b
Event involvedObject:ObjectReference reason:s message:s source:o firstTimestamp:t lastTimestamp:t count:i type:s eventTime:t series:o action:s related:ObjectReference reportingComponent:s reportingInstance:s
Namespace spec:NamespaceSpec status:o
NamespaceSpec finalizers:[s]
Node spec:NodeSpec status:o
NodeSpec podCIDR:s podCIDRs:[s]~ providerID:s unschedulable:b taints:[Taint]~key configSource:o externalID:s
Taint key:s value:s effect:s timeAdded:t
PersistentVolumeClaim spec:ClaimSpec status:o
ClaimSpec accessModes:[s] selector:LabelSelector resources:Resources volumeName:s storageClassName:s volumeMode:s dataSource:o dataSourceRef:o volumeAttributesClassName:s
PersistentVolume spec:VolumeSpec status:o
VolumeSpec capacity:qm accessModes:[s] claimRef:ObjectReference persistentVolumeReclaimPolicy:s storageClassName:s mountOptions:[s] volumeMode:s nodeAffinity:o volumeAttributesClassName:s hostPath:o local:o nfs:o csi:o iscsi:o fc:o awsElasticBlockStore:o gcePersistentDisk:o azureDisk:o azureFile:o
ServiceAccount secrets:[ObjectReference]~name imagePullSecrets:[LocalReference]~name automountServiceAccountToken:b
ResourceQuota spec:QuotaSpec status:o
QuotaSpec hard:qm scopeSelector:o scopes:[s]
LimitRange spec:LimitRangeSpec
LimitRangeSpec limits:[LimitRangeItem]
LimitRangeItem type:s max:qm min:qm default:qm defaultRequest:qm maxLimitRequestRatio:qm
HorizontalPodAutoscaler spec:AutoscalerSpec status:o
AutoscalerSpec scaleTargetRef:ScaleTarget minReplicas:i maxReplicas:i metrics:[o] behavior:o
ScaleTarget apiVersion:s kind:s name:s
Ingress spec:IngressSpec status:o
IngressSpec ingressClassName:s defaultBackend:IngressBackend tls:[IngressTLS] rules:[IngressRule]
IngressTLS hosts:[s] secretName:s
IngressRule host:s http:IngressHTTP
IngressHTTP paths:[IngressPath]
IngressPath path:s pathType:s backend:IngressBackend
IngressBackend service:IngressService resource:o
IngressService name:s port:IngressPort
IngressPort name:s number:i
IngressClass spec:o
NetworkPolicy spec:NetworkPolicySpec
NetworkPolicySpec podSelector:LabelSelector ingress:[o] egress:[o] policyTypes:[s]
PodDisruptionBudget spec:PDBSpec status:o
PDBSpec minAvailable:io maxUnavailable:io selector:LabelSelector unhealthyPodEvictionPolicy:s
StorageClass provisioner:s parameters:m reclaimPolicy:s mountOptions:[s] allowVolumeExpansion:b volumeBindingMode:s allowedTopologies:[o]
PriorityClass value:i globalDefault:b description:s preemptionPolicy:s
Lease spec:o
Role rules:[PolicyRule]
ClusterRole rules:[PolicyRule] aggregationRule:o
PolicyRule verbs:[s] apiGroups:[s] resources:[s] resourceNames:[s] nonResourceURLs:[s]
RoleBinding subjects:[Subject] roleRef:RoleRef
ClusterRoleBinding subjects:[Subject] roleRef:RoleRef
Subject kind:s apiGroup:s name:s namespace:s
RoleRef apiGroup:s kind:s name:s
CustomResourceDefinition spec:o status:o
"""
_LEAVES = frozenset({"s", "i", "b", "n", "q", "io", "t", "m", "qm", "o", "x"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`type` is a leaf's letter or a type's name; `merge_key` is "" for a set, None for atomic."""

    type: str
    is_list: bool = False
    merge_key: str | None = None

    @property
    def is_leaf(self) -> bool:
        return self.type in _LEAVES


Type = dict[str, Field]


@cache
def types() -> dict[str, Type]:
    return {line.split()[0]: _fields(line) for line in _TABLE.strip().splitlines()}


def _fields(line: str) -> Type:
    return {name: _field(text) for name, _, text in (w.partition(":") for w in line.split()[1:])}


def _field(text: str) -> Field:
    if not text.startswith("["):
        return Field(type=text)
    inner, _, key = text[1:].partition("]")
    return Field(type=inner, is_list=True, merge_key=key[1:] if key else None)


@cache
def of_kind(kind: str) -> Type | None:
    """The fields of a whole object, or None for a kind the table does not have."""
    fields = types().get(kind)
    if fields is None:
        return None
    envelope = {
        "apiVersion": Field(type="s"),
        "kind": Field(type="s"),
        "metadata": Field(type="ObjectMeta"),
    }
    return {**envelope, **fields}


def within(field: Field | None) -> Type | None:
    """The fields of a value of `field`, or of each of its items."""
    if field is None or field.is_leaf:
        return None
    return of_kind(field.type) if field.type == "PersistentVolumeClaim" else types()[field.type]
