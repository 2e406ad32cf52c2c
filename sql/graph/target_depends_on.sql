/*+++
owner = "finance"
edge = { from = "target:target_id", to = "target:depends_on", relation = "depends on" }
grain = ["target_id"]
checks = [{ references = "core.targets", via = ["depends_on"], to = ["target_id"] }]
+++*/
-- An edge from a target to the one without which it cannot be reached.
SELECT target_id, depends_on
FROM core.targets
WHERE depends_on IS NOT NULL
