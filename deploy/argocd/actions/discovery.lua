-- Which of the actions can be taken now; the others are shown in grey.
local status = obj.status or {}
local annotations = obj.metadata.annotations or {}
local suspended = obj.spec ~= nil and obj.spec.suspend == true

-- An approval lets a plan go that one of these holds ...
local held = { AwaitingApproval = true, ChangeLimitReached = true, Drifted = true }
-- ... and sends a change once more that ended like this.
local ended = { ApplyFailed = true, ApplyTimedOut = true, NotConverging = true }

local function may_be_approved()
  local plan = status.plan
  -- A plan that was made for an earlier spec is not the one that somebody wants to approve.
  if plan == nil or plan.digest == nil or status.observedGeneration ~= obj.metadata.generation then
    return false
  end
  if annotations["rds-ssl.dev/approve"] == plan.digest then
    return false
  end
  -- An approval counts once.
  if status.lastApproval ~= nil and status.lastApproval.digest == plan.digest then
    return false
  end
  for _, change in ipairs(status.history or {}) do
    if change.approval == plan.digest then
      return false
    end
  end
  local reason = plan.heldBy
  for _, condition in ipairs(status.conditions or {}) do
    if condition.type == "Stalled" and condition.status == "True" then
      if reason == nil or reason == condition.reason then
        return ended[condition.reason] == true or held[condition.reason] == true
      end
    end
  end
  return reason ~= nil and (held[reason] == true or ended[reason] == true)
end

return {
  ["approve"] = { ["disabled"] = not may_be_approved(), ["displayName"] = "Approve the plan" },
  ["suspend"] = { ["disabled"] = suspended, ["displayName"] = "Suspend all changes" },
  ["resume"] = { ["disabled"] = not suspended, ["displayName"] = "Resume changes" },
  ["reconcile"] = { ["disabled"] = false, ["displayName"] = "Look again now" },
}
