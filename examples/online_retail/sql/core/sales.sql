/*+++
owner = "sales"
checks = [{ not_null = ["invoice_no", "sku", "invoiced_on", "amount"] }]
+++*/
-- Every line with its amount, its day and what it is. Exact duplicates count as often as they were written.
SELECT
    invoice_no,
    upper(stock_code) AS sku, -- the source writes some codes in both cases
    description,
    quantity, -- pieces; negative for returns
    unit_price, -- GBP a piece
    CAST(CAST(quantity AS DECIMAL(9, 0)) * unit_price AS DECIMAL(18, 3)) AS amount, -- GBP
    CAST(invoiced_at AS DATE) AS invoiced_on,
    customer_id, -- null where unknown
    country,
    CASE
        WHEN invoice_no LIKE 'C%' THEN 'return'
        WHEN invoice_no LIKE 'A%' THEN 'adjustment'
        WHEN quantity <= 0 THEN 'write-off'
        WHEN unit_price <= 0 THEN 'gift'
        ELSE 'sale'
    END AS kind, -- sale, return, gift, write-off or adjustment
    regexp_like(stock_code, '^[0-9]{5}') AS is_product -- false: postage, fees, vouchers
FROM shop.invoice_lines
