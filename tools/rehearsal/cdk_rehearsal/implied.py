"""Calls that no client sends: AWS's services make them with a role of the delivery.

CodePipeline calls the service of an action, CodeBuild and Lambda write logs. Each line names AWS's page.
"""

from collections.abc import Mapping

ACTIONS: Mapping[str, Mapping[str, str]] = {
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html#how-to-update-role-new-services
    "CodeBuild": {
        "codebuild:StartBuild": "arn:aws:codebuild:{region}:{account}:project/{ProjectName}",
        "codebuild:BatchGetBuilds": "arn:aws:codebuild:{region}:{account}:project/{ProjectName}",
    },
    "Lambda": {"lambda:ListFunctions": "*"},
    # The prefix of the action is that of the ARN: https://docs.aws.amazon.com/dtconsole/latest/userguide/rename.html
    "CodeStarSourceConnection": {"{service}:UseConnection": "{ConnectionArn}"},
}
"""What CodePipeline calls by the provider of an action, with the action's role or else its own.

The action's configuration names the resource; what the rehearsal really calls is not listed.
"""

BUILD: Mapping[str, str] = {
    # https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
    "logs:CreateLogStream": "arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:build",
    "logs:PutLogEvents": "arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:build",
}
"""What CodeBuild calls with the role of a project."""
BUILD_LOG: Mapping[str, str] = {"logs:CreateLogGroup": "arn:aws:logs:{region}:{account}:log-group:{group}"}
"""What it calls too where the project names no log group."""

BY_THE_SERVICE = "by the service"
"""The operation of a recorded call that a service makes with a role."""

REPORT: Mapping[str, str] = {
    # https://docs.aws.amazon.com/codebuild/latest/userguide/test-permissions.html
    f"codebuild:{call}": "arn:aws:codebuild:{region}:{account}:report-group/{project}-{report}"
    for call in ("CreateReportGroup", "CreateReport", "UpdateReport", "BatchPutTestCases")
}
"""What CodeBuild calls with the role of a project for each report of its buildspec."""

FUNCTION: Mapping[str, str] = {
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html#monitoring-cloudwatchlogs-prereqs
    "logs:CreateLogStream": "arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:function",
    "logs:PutLogEvents": "arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:function",
}
"""What Lambda calls with the role of a function."""

FUNCTION_IN_A_VPC: Mapping[str, str] = {
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
    "ec2:CreateNetworkInterface": "arn:aws:ec2:{region}:{account}:network-interface/eni",
    "ec2:DescribeNetworkInterfaces": "*",
    "ec2:DescribeSubnets": "*",
    "ec2:DeleteNetworkInterface": "arn:aws:ec2:{region}:{account}:network-interface/eni",
    "ec2:AssignPrivateIpAddresses": "arn:aws:ec2:{region}:{account}:network-interface/eni",
    "ec2:UnassignPrivateIpAddresses": "arn:aws:ec2:{region}:{account}:network-interface/eni",
}
"""What Lambda calls with the role of a function in a VPC."""

TRUSTED: Mapping[tuple[str, str], str] = {
    # https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html
    ("AWS::Backup::BackupSelection", "BackupSelection.IamRoleArn"): "backup.amazonaws.com",
    # https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
    ("AWS::CodeBuild::Project", "ServiceRole"): "codebuild.amazonaws.com",
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-create-service-role-cli.html
    ("AWS::CodePipeline::Pipeline", "RoleArn"): "codepipeline.amazonaws.com",
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    ("AWS::EC2::FlowLog", "DeliverLogsPermissionArn"): "vpc-flow-logs.amazonaws.com",
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
    ("AWS::ECS::Service", "LoadBalancers.AdvancedConfiguration.RoleArn"): "ecs.amazonaws.com",
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    ("AWS::ECS::TaskDefinition", "ExecutionRoleArn"): "ecs-tasks.amazonaws.com",
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    ("AWS::ECS::TaskDefinition", "TaskRoleArn"): "ecs-tasks.amazonaws.com",
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    ("AWS::Lambda::Function", "Role"): "lambda.amazonaws.com",
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Monitoring.OS.Enabling.html
    ("AWS::RDS::DBInstance", "MonitoringRoleArn"): "monitoring.rds.amazonaws.com",
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
    ("AWS::S3::Bucket", "ReplicationConfiguration.Role"): "s3.amazonaws.com",
}
"""By type and property: the service that assumes the role which the property names."""

KEYS: Mapping[str, tuple[str, ...]] = {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms
    "s3:GetObject": ("kms:Decrypt",),
    "s3:GetObjectVersion": ("kms:Decrypt",),
    "s3:PutObject": ("kms:GenerateDataKey",),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sqs:ReceiveMessage": ("kms:Decrypt",),
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
    "secretsmanager:GetSecretValue": ("kms:Decrypt",),
    "secretsmanager:PutSecretValue": ("kms:GenerateDataKey", "kms:Decrypt"),
    # https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
    **{
        f"dynamodb:{call}": ("kms:Decrypt",)
        for call in (
            "GetItem",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "Query",
            "Scan",
            "BatchGetItem",
            "BatchWriteItem",
        )
    },
}
"""What a service calls with a customer-managed key for the caller of an action, through itself (`kms:ViaService`)."""
