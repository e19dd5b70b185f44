-- What every script that changes jobs shares: it stands before each of them.
-- Moves between sorted sets are gathered, so that a set takes one command for all jobs of a batch.
local CHUNK = 1000 -- Lua's unpack has a limit; even, as members of ZADD come with their scores
local removed, added = {}, {}

local function remove(key, id)
  local ids = removed[key]
  if not ids then
    ids = {}
    removed[key] = ids
  end
  ids[#ids + 1] = id
end

local function add(key, score, id)
  local members = added[key]
  if not members then
    members = {}
    added[key] = members
  end
  members[#members + 1] = score
  members[#members + 1] = id
end

local function makeMoves()
  for command, moves in pairs({ ZREM = removed, ZADD = added }) do
    for key, values in pairs(moves) do
      for from = 1, #values, CHUNK do
        redis.call(command, key, unpack(values, from, math.min(from + CHUNK - 1, #values)))
      end
    end
  end
end

local function idOf(record)
  return string.sub(record, -30)
end

local function partsOf(record)
  return string.sub(record, 1, -36) .. ':parts:' .. idOf(record)
end

local function deliveriesOf(record)
  return string.sub(record, 1, -36) .. ':deliveries:' .. idOf(record)
end

-- Keeps an event with its job, and puts it out for the couriers, where the job's webhook asked for it.
-- `callback` is the field of the record: the lane of the receiver and the events that are wanted.
local owed = false
local function owe(outbox, record, callback, event, at, done)
  if not callback or not string.find(callback, ' ' .. event, 1, true) then
    return
  end
  local sequence = redis.call('HINCRBY', record, 'sequence', 1)
  local held = redis.call('HMGET', record, 'tries', 'event_at')
  -- Processes' clocks differ: an event is not put before the one it follows.
  local due = math.max(at, held[2] or 0)
  redis.call('HSET', record, 'event_at', due)
  redis.call('HSET', deliveriesOf(record), sequence, '{"event":"' .. event .. '","at":' .. at
    .. ',"tries":' .. (held[1] or 0) .. ',"done":' .. (done or 0) .. '}')
  redis.call('HINCRBY', deliveriesOf(record), 'open', 1)
  add(outbox, due, string.match(callback, '%S+') .. ' ' .. idOf(record) .. string.format(' %06d', sequence))
  owed = true
end

local function wakeCouriers(channel, outbox)
  if owed then
    redis.call('PUBLISH', channel, outbox)
  end
end

-- `lists` is the part of their names before status and owner.
local names = {}
local function listOf(lists, status, owner)
  local ofStatus = names[status]
  if not ofStatus then
    ofStatus = {}
    names[status] = ofStatus
  end
  local name = ofStatus[owner]
  if not name then
    name = lists .. status .. ':' .. owner
    ofStatus[owner] = name
  end
  return name
end

-- All that run, of whatever owner, are in one more.
local function leaveList(lists, id, owner, status)
  remove(listOf(lists, status, owner or ''), id)
  if status == 'running' then
    remove(lists .. status, id)
  end
end

local function changeStatus(lists, id, owner, from, to)
  leaveList(lists, id, owner, from)
  add(listOf(lists, to, owner or ''), '0', id)
  if to == 'running' then
    add(lists .. to, '0', id)
  end
end

-- A webhook is tried for up to a week; the record that it tells of stays as long, so that it can be sent again.
local CALLBACK_KEEP_MS = 8 * 86400000

-- Until when an ended job is kept, once what its webhook is to hear of has been put out.
-- `now` and `forMs` as text, and so is the sum: Redis is slow at writing numbers.
local ends = {}
local function endOf(record, now, forMs, callback)
  if callback and tonumber(redis.call('HGET', deliveriesOf(record), 'open') or 0) > 0 then
    forMs = math.max(forMs, CALLBACK_KEEP_MS)
  end
  local ms = ends[forMs]
  if not ms then
    ms = string.format('%.0f', now + forMs)
    ends[forMs] = ms
  end
  return ms
end

local function tell(channel, ids)
  if #ids > 0 then
    redis.call('PUBLISH', channel, table.concat(ids, ' '))
  end
end
