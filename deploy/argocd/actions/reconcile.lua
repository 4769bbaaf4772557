-- Looks again now, and allows one more attempt after a refusal, a third failure or a time-out.
-- Each new text counts once. There is no clock in here; the resource version is another one after
-- every write, this one included.
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["rds-ssl.dev/reconcile-requested-at"] = "argocd-"
  .. obj.metadata.resourceVersion
return obj
