/*+++
owner = "marketing"
edge = { from = "customer:customer_id", to = "campaign:campaign_id", relation = "was won by" }
grain = ["customer_id"]
+++*/
-- An edge from a customer to the campaign that won them.
SELECT c.customer_id, c.campaign_id
FROM crm.customers AS c
JOIN crm.campaigns AS k ON k.campaign_id = c.campaign_id
