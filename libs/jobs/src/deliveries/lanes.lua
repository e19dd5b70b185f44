-- What the scripts of the couriers' schedule share: it stands before each of them.
--
-- KEYS   1: lanes, 2: lanes on probation, 3: taken, 4: taken of lanes on probation, 5: busy, 6: flying
-- ARGV   1: prefix of the sets of the jobs of a lane, 2: prefix of the sets of the deliveries of a job,
--        3: prefix of the standings of lanes, 4: most that are taken of a lane at a time,
--        5: most that are taken of all lanes on probation together
--
-- A member names lane, job and place; all of a job are of one lane. A job stands in the set of its lane while
-- none of its deliveries is taken, and a lane in `lanes` or on probation while it has room, each by its first
-- due time. The standing of a lane is the room it has, negative while it is on probation: until it has taken
-- something quickly, and after it has not.
local START = 4 -- room of a lane that is not known
local STANDING_MS = 3600000
local LANES, PROBATION, TAKEN, PROBES, BUSY, FLYING = unpack(KEYS, 1, 6)

local function partsOf(member)
  return string.match(member, '^(%S+) (%S+)')
end

local function jobsOf(lane)
  return ARGV[1] .. lane
end

local function dueOf(job)
  return ARGV[2] .. job
end

-- Returns the room of a lane, and whether it is on probation.
local function standingOf(lane)
  local standing = tonumber(redis.call('GET', ARGV[3] .. lane) or -START)
  return math.min(math.abs(standing), tonumber(ARGV[4])), standing < 0
end

-- After every change of a job: it, and its lane, to where they belong.
local function place(lane, job)
  local due = redis.call('ZRANGE', dueOf(job), 0, 0, 'WITHSCORES')
  if due[1] and redis.call('SISMEMBER', FLYING, job) == 0 then
    redis.call('ZADD', jobsOf(lane), due[2], job)
  else
    redis.call('ZREM', jobsOf(lane), job)
  end
  local first = redis.call('ZRANGE', jobsOf(lane), 0, 0, 'WITHSCORES')
  local taken = tonumber(redis.call('HGET', BUSY, lane) or 0)
  local room, isOnProbation = standingOf(lane)
  local there, elsewhere = LANES, PROBATION
  if isOnProbation then
    there, elsewhere = PROBATION, LANES
  end
  redis.call('ZREM', elsewhere, lane)
  if first[1] and taken < room then
    redis.call('ZADD', there, first[2], lane)
  else
    redis.call('ZREM', there, lane)
  end
end

-- What was taken is so no longer. Returns false where it was not.
local function release(member)
  if redis.call('ZREM', TAKEN, member) == 0 then
    return false
  end
  redis.call('SREM', PROBES, member)
  local lane, job = partsOf(member)
  redis.call('SREM', FLYING, job)
  if redis.call('HINCRBY', BUSY, lane, -1) <= 0 then
    redis.call('HDEL', BUSY, lane)
  end
  return true
end
