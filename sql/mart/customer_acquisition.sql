/*+++
materialize = "table"
owner = "marketing"
grain = ["region", "quarter_start"]
+++*/
-- New customers of a region and quarter, and what campaigns spent to win them.
WITH won AS (
    SELECT
        region,
        CAST(date_trunc('quarter', signed_up_at) AS DATE) AS quarter_start,
        count(*) AS new_customers,
        sum(CASE WHEN campaign_id IS NOT NULL THEN 1 ELSE 0 END) AS by_campaign
    FROM crm.customers
    GROUP BY region, CAST(date_trunc('quarter', signed_up_at) AS DATE)
),
spent AS (
    SELECT region, CAST(date_trunc('quarter', started_on) AS DATE) AS quarter_start, sum(spend_eur) AS spend_eur
    FROM crm.campaigns
    GROUP BY region, CAST(date_trunc('quarter', started_on) AS DATE)
)
SELECT
    w.region,
    w.quarter_start,
    w.new_customers,
    w.by_campaign, -- of them, won by a campaign
    s.spend_eur,
    CASE WHEN w.by_campaign > 0 THEN round(CAST(s.spend_eur AS DOUBLE) / w.by_campaign, 2) END AS eur_per_customer -- won by a campaign
FROM won AS w
LEFT JOIN spent AS s ON s.region = w.region AND s.quarter_start = w.quarter_start
