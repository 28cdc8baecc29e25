"""The service: its deployment is complete, its tasks run, and it answers over HTTPS."""

import http.client
import ssl
from typing import Any

import pytest

from tests.integration.conftest import Client
from tests.integration.deployed import Deployed
from tests.integration.polling import becomes_true

HEALTH = "/health"
SECONDS = 10
HEADERS = {"User-Agent": "payment-verification"}
"""The firewall blocks requests without a User-Agent."""


@pytest.fixture
def described(client: Client, deployed: Deployed, primary: dict[str, str]) -> Any:
    """A function that returns the current description of the service."""

    def describe() -> dict[str, Any]:
        answer = client("ecs").describe_services(cluster=deployed.cluster_arn, services=[primary["service"]])
        assert not answer["failures"], f"there is no service {primary['service']}: {answer['failures']}"
        return dict(answer["services"][0])

    return describe


def test_the_service_is_active_and_its_last_deployment_completed(described: Any) -> None:
    service = described()
    assert service["status"] == "ACTIVE"
    (last,) = (one for one in service["deployments"] if one["status"] == "PRIMARY")
    # AWS documents the state for rolling deployments only; CloudFormation has waited for a canary.
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
    canary = service.get("deploymentConfiguration", {}).get("strategy") == "CANARY"
    state = last.get("rolloutState", "COMPLETED" if canary else "not reported")
    reason = last.get("rolloutStateReason", "no reason given")
    assert state == "COMPLETED", f"the last deployment is {state}: {reason}; see the events of the ECS service"


@pytest.mark.containers
def test_the_service_runs_its_desired_number_of_tasks(described: Any) -> None:
    def complete() -> bool:
        service = described()
        return bool(service["runningCount"] == service["desiredCount"] >= 1)

    assert becomes_true(complete, seconds=120), {name: described()[name] for name in ("runningCount", "desiredCount")}


@pytest.mark.containers
def test_the_service_answers_over_https(deployed: Deployed) -> None:
    """The request uses the load balancer's own name, because the DNS record of the team's domain may not exist yet.

    So the test verifies the certificate's issuer and validity, and not its host name.
    """
    tls_context = ssl.create_default_context()
    tls_context.check_hostname = False
    answers: list[object] = []

    def healthy() -> bool:
        connection = http.client.HTTPSConnection(deployed.load_balancer_dns, timeout=SECONDS, context=tls_context)
        try:
            connection.request("GET", HEALTH, headers=HEADERS)
            answers.append(connection.getresponse().status)
        except OSError as error:
            answers.append(error)
        finally:
            connection.close()
        return answers[-1] == 200

    assert becomes_true(healthy, seconds=60), f"https://{deployed.load_balancer_dns}{HEALTH} answers {answers[-1]!r}"


@pytest.mark.containers
def test_plain_http_is_refused_or_redirected(deployed: Deployed) -> None:
    connection = http.client.HTTPConnection(deployed.load_balancer_dns, timeout=SECONDS)
    try:
        connection.request("GET", HEALTH, headers=HEADERS)
        answer = connection.getresponse()
    except OSError:
        return  # there is no listener, so no request is sent in plain text
    finally:
        connection.close()
    assert 300 <= answer.status < 400, f"plain HTTP is answered with {answer.status}"
    assert (answer.headers["Location"] or "").startswith("https://")
