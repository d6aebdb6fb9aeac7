"""What the catalogue writes into the audit log: a closed list."""

from enum import StrEnum


class CatalogEvent(StrEnum):
    STANDARD_REGISTERED = "standard.registered"
    CODE_LIST_REGISTERED = "code_list.registered"
    CODE_LIST_EDITION_ADDED = "code_list.edition_added"
    ELEMENT_REGISTERED = "element.registered"
    SOURCE_CLAIMED = "source.claimed"
    SOURCE_CONTESTED = "source.contested"
    SOURCE_DESIGNATED = "source.designated"
    SOURCE_REJECTED = "source.rejected"
    SOURCE_REPLACED = "source.replaced"
    SOURCE_WITHDRAWN = "source.withdrawn"
    SOURCE_ENDED = "source.ended"
    SOURCE_UNCONTESTED = "source.uncontested"
    RESOURCE_CREATED = "resource.created"
    RESOURCE_CHANGED = "resource.changed"
    RESOURCE_SUBMITTED = "resource.submitted"
    RESOURCE_WITHDRAWN = "resource.withdrawn"
    RESOURCE_DISCARDED = "resource.discarded"
    RESOURCE_RETURNED = "resource.returned"
    RESOURCE_APPROVED = "resource.approved"
    RESOURCE_PUBLISHED = "resource.published"
    RESOURCE_REVISED = "resource.revised"
    RESOURCE_RETIRED = "resource.retired"
    VERSION_PASSED = "resource.version_passed"
