/*+++
owner = "sales"
grain = ["customer_id"]
checks = [{ references = "crm.territories", via = ["territory_id"] }, { accepted = ["store", "store contact", "person"], column = "kind" }]
+++*/
-- Everybody who buys: the operational customers, and the six re-keyed ones that only the web shop knows.
SELECT
    coalesce(customer.customer_id, history.customer_id) AS customer_id,
    coalesce(history.first_customer_id, customer.customer_id) AS first_customer_id, -- the id before a re-keying; customer_id itself if none
    customer.account_number, -- null for the six that operations does not know
    CASE
        WHEN customer.customer_id IS NOT NULL AND customer.person_id IS NULL THEN 'store'
        WHEN customer.store_id IS NOT NULL THEN 'store contact'
        ELSE 'person'
    END AS kind, -- store, store contact or person
    coalesce(store.name, nullif(concat_ws(' ', history.first_name, history.last_name), '')) AS name, -- of the store, or of the person where the web shop knows it
    territory.territory_id,
    territory.name AS territory,
    territory.country_code,
    store.salesperson_id -- who looks after the store
FROM crm.customers AS customer
FULL JOIN crm.customer_history AS history ON history.customer_id = customer.customer_id
LEFT JOIN crm.stores AS store ON store.store_id = customer.store_id
LEFT JOIN crm.territories AS online_territory ON online_territory.name = history.territory
LEFT JOIN crm.territories AS territory
    ON territory.territory_id = coalesce(customer.territory_id, online_territory.territory_id)
