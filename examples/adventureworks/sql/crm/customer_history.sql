/*+++
owner = "online sales"
grain = ["customer_id"]
checks = [
    { references = "crm.online_customers", via = ["first_customer_id"], to = ["customer_id"] },
    { sql = "SELECT customer_id FROM this WHERE valid_to <= valid_from", name = "validity_is_not_empty" },
]
+++*/
-- Every version of every web-shop customer. Six moved house and were given a new customer_id: the version before is the one of
-- the same name that ended the day before. Dates are as published, 4,207 days after the original.
SELECT
    coalesce(previous.customer_id, customer.customer_id) AS first_customer_id, -- the same in all versions of a customer
    customer.customer_id, -- the id under which this version ordered
    previous.customer_id AS previous_customer_id, -- the id before the move; null for a first version
    CASE WHEN previous.customer_id IS NULL THEN 1 ELSE 2 END AS version, -- 1 for the first; nobody has more than two
    customer.start_date AS valid_from, -- the first day
    CAST(customer.end_date + INTERVAL '1 day' AS DATE) AS valid_to, -- the first day on which it no longer holds; null for the current one
    customer.is_active AS is_current,
    customer.first_name,
    customer.middle_name,
    customer.last_name,
    customer.address_line_1,
    customer.city,
    customer.state_name,
    customer.country_region_code AS country_code,
    customer.territory_name AS territory
FROM crm.online_customers AS customer
LEFT JOIN crm.online_customers AS previous
    ON previous.first_name = customer.first_name
    AND previous.last_name = customer.last_name
    AND (previous.middle_name IS NOT DISTINCT FROM customer.middle_name)
    AND NOT previous.is_active
    AND CAST(previous.end_date + INTERVAL '1 day' AS DATE) = customer.start_date
