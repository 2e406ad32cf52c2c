/*+++
materialize = "table"
owner = "sales"
grain = ["region", "category", "sold_on"]
+++*/
-- Sales of a category in a region on a day, with the day's weather.
SELECT
    s.region,
    p.category,
    s.sold_on,
    sum(s.quantity) AS units,
    sum(CASE WHEN s.promoted THEN s.quantity ELSE 0 END) AS promoted_units,
    sum(s.revenue) AS revenue, -- in the region's currency
    max(w.temperature_c) AS temperature_c, -- mean of the day
    max(w.rain_mm) AS rain_mm, -- null at hard frost
    max(w.sunshine_h) AS sunshine_h
FROM core.sales AS s
JOIN core.products AS p ON p.product_id = s.product_id
LEFT JOIN weather.observations AS w ON w.region = s.region AND w.observed_on = s.sold_on
GROUP BY s.region, p.category, s.sold_on
