-- Takes deliveries that are due, those first that have been due for longest. Of a job one at a time is taken,
-- the earliest first; of a lane no more than it has room for; and of lanes on probation only so many together
-- that the others are never without.
--
-- ARGV   6: now, ms; 7: when what is taken comes back unless it was settled, ms; 8: most to take
-- Returns what was taken, and when to look again ('' where nothing waits).
for _, member in ipairs(redis.call('ZRANGEBYSCORE', TAKEN, '-inf', ARGV[6], 'LIMIT', 0, 100)) do
  release(member)
  local lane, job = partsOf(member)
  redis.call('ZADD', dueOf(job), 'LT', ARGV[6], member)
  place(lane, job)
end

-- The lane whose turn it is, when it is due, and whether it is on probation.
local function nextLane()
  local first = redis.call('ZRANGE', LANES, 0, 0, 'WITHSCORES')
  if redis.call('SCARD', PROBES) < tonumber(ARGV[5]) then
    local probe = redis.call('ZRANGE', PROBATION, 0, 0, 'WITHSCORES')
    if probe[1] and (not first[1] or tonumber(probe[2]) < tonumber(first[2])) then
      return probe[1], probe[2], true
    end
  end
  return first[1], first[2], false
end

local function takeFrom(lane, isOnProbation)
  local job = redis.call('ZRANGE', jobsOf(lane), 0, 0)[1]
  local member = redis.call('ZPOPMIN', dueOf(job))[1]
  redis.call('SADD', FLYING, job)
  redis.call('ZADD', TAKEN, ARGV[7], member)
  if isOnProbation then
    redis.call('SADD', PROBES, member)
  end
  redis.call('HINCRBY', BUSY, lane, 1)
  place(lane, job)
  return member
end

local members = {}
local lane, due, isOnProbation = nextLane()
while lane and tonumber(due) <= tonumber(ARGV[6]) and #members < tonumber(ARGV[8]) do
  members[#members + 1] = takeFrom(lane, isOnProbation)
  lane, due, isOnProbation = nextLane()
end
local lost = redis.call('ZRANGE', TAKEN, 0, 0, 'WITHSCORES')
return { members, due or '', lost[2] or '' }
