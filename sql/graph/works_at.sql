/*+++
owner = "people"
edge = { from = "employee:employee_id", to = "store:store_id", relation = "works at" }
grain = ["employee_id"]
+++*/
-- An edge from everybody who works in a shop to that shop.
SELECT employee_id, store_id
FROM core.employees
WHERE store_id IS NOT NULL
