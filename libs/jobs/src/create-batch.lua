-- Writes the records of jobs that are being accepted: all, or none where Redis is full.
--
-- KEYS   1: waiting, 2: start deadlines, then the records
-- ARGV   1: lists, 2: labels; then for each record: spec (JSON), input, owner, turn, latest start (ms or ''),
--        digests of its metadata pairs (separated by spaces), name of this submission or '' where there is but one,
--        lane of its receiver and the events that its webhook asks for (separated by spaces) or ''
for i = 3, #KEYS do
  local key, at = KEYS[i], 8 * (i - 3) + 3
  if ARGV[at + 6] == '' or redis.call('EXISTS', key) == 0 then
    local id, owner = idOf(key), ARGV[at + 2]
    local fields = { 'status', 'queued', 'spec', ARGV[at], 'input', ARGV[at + 1] }
    if owner ~= '' then
      fields[7], fields[8] = 'owner', owner
    end
    if ARGV[at + 6] ~= '' then
      fields[#fields + 1], fields[#fields + 2] = 'by', ARGV[at + 6]
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
  else
    redis.call('HSET', key, 'by', 'several') -- whoever gives one of them up must not take it back
  end
end
makeMoves()
