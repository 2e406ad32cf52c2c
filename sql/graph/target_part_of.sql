/*+++
owner = "finance"
edge = { from = "target:target_id", to = "target:parent_id", relation = "is part of" }
grain = ["target_id"]
checks = [{ references = "core.targets", via = ["parent_id"], to = ["target_id"] }]
+++*/
-- An edge from a region's target to the company's.
SELECT target_id, parent_id
FROM core.targets
WHERE parent_id IS NOT NULL
