// The DR stack and the network of a stage once more, for a comparison of times and for nothing else.
// It declares what bench/apps/stage.py declares, type by type: the bench refuses to compare when it does not.
import { readFileSync } from "node:fs";
import type { Environment } from "aws-cdk-lib";
import { App, Duration, RemovalPolicy, Stack, Tags, Validations } from "aws-cdk-lib";
import * as backup from "aws-cdk-lib/aws-backup";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as actions from "aws-cdk-lib/aws-cloudwatch-actions";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as logs from "aws-cdk-lib/aws-logs";
import * as s3 from "aws-cdk-lib/aws-s3";
import * as sns from "aws-cdk-lib/aws-sns";
import * as ssm from "aws-cdk-lib/aws-ssm";
import { AwsSolutionsChecks, NIST80053R5Checks, PCIDSS321Checks } from "cdk-nag";
import { Construct } from "constructs";
import type { IConstruct } from "constructs";

const ACCOUNT = "222222222222";
const PRIMARY = "ap-southeast-1";
const RECOVERY = "us-west-2";

function acknowledge(resource: IConstruct, control: string, ...rules: string[]): void {
  Validations.of(resource).acknowledge(...rules.map((id) => ({ id, reason: control })));
}

function key(scope: Construct, id: string, purpose: string): kms.Key {
  return new kms.Key(scope, id, {
    description: purpose,
    enableKeyRotation: true,
    rotationPeriod: Duration.days(365),
    pendingWindow: Duration.days(7),
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

function allow(owner: s3.Bucket | kms.Key, role: iam.Role, names: string[], resource: string): void {
  owner.addToResourcePolicy(
    new iam.PolicyStatement({ principals: [new iam.ArnPrincipal(role.roleArn)], actions: names, resources: [resource] }),
  );
}

const secure = {
  blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
  objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  versioned: true,
  removalPolicy: RemovalPolicy.DESTROY,
};

class DisasterRecoveryStack extends Stack {
  constructor(scope: Construct, id: string, env: Environment) {
    super(scope, id, { env, terminationProtection: false });
    const housekeeping = new iam.Role(this, "HousekeepingRole", {
      roleName: "payment-housekeeping-dev",
      assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
    });
    const replication = new iam.Role(this, "ReplicationRole", {
      roleName: "payment-replication-dev",
      assumedBy: new iam.ServicePrincipal("s3.amazonaws.com"),
    });
    const accessLogs = new s3.Bucket(this, "AccessLogs", {
      ...secure,
      bucketName: `payment-access-logs-dev-${ACCOUNT}-${RECOVERY}`,
      encryption: s3.BucketEncryption.S3_MANAGED,
      lifecycleRules: [
        {
          expiration: Duration.days(400),
          noncurrentVersionExpiration: Duration.days(30),
          abortIncompleteMultipartUploadAfter: Duration.days(7),
        },
      ],
    });
    for (const rule of ["S3DefaultEncryptionKMS", "S3BucketReplicationEnabled"]) {
      acknowledge(accessLogs, "As the platform says.", `NIST.800.53.R5::NIST.800.53.R5-${rule}`, `PCI.DSS.321::PCI.DSS.321-${rule}`);
    }
    const auditKey = key(this, "AuditReplicaKey", "Audit log replica of Dev");
    const audit = new s3.Bucket(this, "AuditReplica", {
      ...secure,
      bucketName: `payment-audit-dev-${ACCOUNT}-${RECOVERY}`,
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: auditKey,
      bucketKeyEnabled: true,
      objectLockEnabled: true,
      objectLockDefaultRetention: s3.ObjectLockRetention.governance(Duration.days(1)),
      serverAccessLogsBucket: accessLogs,
      serverAccessLogsPrefix: `audit-${RECOVERY}/`,
      lifecycleRules: [
        {
          transitions: [{ storageClass: s3.StorageClass.INTELLIGENT_TIERING, transitionAfter: Duration.days(90) }],
          abortIncompleteMultipartUploadAfter: Duration.days(7),
        },
      ],
    });
    acknowledge(
      audit,
      "As the platform says.",
      "NIST.800.53.R5::NIST.800.53.R5-S3BucketReplicationEnabled",
      "PCI.DSS.321::PCI.DSS.321-S3BucketReplicationEnabled",
    );
    for (const bucket of [accessLogs, audit]) {
      allow(bucket, replication, ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"], bucket.arnForObjects("*"));
      Tags.of(bucket).add("EmptyOnDestroy", "true");
      allow(bucket, housekeeping, ["s3:ListBucketVersions", "s3:DeleteObjectVersion"], bucket.bucketArn);
    }
    allow(auditKey, replication, ["kms:Encrypt", "kms:GenerateDataKey"], "*");
    const sessionKey = key(this, "SessionReplicaKey", "Session table replica of Dev");
    key(this, "SecretReplicaKey", "Database user replica of Dev");
    const vault = new backup.BackupVault(this, "BackupVault", {
      backupVaultName: "payment-dr-dev",
      encryptionKey: key(this, "BackupVaultKey", "Backup vault payment-dr-dev"),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Tags.of(vault).add("EmptyOnDestroy", "true");
    vault.addToAccessPolicy(
      new iam.PolicyStatement({
        principals: [new iam.ArnPrincipal(housekeeping.roleArn)],
        actions: ["backup:DeleteRecoveryPoint"],
        resources: ["*"],
      }),
    );
    this.watch(["BucketLag", "AuditLag", "Throttles", "Errors", "TableLag", "Copies"]);
    new iam.ManagedPolicy(this, "RecoveryAccess", {
      managedPolicyName: "payment-recovery-dev",
      statements: [
        new iam.PolicyStatement({
          actions: ["dynamodb:GetItem", "dynamodb:PutItem"],
          resources: [this.formatArn({ service: "dynamodb", resource: "table", resourceName: "payment-sessions-dev" })],
        }),
        new iam.PolicyStatement({ actions: ["kms:Decrypt", "kms:DescribeKey"], resources: [sessionKey.keyArn] }),
      ],
    });
    for (const name of ["dynamodb/table", "audit/bucket", "backup/vault", "db/secret", "manifest"]) {
      new ssm.StringParameter(this, name.replace("/", ""), {
        parameterName: `/payment/dev/${name}`,
        stringValue: this.toJsonString({ name, key: sessionKey.keyArn, bucket: audit.bucketName }),
      });
    }
  }

  private watch(names: string[]): void {
    const topicKey = key(this, "TopicKey", "Alarm topic payment-alarms-dev");
    const cloudWatch = new iam.ServicePrincipal("cloudwatch.amazonaws.com");
    const conditions = { StringEquals: { "aws:SourceAccount": ACCOUNT } };
    topicKey.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [cloudWatch],
        actions: ["kms:Decrypt", "kms:GenerateDataKey*"],
        resources: ["*"],
        conditions,
      }),
    );
    const topic = new sns.Topic(this, "Topic", { topicName: "payment-alarms-dev", masterKey: topicKey, enforceSSL: true });
    topic.addToResourcePolicy(
      new iam.PolicyStatement({ principals: [cloudWatch], actions: ["sns:Publish"], resources: [topic.topicArn], conditions }),
    );
    new sns.Subscription(this, "Mailbox", { topic, protocol: sns.SubscriptionProtocol.EMAIL, endpoint: "payment-alarms@example.com" });
    const alarms = names.map((name) => {
      const alarm = new cloudwatch.Alarm(this, name, {
        alarmName: `payment-${name}-dev`,
        alarmDescription: `${name} is not as it should be.`,
        metric: new cloudwatch.Metric({ namespace: "AWS/S3", metricName: name, statistic: "Maximum", period: Duration.minutes(5) }),
        threshold: 900,
        comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        datapointsToAlarm: 3,
        evaluationPeriods: 3,
        treatMissingData: cloudwatch.TreatMissingData.BREACHING,
      });
      const action = new actions.SnsAction(topic);
      alarm.addAlarmAction(action);
      alarm.addOkAction(action);
      return alarm;
    });
    new cloudwatch.Dashboard(this, "Dashboard", {
      dashboardName: "payment-recovery-dev",
      widgets: [
        [new cloudwatch.AlarmStatusWidget({ alarms, width: 24 })],
        alarms.map((alarm) => new cloudwatch.GraphWidget({ title: alarm.node.id, left: [alarm.metric] })),
      ],
    });
  }
}

class NetworkStack extends Stack {
  constructor(scope: Construct, id: string, env: Environment) {
    super(scope, id, { env });
    const logKey = key(this, "LogKey", "Logs of Dev");
    logKey.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal(`logs.${PRIMARY}.amazonaws.com`)],
        actions: ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        resources: ["*"],
        conditions: { ArnLike: { "kms:EncryptionContext:aws:logs:arn": `arn:aws:logs:${PRIMARY}:${ACCOUNT}:log-group:*` } },
      }),
    );
    const vpc = new ec2.Vpc(this, "Vpc", {
      ipAddresses: ec2.IpAddresses.cidr("10.0.0.0/16"),
      maxAzs: 3,
      natGateways: 3,
      subnetConfiguration: [
        { name: "Public", subnetType: ec2.SubnetType.PUBLIC, mapPublicIpOnLaunch: false },
        { name: "Private", subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
        { name: "Database", subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      ],
      gatewayEndpoints: {
        S3: { service: ec2.GatewayVpcEndpointAwsService.S3 },
        DynamoDb: { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB },
      },
      restrictDefaultSecurityGroup: false,
    });
    acknowledge(
      vpc,
      "Closed by the platform's housekeeping, which is not compared.",
      "NIST.800.53.R5::NIST.800.53.R5-VPCDefaultSecurityGroupClosed",
      "PCI.DSS.321::PCI.DSS.321-VPCDefaultSecurityGroupClosed",
    );
    for (const subnet of vpc.publicSubnets) {
      acknowledge(
        subnet.node.findChild("DefaultRoute"),
        "As the platform says.",
        "NIST.800.53.R5::NIST.800.53.R5-VPCNoUnrestrictedRouteToIGW",
        "PCI.DSS.321::PCI.DSS.321-VPCNoUnrestrictedRouteToIGW",
      );
    }
    for (const subnet of [...vpc.publicSubnets, ...vpc.privateSubnets, ...vpc.isolatedSubnets]) {
      acknowledge(subnet, "As the platform says.", "CloudFormation-Validate::W3010");
    }
    const group = new logs.LogGroup(this, "FlowLogGroup", {
      encryptionKey: logKey,
      retention: logs.RetentionDays.THIRTEEN_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const policy = new iam.ManagedPolicy(this, "FlowLogPolicy", {
      statements: [
        new iam.PolicyStatement({
          actions: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
          resources: [group.logGroupArn],
        }),
      ],
    });
    const role = new iam.Role(this, "FlowLogRole", {
      assumedBy: new iam.ServicePrincipal("vpc-flow-logs.amazonaws.com"),
      managedPolicies: [policy],
    });
    vpc.addFlowLog("FlowLog", {
      destination: ec2.FlowLogDestination.toCloudWatchLogs(group, role.withoutPolicyUpdates()),
      trafficType: ec2.FlowLogTrafficType.ALL,
    });
    const endpoints = new ec2.SecurityGroup(this, "EndpointSecurityGroup", {
      vpc,
      description: "HTTPS from the VPC to the interface endpoints",
      allowAllOutbound: false,
    });
    endpoints.addIngressRule(ec2.Peer.ipv4("10.0.0.0/16"), ec2.Port.HTTPS, "HTTPS from the VPC");
    const services = {
      Ecr: ec2.InterfaceVpcEndpointAwsService.ECR,
      EcrDocker: ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
      Kms: ec2.InterfaceVpcEndpointAwsService.KMS,
      Logs: ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
      SecretsManager: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
      Sqs: ec2.InterfaceVpcEndpointAwsService.SQS,
      Ssm: ec2.InterfaceVpcEndpointAwsService.SSM,
    };
    for (const [name, service] of Object.entries(services)) {
      vpc.addInterfaceEndpoint(name, {
        service,
        securityGroups: [endpoints],
        open: false,
        subnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      });
    }
  }

  get availabilityZones(): string[] {
    return ["a", "b", "c"].map((zone) => PRIMARY + zone);
  }
}

const { context } = JSON.parse(readFileSync("cdk.json", "utf8"));
const app = new App({ analyticsReporting: false, context, outdir: process.argv[2] });
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new PCIDSS321Checks(app), new NIST80053R5Checks(app));
for (let copy = 0; copy < Number(process.argv[3] ?? 1); copy++) {
  new DisasterRecoveryStack(app, `DisasterRecovery${copy}`, { account: ACCOUNT, region: RECOVERY });
  new NetworkStack(app, `Network${copy}`, { account: ACCOUNT, region: PRIMARY });
}
app.synth();
