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

local function changeStatus(lists, id, owner, from, to)
  remove(listOf(lists, from, owner or ''), id)
  add(listOf(lists, to, owner or ''), '0', id)
end

-- `now` and `forMs` as text, and so is the sum: Redis is slow at writing numbers.
local ends = {}
local function endOf(now, forMs)
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
