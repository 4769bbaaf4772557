-- Approves the plan in status: exactly this one, once. Another plan needs another approval.
if obj.status == nil or obj.status.plan == nil or obj.status.plan.digest == nil then
  error("there is no plan to approve")
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  error("the plan was made for an earlier spec: look at the one that follows")
end
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["rds-ssl.dev/approve"] = obj.status.plan.digest
return obj
