-- The health of a DBInstanceSSL, as Argo CD shows it. It agrees with kstatus, by which Flux and
-- Helm judge, but for one thing: what kstatus calls InProgress because a plan is held back by
-- policy is Suspended here, for it is a person or a date that it waits for.
local waiting = "Waiting until the operator has looked at it"

if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "Being deleted" }
end
if obj.status == nil or obj.status.conditions == nil then
  return { status = "Progressing", message = waiting }
end
-- The conditions speak of an earlier spec.
if obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = waiting }
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  if condition.status == "True" or condition.type == "Ready" then
    conditions[condition.type] = condition
  end
end

local function told(type)
  return conditions[type].reason .. ": " .. (conditions[type].message or "")
end

if conditions.Reconciling ~= nil then
  return { status = "Progressing", message = told("Reconciling") }
end
if conditions.Stalled ~= nil then
  return { status = "Degraded", message = told("Stalled") }
end
if conditions.Ready ~= nil and conditions.Ready.status == "True" then
  -- What is declared is in force. Neither newer material that waits nor an end that comes near
  -- may hold up a sync, but both belong before people's eyes.
  local message = told("Ready")
  if conditions.ChangePending ~= nil then
    message = message .. " Held: " .. told("ChangePending")
  end
  if conditions.CertificateExpiring ~= nil then
    message = message .. " " .. told("CertificateExpiring")
  end
  if obj.spec ~= nil and obj.spec.suspend == true then
    message = message .. " spec.suspend is true: no change is sent."
  end
  return { status = "Healthy", message = message }
end
if conditions.ChangePending ~= nil then
  return { status = "Suspended", message = told("ChangePending") }
end
if conditions.Ready ~= nil then
  return { status = "Progressing", message = told("Ready") }
end
return { status = "Progressing", message = waiting }
