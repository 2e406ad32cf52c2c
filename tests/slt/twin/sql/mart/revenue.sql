-- What each customer spent.
SELECT customer_id, sum(amount) AS revenue, count(*) AS orders
FROM core.order_lines
GROUP BY customer_id
