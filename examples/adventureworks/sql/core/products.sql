/*+++
owner = "operations"
grain = ["product_id"]
+++*/
-- Every product with the names of its groups.
SELECT
    product.product_id,
    product.product_number,
    product.name,
    category.product_category_id,
    coalesce(category.name, 'None') AS category, -- None: a part that is not sold
    subcategory.product_subcategory_id,
    coalesce(subcategory.name, 'None') AS subcategory,
    model.name AS model,
    product.made_in_house, -- false: bought from vendors
    product.sellable, -- false: used only inside other products
    product.standard_cost, -- USD a piece
    product.list_price, -- USD a piece
    product.safety_stock_level,
    product.reorder_point,
    product.days_to_manufacture,
    product.sell_end_date IS NULL AS still_sold
FROM erp.products AS product
LEFT JOIN erp.product_subcategories AS subcategory ON subcategory.product_subcategory_id = product.product_subcategory_id
LEFT JOIN erp.product_categories AS category ON category.product_category_id = subcategory.product_category_id
LEFT JOIN erp.product_models AS model ON model.product_model_id = product.product_model_id
