"""The cases behind each indicator: one SELECT each, from which figures and lists are made (Art 38).

Each row is one case: whose (`department`, `region_code`), when (`at`), what (`thing`, `thing_id`),
how much it weighs (`amount`), and whether it counts in the numerator (`met`). Parameters are
`since` and `until`, the first moments of the first day and after the last one, `from_day` and
`to_day`, and `now`. What is neither done nor due yet is no case. These are reports: they read what
catalog and exchange have written, and write nothing.
"""

from typing import Final

# In force when the period ends; live since the first record, file or service.
MOUNTED: Final = """
    SELECT r.department, r.region_code, CAST(:until AS timestamptz) - interval '1 us' AS at,
        'resource' AS thing, v.resource_id AS thing_id, 1 AS amount,
        live.resource_id IS NOT NULL AS met
    FROM catalog.resource_version v
    JOIN catalog.resource r ON r.id = v.resource_id
    LEFT JOIN (
        SELECT DISTINCT resource_id FROM exchange.live_resource WHERE since < :until
    ) AS live ON live.resource_id = v.resource_id
    WHERE v.published_at < :until AND (v.ended_at IS NULL OR v.ended_at >= :until)
"""

# The same; of a period that has not ended the entries say it themselves, without their versions.
MOUNTED_SUMS: Final = f"""
    SELECT r.department, r.region_code, CAST(:until AS timestamptz) - interval '1 us' AS at,
        1 AS amount, live.resource_id IS NOT NULL AS met
    FROM catalog.resource r
    LEFT JOIN (
        SELECT DISTINCT resource_id FROM exchange.live_resource WHERE since < :until
    ) AS live ON live.resource_id = r.id
    WHERE r.published_version IS NOT NULL AND r.status <> 'retired' AND :until > :now
    UNION ALL
    SELECT department, region_code, at, amount, met FROM ({MOUNTED}) AS v WHERE :until <= :now
"""  # noqa: S608 - texts of this module

# Each day on which an entry with a cycle was looked at; nothing is measured before its day.
UPDATED: Final = """
    SELECT r.department, r.region_code, q.measured_at AS at,
        'resource' AS thing, q.resource_id AS thing_id, q.checked AS amount, q.failed = 0 AS met
    FROM exchange.quality_check q JOIN catalog.resource r ON r.id = q.resource_id
    WHERE q.day BETWEEN :from_day AND :to_day AND q.measured_at >= :since
        AND q.rule = 'update_cycle'
"""

# The same by day of a department: a region has three million a month.
UPDATED_SUMS: Final = """
    SELECT q.department, q.region_code, CAST(q.day AS timestamp) AT TIME ZONE 'Asia/Shanghai' AS at,
        part.amount, part.met
    FROM exchange.quality_sum q CROSS JOIN LATERAL (
        VALUES (q.timely_days, true), (q.entry_days - q.timely_days, false)
    ) AS part (amount, met)
    WHERE q.day BETWEEN :from_day AND :to_day AND q.entry_days > 0
"""

# C3 and C4 with their extensions; a request for material stops the clock. Withdrawn in time is
# no case; withdrawn late is one that was not answered.
ANSWERED: Final = """
    SELECT provider_department AS department, region_code, due_at - interval '1 us' AS at,
        'application' AS thing, id AS thing_id, 1 AS amount,
        coalesce(status IN ('agreed', 'refused', 'rerouted') AND decided_at < due_at, false) AS met
    FROM exchange.application
    WHERE due_at > :since AND due_at <= :until AND submitted_at IS NOT NULL AND (
        status IN ('agreed', 'refused', 'rerouted') OR breached_at IS NOT NULL
        OR status IN ('submitted', 'extension_requested') AND due_at <= :now
    )
"""

# C6; what ended before its day without a record is no case.
DELIVERED: Final = """
    SELECT provider_department AS department, region_code, deliver_by - interval '1 us' AS at,
        'subscription' AS thing, id AS thing_id, 1 AS amount,
        coalesce(delivered_at < deliver_by, false) AS met
    FROM exchange.subscription
    WHERE deliver_by > :since AND deliver_by <= :until AND (
        delivered_at IS NOT NULL OR delivery_breached_at IS NOT NULL
        OR deliver_by <= :now AND (
            status IN ('active', 'suspended') OR least(
                ended_at, CAST(valid_until + 1 AS timestamp) AT TIME ZONE 'Asia/Shanghai'
            ) >= deliver_by
        )
    )
"""

# Of those that nobody was assigned the department is unknown.
DEMANDS_MET: Final = """
    SELECT assigned_department AS department, region_code, ended_at AS at,
        'demand' AS thing, id AS thing_id, 1 AS amount, status = 'met' AS met
    FROM exchange.demand
    WHERE ended_at >= :since AND ended_at < :until AND submitted_at IS NOT NULL
"""

# C7, which ends at rejected or fixed.
CORRECTED: Final = """
    SELECT provider_department AS department, region_code, due_at - interval '1 us' AS at,
        'correction' AS thing, id AS thing_id, 1 AS amount,
        coalesce(
            status IN ('rejected', 'fixed', 'confirmed')
            AND coalesce(fixed_at, answered_at) < due_at AND breached_at IS NULL,
            false
        ) AS met
    FROM exchange.correction
    WHERE due_at > :since AND due_at <= :until AND (
        status IN ('rejected', 'fixed', 'confirmed') OR breached_at IS NOT NULL
        OR status <> 'withdrawn' AND due_at <= :now
    )
"""

# One check is one rule of one resource on one day; keeping a cycle is the indicator of its own.
# What the platform could not answer is no fault of a department; its declared rules are.
QUALITY: Final = """
    SELECT r.department, r.region_code, q.measured_at AS at,
        'resource' AS thing, q.resource_id AS thing_id, 1 AS amount, q.failed = 0 AS met
    FROM exchange.quality_check q JOIN catalog.resource r ON r.id = q.resource_id
    WHERE q.day BETWEEN :from_day AND :to_day AND q.measured_at >= :since AND q.checked > 0
        AND q.rule <> 'reads'
"""

QUALITY_SUMS: Final = """
    SELECT q.department, q.region_code, CAST(q.day AS timestamp) AT TIME ZONE 'Asia/Shanghai' AS at,
        part.amount, part.met
    FROM exchange.quality_sum q CROSS JOIN LATERAL (
        VALUES (q.passed, true), (q.checks - q.passed, false)
    ) AS part (amount, met)
    WHERE q.day BETWEEN :from_day AND :to_day AND q.checks > 0
"""

# Answers that carried data, by day of a subscription.
CALLS: Final = """
    SELECT s.provider_department AS department, s.region_code,
        CAST(d.day AS timestamp) AT TIME ZONE 'Asia/Shanghai' AS at,
        'subscription' AS thing, d.subscription_id AS thing_id, d.answers AS amount, true AS met
    FROM exchange.delivered_day d JOIN exchange.subscription s ON s.id = d.subscription_id
    WHERE d.day BETWEEN :from_day AND :to_day AND d.answers > 0
"""

# An entry in force that is derived from an entry of a lower division, once for each division; met
# where a department of that division takes it back.
RETURNED: Final = """
    SELECT r.department, r.region_code, CAST(:until AS timestamptz) - interval '1 us' AS at,
        'resource' AS thing, r.id AS thing_id, 1 AS amount,
        bool_or(EXISTS (
            SELECT FROM exchange.subscription s
            WHERE s.resource_id = r.id AND s.consumer_department = lower.department
                AND s.return_flow AND s.status = 'active'
                AND s.created_at < :until AND s.valid_until >= :to_day
        )) AS met
    FROM catalog.resource_version v
    JOIN catalog.resource r ON r.id = v.resource_id
    CROSS JOIN LATERAL jsonb_array_elements_text(v.derived_from) AS origin (id)
    JOIN catalog.resource lower ON lower.id = origin.id
    WHERE v.published_at < :until AND (v.ended_at IS NULL OR v.ended_at >= :until)
        AND v.derived_from <> '[]'
        AND regexp_replace(lower.region_code, '(00)+$', '')
            LIKE regexp_replace(r.region_code, '(00)+$', '') || '_%'
    GROUP BY r.department, r.region_code, r.id, lower.region_code
"""

# Who delivered how much to whom, by day of a subscription.
FLOWS: Final = """
    SELECT s.provider_department, s.consumer_department, s.region_code AS provider_region,
        c.region_code AS consumer_region, d.answers, d.records, d.bytes
    FROM exchange.delivered_day d
    JOIN exchange.subscription s ON s.id = d.subscription_id
    JOIN auth.department c ON c.uscc = s.consumer_department
    WHERE d.day BETWEEN :from_day AND :to_day
"""
