"""The closed list of audit events of sharing and of what moved (P8)."""

from enum import StrEnum


class ExchangeEvent(StrEnum):
    APPLICATION_CREATED = "application.created"
    APPLICATION_CHANGED = "application.changed"
    APPLICATION_SIGNED = "application.signed"
    SUPPLEMENT_REQUESTED = "application.supplement_requested"
    APPLICATION_SUPPLEMENTED = "application.supplemented"
    EXTENSION_REQUESTED = "application.extension_requested"
    EXTENSION_CONSENTED = "application.extension_consented"
    EXTENSION_DENIED = "application.extension_denied"
    APPLICATION_AGREED = "application.agreed"
    APPLICATION_REFUSED = "application.refused"
    APPLICATION_REROUTED = "application.rerouted"
    APPLICATION_WITHDRAWN = "application.withdrawn"
    DEADLINE_BREACHED = "deadline.breached"
    SUBSCRIPTION_GRANTED = "subscription.granted"
    SUBSCRIPTION_SUSPENDED = "subscription.suspended"
    SUBSCRIPTION_RESUMED = "subscription.resumed"
    SUBSCRIPTION_TERMINATED = "subscription.terminated"
    SUBSCRIPTION_EXPIRED = "subscription.expired"
    TERMINATION_FILED = "subscription.termination_filed"
    RECORDS_PUBLISHED = "records.published"
    RECORDS_READ = "records.read"
