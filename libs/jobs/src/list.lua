-- One look at the lists of a model, newest job first. All of them in one script: a job that changes its
-- state between two looks would be missed, or seen twice.
--
-- KEYS   the caller's jobs in each wanted state, then those with each wanted label
-- ARGV   1: number of the former; 2 and 3: newest and oldest id, as ZREVRANGEBYLEX takes them;
--        4: ids wanted; 5: most ids to look at where there are labels; 6: 1 where every state is wanted
-- Returns, for each list that was walked: {ids, the id down to which it was looked at; '' = to its end}
--
-- Without labels the lists of states are walked. With labels it is the shortest: the states' together or a
-- label's; and of each id it is asked whether the others have it as well.
local CHUNK = 100
local states = tonumber(ARGV[1])
local newest, oldest, wanted = ARGV[2], ARGV[3], tonumber(ARGV[4])

local function slice(first, last)
  local keys = {}
  for i = first, last do
    keys[#keys + 1] = KEYS[i]
  end
  return keys
end

-- Whoever is in one list of each group is wanted.
local groups = { slice(1, states) }
for i = states + 1, #KEYS do
  groups[#groups + 1] = { KEYS[i] }
end

local shortest, least = 1, nil
for i, group in ipairs(groups) do
  local size = 0
  for _, key in ipairs(group) do
    size = size + redis.call('ZLEXCOUNT', key, oldest, newest)
  end
  if not least or size < least then
    shortest, least = i, size
  end
end

local checks = {}
for i, group in ipairs(groups) do
  -- A label's jobs are in some state.
  if i ~= shortest and not (i == 1 and ARGV[6] == '1') then
    checks[#checks + 1] = group
  end
end

local function keep(ids, group)
  local has = {}
  for _, key in ipairs(group) do
    for i, score in ipairs(redis.call('ZMSCORE', key, unpack(ids))) do
      has[i] = has[i] or score
    end
  end
  local kept = {}
  for i, id in ipairs(ids) do
    if has[i] then
      kept[#kept + 1] = id
    end
  end
  return kept
end

local function walk(key, looks)
  local found, from, chunk = {}, newest, #checks > 0 and CHUNK or wanted
  while true do
    local asked = math.min(chunk, looks)
    local ids = redis.call('ZREVRANGEBYLEX', key, from, oldest, 'LIMIT', 0, asked)
    local last, complete = ids[#ids], #ids < asked
    looks = looks - #ids
    for _, group in ipairs(checks) do
      if #ids > 0 then
        ids = keep(ids, group)
      end
    end
    for _, id in ipairs(ids) do
      found[#found + 1] = id
    end
    if complete then
      return { found, '' }
    end
    if #found >= wanted or looks == 0 then
      return { found, last }
    end
    from = '(' .. last
  end
end

local lists = groups[shortest]
local looks = #checks > 0 and math.ceil(ARGV[5] / #lists) or wanted
local walks = {}
for i, key in ipairs(lists) do
  walks[i] = walk(key, looks)
end
return walks
