"""Where backups are kept: encrypted with a key of their own, and locked where they are the last copy."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_backup as backup
from constructs import Construct

from payment_constructs.encryption_key import EncryptionKey

RETENTION = Duration.days(35)
"""How long a recovery point is kept; both vaults of production refuse less."""


class BackupVault(backup.BackupVault):
    """A vault for recovery points (PCI DSS 12.10.1: data backup processes).

    Where data is retained it is locked in compliance mode: once seven days have passed, nobody, the account's root and
    AWS included, can delete a recovery point early or take the lock away, so that whoever holds the account cannot take
    the backups too. A mistake costs little: no recovery point can be kept for more than 400 days, and an empty vault
    can be deleted still. Elsewhere nothing is locked, and housekeeping empties the vault on destroy.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html

    Args:
        vault_name: The vault's name; its ARN is known by it before it stands.
        retain: Whether the vault is locked and outlives its stack.
    """

    def __init__(self, scope: Construct, construct_id: str, *, vault_name: str, retain: bool) -> None:
        super().__init__(
            scope,
            construct_id,
            backup_vault_name=vault_name,
            encryption_key=EncryptionKey(
                scope, f"{construct_id}Key", purpose=f"Backup vault {vault_name}", retain=retain
            ),
            lock_configuration=(
                backup.LockConfiguration(
                    min_retention=RETENTION, max_retention=Duration.days(400), changeable_for=Duration.days(7)
                )
                if retain
                else None
            ),
            removal_policy=RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY,
        )
