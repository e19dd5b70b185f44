-- Writes the records of jobs that are being accepted: all that there is room for, or none where Redis is full.
-- Where its answer was lost on the way the client sends this again, and some may have started or ended meanwhile:
-- what is there stays as it is.
--
-- KEYS   1: waiting, 2: start deadlines, then the records
-- ARGV   1: lists, 2: labels; then for each record: spec (JSON), input, owner, turn, latest start (ms or ''),
--        digests of its metadata pairs (separated by spaces), name of this submission or '' where there is but one,
--        lane of its receiver and the events that its webhook asks for (separated by spaces) or '', how many jobs
--        its owner may have in this queue, with this one, or ''
-- Returns the length of the queue; then, counted from 1, which jobs there was no room for.
local lengths, refused = {}, {}
local function takesRoom(list, most)
  if most == '' then
    return true
  end
  local length = lengths[list] or redis.call('ZCARD', list)
  local free = length < tonumber(most)
  lengths[list] = free and length + 1 or length
  return free
end

local someKnown = redis.call('EXISTS', unpack(KEYS, 3)) > 0
local known, sentAgain = {}, false
for i = 3, someKnown and #KEYS or 0 do
  known[i] = redis.call('EXISTS', KEYS[i]) == 1
  sentAgain = sentAgain or known[i] and ARGV[9 * (i - 3) + 9] == ''
end

for i = 3, #KEYS do
  local key, at = KEYS[i], 9 * (i - 3) + 3
  local id, owner, by = idOf(key), ARGV[at + 2], ARGV[at + 6]
  if known[i] then
    if by ~= '' and redis.call('HGET', key, 'by') ~= by then
      redis.call('HSET', key, 'by', 'several') -- whoever gives one of them up must not take it back
    end
  elseif sentAgain or not takesRoom(listOf(ARGV[1], 'queued', owner), ARGV[at + 8]) then
    refused[#refused + 1] = i - 2
  else
    local fields = { 'status', 'queued', 'spec', ARGV[at], 'input', ARGV[at + 1] }
    if owner ~= '' then
      fields[7], fields[8] = 'owner', owner
    end
    if by ~= '' then
      fields[#fields + 1], fields[#fields + 2] = 'by', by
    end
    if ARGV[at + 7] ~= '' then
      fields[#fields + 1], fields[#fields + 2] = 'callback', ARGV[at + 7]
    end
    redis.call('HSET', key, unpack(fields))
    add(KEYS[1], ARGV[at + 3], id)
    add(listOf(ARGV[1], 'queued', owner), '0', id)
    if ARGV[at + 4] ~= '' then
      add(KEYS[2], ARGV[at + 4], id)
    end
    for digest in string.gmatch(ARGV[at + 5], '%S+') do
      add(ARGV[2] .. owner .. ':' .. digest, '0', id)
    end
  end
end
makeMoves()
return { redis.call('ZCARD', KEYS[1]), unpack(refused) }
