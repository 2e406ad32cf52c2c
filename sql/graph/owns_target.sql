/*+++
owner = "finance"
edge = { from = "employee:owner_id", to = "target:target_id", relation = "owns" }
grain = ["target_id"]
+++*/
-- An edge from everybody who promised a target to it.
SELECT owner_id, target_id, metric, value, unit
FROM core.targets
